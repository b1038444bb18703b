"""The worker's side of one stream: number what is sent, keep it until it is acknowledged, decide how to heal.

While the log is being read again for a node (a *replay*), live deliveries wait, so that the replay is sent as one
piece in front of them: repeats are harmless, a hole is not.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from causerie.bus.envelopes import Delivery, Section, StreamPosition

MAX_SECTION_BYTES = 192 * 1024
MAX_RING_BYTES = 256 * 1024
"""Kept for sending again, per stream; a node silent for longer gets a replay."""
MAX_RESEND_BYTES = 128 * 1024
"""Sent again per acknowledgement."""
MAX_WAITING = 2_000
"""Live deliveries kept back during a replay; beyond it they are left to another replay."""
OVERDUE_SECONDS = 0.25
"""A section younger than this may still be on its way."""
_MARK_SECONDS = 0.05
_DELIVERY_BYTES = 96
_RECIPIENT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Replay:
    """Read the log again for this stream from `position`."""

    position: int


Healing = list[Section] | Replay | None
"""What to send again; an empty answer is None."""


@dataclass(slots=True)
class _Sent:
    section: Section
    size: int


class Outgoing:
    """The stream of one shard in one term to one node. It begins with a replay from `position`.

    `counter` is the highest number that may have been used for this node in this term: an earlier stream may still
    have sections on their way, and a number must not mean two things.
    """

    def __init__(self, node: str, shard: int, term: int, *, counter: int, position: int) -> None:
        self.node = node
        self.shard = shard
        self.term = term
        self.counter = counter
        """The number of the latest section."""
        self.acked_position = position
        """Everything below it has reached the node."""
        self.replaying = True
        self._promised = position
        self._jump = counter > 0
        self._ring: deque[_Sent] = deque()
        self._ring_bytes = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._healed_at: float | None = None
        self._waiting: list[Delivery] = []
        self._waiting_channel: list[Delivery] = []
        self._overflowed = False

    def add(self, delivery: Delivery) -> None:
        """Take one live delivery for the next section; those of channels go behind all others."""
        if self.replaying and len(self._waiting) + len(self._waiting_channel) >= MAX_WAITING:
            self._overflowed = True
            self._forget_waiting()
        if delivery.recipients is None:
            self._waiting_channel.append(delivery)
        else:
            self._waiting.append(delivery)

    def take(self, position: int, *, now: float) -> list[Section]:
        """Number what waits. `position`: everything of the shard below it has been added by now."""
        if self.replaying or not (self._waiting or self._waiting_channel):
            return []
        deliveries = self._waiting + self._waiting_channel
        self._forget_waiting()
        self._promised = max(self._promised, position)
        return self._number(deliveries, now=now)

    def replay(self, deliveries: Sequence[Delivery], *, now: float) -> list[Section]:
        """Number a part of what was read again."""
        return self._number(deliveries, now=now) if deliveries else []

    def replayed(self, position: int, *, now: float) -> Replay | list[Section]:
        """End a replay that has sent everything below `position`; returns what has waited, or that it has to go on."""
        self._promised = max(self._promised, position)
        if self._overflowed:
            self._overflowed = False
            return Replay(self._promised)
        self.replaying = False
        self._healed_at = now
        waited = self.take(self._promised, now=now)
        # A replay without events still has to skip the numbers it stands for.
        return self._number([], now=now) if self._jump and not waited else waited

    def promise(self, position: int) -> StreamPosition:
        """How far this stream is, for a beat. What waits, or is being read again, has not been sent by this counter."""
        if self.replaying:
            return StreamPosition(self.shard, self.term, self.counter, self.acked_position)
        if not (self._waiting or self._waiting_channel):
            self._promised = max(self._promised, position)
        return StreamPosition(self.shard, self.term, self.counter, self._promised)

    def acknowledged(self, ack: StreamPosition, *, urgent: bool, now: float) -> Healing:
        """Compare with what the node says it has. An `urgent` ack names a hole it has seen."""
        if ack.term > self.term or self.replaying:
            return None
        received = 0
        if ack.term == self.term:
            received = ack.counter
            self.acked_position = max(self.acked_position, ack.position)
        while self._ring and self._ring[0].section.counter <= received:
            self._ring_bytes -= self._ring.popleft().size
        if received >= (self.counter if urgent else self._overdue(now)) or self._is_healing(now):
            return None
        self._healed_at = now
        if self._ring and (self._ring[0].section.jump or self._ring[0].section.counter == received + 1):
            return self._resend()
        self.replaying = True
        self._jump = True
        return Replay(self.acked_position)

    def end(self) -> int:
        """Leave what waits to the log, and say the latest number: the stream that follows goes on behind it."""
        self._forget_waiting()
        return self.counter

    def _overdue(self, now: float) -> int:
        """The latest section that should have been acknowledged by now."""
        while len(self._marks) > 1 and now - self._marks[1][0] >= OVERDUE_SECONDS:
            self._marks.popleft()
        return self._marks[0][1] if self._marks and now - self._marks[0][0] >= OVERDUE_SECONDS else 0

    def _is_healing(self, now: float) -> bool:
        return self._healed_at is not None and now - self._healed_at < OVERDUE_SECONDS

    def _resend(self) -> list[Section]:
        again: list[Section] = []
        size = 0
        for sent in self._ring:
            size += sent.size
            if again and size > MAX_RESEND_BYTES:
                break
            again.append(sent.section)
        return again

    def _number(self, deliveries: Sequence[Delivery], *, now: float) -> list[Section]:
        sections: list[Section] = []
        part: list[Delivery] = []
        size = 0
        for delivery in deliveries:
            bytes_of_one = size_of(delivery)
            if part and size + bytes_of_one > MAX_SECTION_BYTES:
                sections.append(self._section(part, size))
                part, size = [], 0
            part.append(delivery)
            size += bytes_of_one
        sections.append(self._section(part, size, last=True))
        if not self._marks or now - self._marks[-1][0] >= _MARK_SECONDS:
            self._overdue(now)
            self._marks.append((now, self.counter))
        return sections

    def _section(self, deliveries: list[Delivery], size: int, *, last: bool = False) -> Section:
        """Only the last section of what was numbered together keeps the promise, and none before a replay is whole:
        what was promised by sections that never arrived may be in its rest."""
        self.counter += 1
        position = self._promised if last and not self.replaying else 0
        section = Section(self.shard, self.term, self.counter, position, self._jump, deliveries)
        self._jump = False
        self._ring.append(_Sent(section, size))
        self._ring_bytes += size
        while self._ring_bytes > MAX_RING_BYTES and len(self._ring) > 1:
            self._ring_bytes -= self._ring.popleft().size
        return section

    def _forget_waiting(self) -> None:
        self._waiting = []
        self._waiting_channel = []


def size_of(delivery: Delivery) -> int:
    """Bytes of a delivery on the bus, near enough for a bound."""
    recipients = delivery.recipients
    return _DELIVERY_BYTES + len(delivery.payload) + (_RECIPIENT_BYTES * len(recipients) if recipients else 0)
