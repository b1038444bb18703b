from collections.abc import Callable
from typing import Any

import pytest

from services.gateway.loops import Loops
from services.gateway.sends import WRITE_BYTES, Outbox, SendQueue


class AWire:
    """A transport and a loop turn, by hand."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.on_write: Callable[[], None] = lambda: None
        self._soon: list[Callable[[], None]] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.on_write()

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> Any:
        return None

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._soon.append(callback)

    def turn(self) -> None:
        soon, self._soon = self._soon, []
        for callback in soon:
            callback()


def a_queue(loops: Loops, max_bytes: int = 100) -> tuple[SendQueue, AWire, Outbox]:
    wire = AWire()
    outbox = Outbox(wire.call_soon, max_bytes, loops)
    return SendQueue(wire, outbox), wire, outbox


def test_the_frames_of_one_turn_leave_in_one_write(loops: Loops):
    queue, wire, _ = a_queue(loops)
    for frame in (b"a", b"b", b"c"):
        queue.put(frame)
    wire.turn()
    queue.put(b"d")
    wire.turn()

    assert wire.writes == [b"abc", b"d"]


def test_nothing_is_written_while_the_socket_takes_nothing_and_all_of_it_afterwards(loops: Loops):
    queue, wire, outbox = a_queue(loops)
    queue.put(b"before")
    queue.pause(now=1.0)
    queue.put(b"while")
    wire.turn()
    assert (wire.writes, outbox.held_bytes) == ([], 11)

    queue.resume()
    wire.turn()

    assert (wire.writes, outbox.held_bytes) == ([b"beforewhile"], 0)


def test_a_stuck_socket_gets_no_ephemeral_frames(loops: Loops):
    queue, wire, _ = a_queue(loops)
    queue.put_ephemeral(b"typing")
    wire.turn()
    queue.pause(now=1.0)
    queue.put_ephemeral(b"typing")
    queue.resume()
    wire.turn()

    assert wire.writes == [b"typing"]


def test_who_takes_a_little_is_handed_a_little_so_that_nothing_waits_outside_the_bound(loops: Loops):
    frames = [bytes([number]) * 1_000 for number in range(200)]
    queue, wire, outbox = a_queue(loops, max_bytes=200_000)
    queue.pause(now=1.0)
    for frame in frames:
        queue.put(frame)

    wire.on_write = lambda: queue.pause(now=2.0)
    queue.resume()
    wire.turn()
    taken = len(wire.writes[0])
    assert WRITE_BYTES <= taken < WRITE_BYTES + 1_000
    assert outbox.held_bytes == 200_000 - taken

    for _ in range(5):
        queue.resume()
        wire.turn()
    assert b"".join(wire.writes) == b"".join(frames)
    assert outbox.held_bytes == 0


def test_who_is_stuck_again_at_once_is_charged_once(loops: Loops):
    queue, wire, outbox = a_queue(loops)
    queue.pause(now=1.0)
    queue.put(b"held")

    queue.resume()
    queue.pause(now=2.0)
    wire.turn()

    assert (wire.writes, outbox.held_bytes) == ([], 4)


def test_many_queues_are_given_the_same_frame_whatever_waits_in_them(loops: Loops):
    wire = AWire()
    outbox = Outbox(wire.call_soon, 100, loops)
    wires = [AWire() for _ in range(4)]
    idle, busy, busier, stuck = (SendQueue(each, outbox) for each in wires)
    busy.put(b"1")
    busier.put(b"1")
    busier.put(b"2")
    stuck.pause(now=1.0)

    outbox.spread(b"3", [idle, busy, busier, stuck], SendQueue.put)
    wire.turn()
    outbox.spread(b"4", [idle, busy, busier, stuck], SendQueue.put)
    wire.turn()

    assert [each.writes for each in wires] == [[b"3", b"4"], [b"13", b"4"], [b"123", b"4"], []]
    assert outbox.held_bytes == 2
    stuck.resume()
    wire.turn()
    assert wires[3].writes == [b"34"]


def test_a_queue_that_fails_keeps_nothing_from_the_others(loops: Loops):
    wire = AWire()
    outbox = Outbox(wire.call_soon, 100, loops)
    wires = [AWire() for _ in range(3)]
    queues = [SendQueue(each, outbox) for each in wires]

    def fail() -> None:
        raise RuntimeError("a bug of this one")

    wires[1].on_write = fail
    outbox.spread(b"1", queues, SendQueue.put)
    wire.turn()
    outbox.spread(b"2", queues, SendQueue.put)
    wire.turn()

    assert wires[0].writes == wires[2].writes == [b"1", b"2"]


def test_who_was_given_a_frame_before_another_failed_is_sent_it(loops: Loops):
    wire = AWire()
    outbox = Outbox(wire.call_soon, 100, loops)
    wires = [AWire() for _ in range(2)]
    queues = [SendQueue(each, outbox) for each in wires]
    queues[1].pause(now=1.0)

    def fail(queue: SendQueue, frame: bytes) -> None:
        raise RuntimeError("a bug of that one")

    with pytest.raises(RuntimeError):
        outbox.spread(b"1", queues, fail)
    wire.turn()

    assert wires[0].writes == [b"1"]


def test_a_full_queue_refuses(loops: Loops):
    queue, _, _ = a_queue(loops, max_bytes=10)
    queue.pause(now=1.0)

    assert queue.put(b"x" * 10)
    assert not queue.put(b"x")


def test_who_is_stuck_by_what_was_just_written_may_be_full_from_then_on(loops: Loops):
    queue, wire, outbox = a_queue(loops, max_bytes=10)
    wire.on_write = lambda: queue.pause(now=1.0)
    queue.put(b"more than it takes")
    wire.turn()

    assert queue.put(b"x" * 10)
    assert not queue.put(b"x")
    wire.turn()
    assert (wire.writes, outbox.held_bytes) == ([b"more than it takes"], 11)


def test_a_socket_that_is_not_stuck_is_never_full(loops: Loops):
    queue, _, _ = a_queue(loops, max_bytes=10)

    assert queue.put(b"x" * 1000)


def test_the_last_frame_follows_what_was_sent_in_its_turn(loops: Loops):
    queue, wire, _ = a_queue(loops)
    queue.put(b"hello ")

    queue.finish(b"bye")
    for _ in range(2):
        queue.put(b"late")
        wire.turn()

    assert wire.writes == [b"hello bye"]
    assert queue.is_over


def test_what_a_stuck_socket_waits_for_is_dropped_for_the_last_frame(loops: Loops):
    queue, wire, outbox = a_queue(loops)
    queue.pause(now=1.0)
    queue.put(b"held")

    queue.finish(b"bye")
    queue.resume()
    wire.turn()

    assert (wire.writes, outbox.held_bytes) == ([b"bye"], 0)


def test_a_dropped_socket_holds_nothing(loops: Loops):
    queue, wire, outbox = a_queue(loops)
    queue.pause(now=1.0)
    queue.put(b"held")
    queue.drop()
    wire.turn()

    assert (wire.writes, outbox.held_bytes, queue.is_over) == ([], 0, True)
