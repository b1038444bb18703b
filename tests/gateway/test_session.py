from uuid import UUID

import pytest

from causerie.domain.caller import Caller
from causerie.domain.errors import InvalidRequest
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol import commands
from causerie.protocol.close_codes import CloseCode
from services.gateway.session import End, Enter, Perform, Ping, Refuse, Renew, Rules, Session

UNIX = 1_800_000_000.0
ANN = Caller(UserId("ann"), expires_at=UNIX + 3600)
BOB = Caller(UserId("bob"), expires_at=UNIX + 3600)
CHANNELS = [ConversationId(UUID(int=number)) for number in range(4)]


def a_session(*, admitted: bool = True, caller: Caller = ANN, **rules: float) -> Session:
    session = Session(Rules(**rules), number=1, now=0.0)  # type: ignore[arg-type]
    if admitted:
        session.admit(caller, now=0.0, unix_now=UNIX)
    return session


def test_before_anybody_is_admitted_only_auth_is_heard():
    session = a_session(admitted=False)

    assert session.ask(commands.Auth("t")) == Enter("t")
    refusal = session.ask(commands.Ping())
    assert isinstance(refusal, Refuse)
    assert refusal.error.code == "unauthenticated"


def test_once_admitted_a_session_performs_and_renews_but_does_not_authenticate_again():
    session = a_session()

    assert session.ask(commands.Ping()) == Perform(commands.Ping())
    assert session.ask(commands.Refresh("t")) == Renew("t")
    refusal = session.ask(commands.Auth("t"))
    assert isinstance(refusal, Refuse)
    assert refusal.error.code == "conflict"


def test_who_does_not_authenticate_in_time_is_sent_away():
    session = a_session(admitted=False, entry_seconds=10.0)

    assert session.tick(now=9.9) is None
    assert session.tick(now=10.0) == End(CloseCode.UNAUTHENTICATED, "authentication timed out")


def test_a_client_that_answers_is_pinged_for_ever():
    session = a_session()

    for beat in range(1, 100):
        assert session.tick(now=beat * 25.0) == Ping()
        session.hear(now=beat * 25.0 + 1)


def test_a_session_as_old_as_it_may_get_is_asked_to_come_back_at_once():
    session = a_session(max_age_seconds=60.0)
    session.hear(now=59.0)

    assert session.due <= 60.0
    assert session.tick(now=59.9) == Ping()
    end = session.tick(now=60.0)
    assert end == End(CloseCode.RESTART, "age", retry_after_seconds=0.0)
    assert isinstance(end, End) and end.counted_as == "age"


def test_sessions_that_began_together_grow_old_a_fifth_apart():
    early = Session(Rules(max_age_seconds=60.0, entry_seconds=600.0), number=1, now=0.0, spread=0.9)
    late = Session(Rules(max_age_seconds=60.0, entry_seconds=600.0), number=2, now=0.0, spread=1.1)

    assert (early.due, late.due) == (pytest.approx(48.0), pytest.approx(72.0))


def test_who_is_sent_away_by_a_drain_is_counted_apart_from_who_makes_room():
    assert End(CloseCode.RESTART).counted_as == "restart"
    assert End(CloseCode.RESTART, "rebalance").counted_as == "rebalance"
    assert End(CloseCode.UNAUTHENTICATED, "the token has expired").counted_as == "unauthenticated"


def test_two_silent_pings_end_the_session_at_the_third():
    session = a_session()

    assert [session.tick(now=moment) for moment in (25.0, 50.0, 75.0)] == [Ping(), Ping(), End(CloseCode.SILENT)]


def test_between_two_beats_nothing_happens():
    session = a_session()

    assert session.due == 25.0
    assert session.tick(now=24.9) is None
    session.tick(now=25.0)
    assert session.due == 50.0


def test_a_session_ends_with_its_token_and_some_leeway():
    session = a_session(caller=Caller(UserId("ann"), expires_at=UNIX + 5), leeway_seconds=30.0)

    assert session.tick(now=30.0) == Ping()
    assert session.tick(now=35.0) == End(CloseCode.UNAUTHENTICATED, "the token has expired")


def test_a_newer_token_prolongs_it():
    session = a_session(caller=Caller(UserId("ann"), expires_at=UNIX + 5))

    assert session.renew(ANN, now=4.0, unix_now=UNIX + 4) is None
    assert session.tick(now=40.0) == Ping()


def test_a_token_of_somebody_else_ends_it():
    end = a_session().renew(BOB, now=1.0, unix_now=UNIX + 1)

    assert end is not None
    assert end.code == CloseCode.FORBIDDEN


def test_a_flood_of_frames_ends_it():
    session = a_session(frames_per_second=200)

    assert [session.hear(now=7.5) for _ in range(200)] == [None] * 200
    assert session.hear(now=7.9) == End(CloseCode.POLICY)


def test_as_many_frames_every_second_are_no_flood():
    session = a_session(frames_per_second=200)

    assert all(session.hear(now=second + 0.5) is None for second in range(5) for _ in range(200))


def test_ten_unreadable_frames_in_a_minute_end_it():
    session = a_session()

    assert [session.hear_nonsense(now=float(moment)) for moment in range(9)] == [None] * 9
    end = session.hear_nonsense(now=59.0)
    assert end is not None
    assert end.code == CloseCode.POLICY


def test_an_unreadable_frame_every_ten_seconds_is_borne():
    session = a_session()

    assert all(session.hear_nonsense(now=moment * 10.0) is None for moment in range(100))


def test_follows_and_watches_are_counted_once_and_bounded():
    session = a_session(max_followed=2, max_watched=2)

    assert session.follow(CHANNELS[0])
    assert not session.follow(CHANNELS[0])
    assert session.follow(CHANNELS[1])
    with pytest.raises(InvalidRequest):
        session.follow(CHANNELS[2])
    assert session.unfollow(CHANNELS[0])
    assert not session.unfollow(CHANNELS[0])
    assert session.followed == {CHANNELS[1]}

    assert session.watch((UserId("a"), UserId("b"))) == {"a", "b"}
    assert session.watch((UserId("a"),)) == set()
    with pytest.raises(InvalidRequest):
        session.watch((UserId("a"), UserId("c")))
    assert session.watched == {"a", "b"}
    assert session.unwatch((UserId("b"), UserId("z"))) == {"b"}
    assert session.watched == {"a"}
