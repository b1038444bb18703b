"""The way out of one connection, in the order of events: live frames may have to wait for earlier ones.

Only who was answered before all workers knew his seat has anything held here, and only until he has been sent the rest.
"""

import asyncio

from causerie.protocol.close_codes import CloseCode
from services.gateway.sends import Outbox, SendQueue, Transport
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


class Outlet(SendQueue, asyncio.Protocol):
    """What a `Connection` writes goes through here; it says what `end` is."""

    __slots__ = ("_later",)

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        super().__init__(transport, outbox)
        self._later: Held | None = None

    def end(self, end: End) -> None:
        raise NotImplementedError

    def deliver(self, frame: bytes) -> None:
        """Send a frame that may not be skipped, when its turn has come; who is too slow is sent away to resume."""
        if self._later is not None:
            if not self._later.add(frame):
                self.end(COME_BACK)
        elif not self.put(frame):
            self.end(End(CloseCode.SLOW))

    def deliver_ephemeral(self, frame: bytes) -> None:
        self.put_ephemeral(frame)

    def tell(self, frame: bytes) -> None:
        """Send a frame that may not be skipped, ahead of those that are held."""
        if not self.put(frame):
            self.end(End(CloseCode.SLOW))

    def hold(self) -> None:
        """Keep back what is delivered until as many calls of `let_go`: something before it is still to be told."""
        if not self.is_over:
            self._later = self._later or Held(self._outbox)
            self._later.questions += 1
            self._listed()

    def let_go(self) -> None:
        """One question is settled; with the last of them what was held follows."""
        if self._later is None:
            return
        self._later.questions -= 1
        if not self._later.questions:
            for frame in self._drop_held():
                if not self.is_over:
                    self.tell(frame)

    def _drop_held(self) -> list[bytes]:
        later, self._later = self._later, None
        return [] if later is None else later.take()

    def _settle(self) -> None:
        if self._later is None:
            super()._settle()
