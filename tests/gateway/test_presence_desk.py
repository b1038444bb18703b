from causerie.cache.presence import Status
from causerie.domain.ids import UserId
from services.gateway.presence import Desk

ANN, BOB = UserId("ann"), UserId("bob")


def test_who_comes_is_written_down_once():
    desk = Desk(grace_seconds=10.0)
    desk.arrive(ANN, Status.ONLINE)
    desk.arrive(ANN, Status.ONLINE)

    assert desk.take_changes(now=0.0) == {ANN: Status.ONLINE}
    assert desk.take_changes(now=1.0) == {}
    assert desk.seated == {ANN: Status.ONLINE}


def test_who_comes_is_unwritten_until_he_has_been_handed_out_to_be_written():
    desk = Desk(grace_seconds=10.0)
    desk.arrive(ANN, Status.ONLINE)
    desk.take_changes(now=0.0)
    desk.arrive(ANN, Status.AWAY)
    desk.arrive(BOB, Status.ONLINE)

    assert set(desk.unwritten) == {BOB}
    desk.take_changes(now=1.0)
    assert not desk.unwritten


def test_who_leaves_is_here_until_the_grace_is_over():
    desk = Desk(grace_seconds=10.0)
    desk.arrive(ANN, Status.ONLINE)
    desk.take_changes(now=0.0)
    desk.depart(ANN, now=5.0)

    assert desk.take_changes(now=14.9) == {}
    assert desk.seated == {ANN: Status.ONLINE}
    assert desk.take_changes(now=15.0) == {ANN: Status.OFFLINE}
    assert desk.seated == {}


def test_who_comes_back_within_the_grace_has_never_left():
    desk = Desk(grace_seconds=10.0)
    desk.arrive(ANN, Status.ONLINE)
    desk.take_changes(now=0.0)
    desk.depart(ANN, now=5.0)
    desk.arrive(ANN, Status.ONLINE)

    assert desk.take_changes(now=100.0) == {}


def test_away_is_a_change_and_so_is_coming_back_from_it():
    desk = Desk(grace_seconds=10.0)
    desk.arrive(ANN, Status.ONLINE)
    desk.arrive(ANN, Status.AWAY)
    assert desk.take_changes(now=0.0) == {ANN: Status.AWAY}

    desk.arrive(ANN, Status.ONLINE)
    assert desk.take_changes(now=1.0) == {ANN: Status.ONLINE}


def test_what_could_not_be_written_is_kept_unless_it_changed_meanwhile():
    desk = Desk(grace_seconds=10.0)
    desk.arrive(ANN, Status.ONLINE)
    desk.arrive(BOB, Status.ONLINE)
    failed = desk.take_changes(now=0.0)
    desk.arrive(BOB, Status.AWAY)
    desk.keep(failed)

    assert desk.take_changes(now=1.0) == {ANN: Status.ONLINE, BOB: Status.AWAY}
