from services.gateway.holding import COME_BACK, HELD_SHARE, Outlet
from services.gateway.loops import LOOPS, Loops
from services.gateway.sends import Outbox
from services.gateway.session import End
from tests.gateway.test_sends import AWire


class AnOutlet(Outlet):
    """Without a session behind it; `ended` says how it was ended."""

    def __init__(self, max_bytes: int = 100, loops: Loops = LOOPS) -> None:
        self.wire = AWire()
        self.outbox = Outbox(self.wire.call_soon, max_bytes, loops)
        self.ended: End | None = None
        super().__init__(self.wire, self.outbox)

    def end(self, end: End) -> None:
        self.ended = end
        self._drop_held()
        self.finish(b"bye")

    def written(self) -> bytes:
        self.wire.turn()
        return b"".join(self.wire.writes)


def test_live_events_wait_for_what_is_told_and_follow_in_their_order():
    outlet = AnOutlet()
    outlet.deliver(b"1")
    outlet.hold()
    outlet.deliver(b"4")
    outlet.deliver(b"5")
    outlet.deliver_ephemeral(b"~")
    outlet.tell(b"2")
    outlet.tell(b"3")
    assert outlet.written() == b"1~23"

    outlet.let_go()
    outlet.deliver(b"6")

    assert outlet.written() == b"1~23456"
    assert outlet.outbox.held_bytes == 0


def test_they_wait_until_every_answer_has_been_looked_at_again():
    outlet = AnOutlet()
    outlet.hold()
    outlet.hold()
    outlet.deliver(b"held")

    outlet.let_go()
    assert outlet.written() == b""
    outlet.let_go()

    assert outlet.written() == b"held"


def test_who_has_too_much_waiting_is_sent_away_to_resume():
    outlet = AnOutlet(max_bytes=10)
    outlet.hold()
    outlet.deliver(b"x" * 10 * HELD_SHARE)
    assert (outlet.ended, outlet.outbox.held_bytes) == (None, 10 * HELD_SHARE)

    outlet.deliver(b"x")

    assert outlet.ended == COME_BACK
    assert (outlet.written(), outlet.outbox.held_bytes) == (b"bye", 0)


def test_who_left_while_his_events_waited_is_written_nothing_more():
    outlet = AnOutlet()
    outlet.hold()
    outlet.deliver(b"held")
    outlet.end(COME_BACK)

    outlet.let_go()
    outlet.hold()
    outlet.deliver(b"late")

    assert (outlet.written(), outlet.outbox.held_bytes) == (b"bye", 0)


def test_what_goes_to_many_waits_for_who_is_still_to_be_told_and_leaves_him_alone_when_he_has_left(loops: Loops):
    outlet = AnOutlet(loops=loops)
    outlet.hold()
    outlet.outbox.spread(b"2", [outlet], AnOutlet.deliver)
    outlet.tell(b"0")
    assert outlet.written() == b"0"
    outlet.outbox.spread(b"3", [outlet], AnOutlet.deliver)
    outlet.tell(b"1")
    assert outlet.written() == b"01"

    outlet.let_go()
    assert outlet.written() == b"0123"
    outlet.outbox.spread(b"4", [outlet], AnOutlet.deliver)
    assert outlet.written() == b"01234"

    outlet.end(COME_BACK)
    outlet.outbox.spread(b"5", [outlet], AnOutlet.deliver)
    assert outlet.written() == b"01234bye"
