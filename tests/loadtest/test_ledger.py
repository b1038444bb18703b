"""What counts as lost, and what does not."""

from loadtest.swarm.ledger import Ledger

ANN, BEN = 1, 2
ROOM = b"0190c1d2-0000-7000-8000-000000000001"


def test_who_gets_every_number_once_has_lost_nothing():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 4)

    for seq in (5, 6, 7):
        assert ledger.take(ANN, ROOM, seq)

    assert ledger.missing({}) == 0
    assert ledger.delivered == 3


def test_an_event_that_never_came_is_lost():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 1)
    ledger.take(ANN, ROOM, 2)
    ledger.take(ANN, ROOM, 4)

    assert ledger.missing({}) == 1


def test_what_only_others_got_is_lost_to_who_did_not():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 1)
    ledger.begin(BEN, ROOM, 1)
    ledger.take(BEN, ROOM, 2)

    assert ledger.missing({}) == 1
    assert ledger.missing({ROOM: 3}) == 3


def test_an_acknowledged_message_that_nobody_got_is_lost():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 1)

    ledger.acked(ROOM, 2)

    assert ledger.missing({}) == 1


def test_an_order_turned_round_by_catching_up_loses_nothing():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 1)

    for seq in (4, 3, 2):
        assert ledger.take(ANN, ROOM, seq)

    assert ledger.missing({}) == 0


def test_a_repeat_is_counted_and_delivers_nothing():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 1)
    ledger.take(ANN, ROOM, 2)
    ledger.take(ANN, ROOM, 4)

    assert not ledger.take(ANN, ROOM, 2)
    assert not ledger.take(ANN, ROOM, 4)
    assert ledger.duplicates == 2
    assert ledger.delivered == 2


def test_events_before_the_beginning_is_known_count_from_there():
    ledger = Ledger()
    ledger.take(ANN, ROOM, 6)

    ledger.begin(ANN, ROOM, 5)

    assert ledger.missing({}) == 0


def test_who_left_misses_nothing():
    ledger = Ledger()
    ledger.begin(ANN, ROOM, 1)
    ledger.acked(ROOM, 9)

    ledger.forget(ANN)

    assert ledger.missing({}) == 0
