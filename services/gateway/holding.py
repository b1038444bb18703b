"""The way out of one connection, in the order of events: live frames may have to wait for earlier ones.

Only who was answered before all workers knew his seat has anything held here, and only until he has been sent the rest.
"""

import asyncio

from causerie.protocol.close_codes import CloseCode
from services.gateway.sends import Outbox, SendQueue
from services.gateway.session import End

COME_BACK = End(CloseCode.OVERLOAD, "cannot catch up", retry_after_seconds=1.0)
HELD_SHARE = 4
"""Times what a slow socket may have waiting: after an outage all that was missed comes at once, often to many who share
each frame."""


class Held:
    """Frames in the order they came, bounded like those of a slow socket and counted with them."""

    __slots__ = ("_frames", "_outbox", "_size", "questions")

    def __init__(self, outbox: Outbox) -> None:
        self.questions = 0
        """Answers that have to be looked at again before the frames may follow."""
        self._outbox = outbox
        self._frames: list[bytes] = []
        self._size = 0

    def add(self, frame: bytes) -> bool:
        """Keep a frame; False when it is too much."""
        self._frames.append(frame)
        self._size += len(frame)
        self._outbox.held_bytes += len(frame)
        return self._size <= HELD_SHARE * self._outbox.max_held_bytes

    def take(self) -> list[bytes]:
        """Hand out all of them; none is kept."""
        frames, self._frames = self._frames, []
        self._outbox.held_bytes -= self._size
        self._size = 0
        return frames


class Outlet(asyncio.Protocol):
    """What a `Connection` writes goes through here; it says what `end` is, and where the outbox."""

    __slots__ = ("_held", "_sends")

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        self._sends = SendQueue(transport, outbox)
        self._held: Held | None = None

    @property
    def is_over(self) -> bool:
        return self._sends.is_over

    @property
    def outbox(self) -> Outbox:
        raise NotImplementedError

    def end(self, end: End) -> None:
        raise NotImplementedError

    def deliver(self, frame: bytes) -> None:
        """Send a frame that may not be skipped, when its turn has come; who is too slow is sent away to resume."""
        if self._held is not None:
            if not self._held.add(frame):
                self.end(COME_BACK)
        elif not self._sends.put(frame):
            self.end(End(CloseCode.SLOW))

    def deliver_ephemeral(self, frame: bytes) -> None:
        self._sends.put_ephemeral(frame)

    def tell(self, frame: bytes) -> None:
        """Send a frame that may not be skipped, ahead of those that are held."""
        if not self._sends.put(frame):
            self.end(End(CloseCode.SLOW))

    def hold(self) -> None:
        """Keep back what is delivered until as many calls of `let_go`: something before it is still to be told."""
        if not self.is_over:
            self._held = self._held or Held(self.outbox)
            self._held.questions += 1

    def let_go(self) -> None:
        """One question is settled; with the last of them what was held follows."""
        if self._held is None:
            return
        self._held.questions -= 1
        if not self._held.questions:
            for frame in self._drop_held():
                if not self.is_over:
                    self.tell(frame)

    def _drop_held(self) -> list[bytes]:
        held, self._held = self._held, None
        return [] if held is None else held.take()
