"""Frames on their way out: one write per socket and turn of the loop, and never more than a bounded wait.

Writing is what a gateway does most, and a write costs far more than what is in it, so the frames of one turn
leave together.  They are written straight to the socket; only what it does not take goes through its transport,
which knows how to wait.
"""

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from services.gateway.loops import LOOPS, Loops, Queue

log = logging.getLogger(__name__)

MAX_HELD_BYTES = 1024 * 1024
"""What may wait for one socket; beyond it the socket is closed as slow and its client resumes."""
WRITE_BYTES = 64 * 1024
"""How much of what was held is handed over at once: what a transport has taken is out of our bound, and a copy."""


_OVER: list[bytes] = []
"""What waits where nothing may wait any more: the one list that nobody appends to, so that being over needs no word."""


class Transport(Protocol):
    """The part of `asyncio.Transport` that is written to."""

    def write(self, data: bytes) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def get_extra_info(self, name: str) -> Any: ...


class Outbox:
    """The sockets that have frames to write at the end of this turn."""

    __slots__ = ("_call_soon", "_loops", "_queues", "held_bytes", "max_held_bytes")

    def __init__(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        max_held_bytes: int = MAX_HELD_BYTES,
        loops: Loops = LOOPS,
    ) -> None:
        self._call_soon = call_soon
        self._loops = loops
        self._queues: list[SendQueue] = []
        self.max_held_bytes = max_held_bytes
        self.held_bytes = 0
        """What waits for slow sockets, of all of them together."""

    def add(self, queue: "SendQueue") -> None:
        if not self._queues:
            self._call_soon(self._flush)
        self._queues.append(queue)

    def spread(self, frame: bytes, queues: "Iterable[Q]", otherwise: "Callable[[Q, bytes], None]") -> int:
        """Put one frame into many queues, most of which wait for nothing; `otherwise` puts it into the others.

        Returns how many queues are to be written by now at the end of this turn.
        """
        due = self._queues
        if not due:
            # At the beginning, for `otherwise` may raise.
            self._call_soon(self._flush)
        for queue in self._loops.give(frame, queues, due):
            otherwise(queue, frame)
        return len(due)

    def _flush(self) -> None:
        """Write this turn's frames."""
        queues, self._queues = self._queues, []
        for queue, frame, written in self._loops.write(queues):
            try:
                if frame is None:
                    queue.send()
                else:
                    queue._spill(frame[written:])
            except Exception:  # the loop's edge: whoever is behind it must not wait for it
                log.exception("a socket could not be written to")


class SendQueue(Queue):
    """Frames waiting for one socket, bounded by bytes because bytes are what fill a pod.

    While the socket takes nothing, ephemeral frames are dropped and durable ones held; a full queue refuses
    instead of waiting, for one slow phone must not hold up a conversation.  The caller then closes the socket.

    The bytes in flight have one owner.  While `_file` is set it is the kernel alone, and we write to the socket;
    what it did not take is the transport's, and everything goes through that until it has nothing left.
    """

    __slots__ = ("_held", "_outbox", "_transport", "stuck_since")

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        self._transport = transport
        self._outbox = outbox
        self._file = None
        self._waiting = None
        self._held = 0
        self.stuck_since: float | None = None

    @property
    def is_over(self) -> bool:
        """Nothing will be sent any more."""
        return self._waiting is _OVER

    def put(self, frame: bytes) -> bool:
        """Send at the end of this turn, or hold; False when too much is held already."""
        waiting = self._waiting
        if waiting is None:
            self._waiting = frame
            self._outbox.add(self)
            return True
        if isinstance(waiting, bytes):
            self._waiting = [waiting, frame]
            return True
        if waiting is _OVER:
            return True
        waiting.append(frame)
        if self.stuck_since is None:
            if len(waiting) == 1:
                self._outbox.add(self)
            return True
        self._charge(len(frame))
        return self._held <= self._outbox.max_held_bytes

    def put_ephemeral(self, frame: bytes) -> None:
        """Send unless the socket is behind: by the time it would come, it would no longer be true."""
        if self.stuck_since is None:
            self.put(frame)

    def pause(self, *, now: float) -> None:
        """The socket takes no more for now."""
        self.stuck_since = now
        self._charge(sum(map(len, self._listed())) - self._held)

    def resume(self) -> None:
        """The socket has caught up."""
        self.stuck_since = None
        if self._waiting:
            self._outbox.add(self)

    def finish(self, last: bytes) -> None:
        """Drop what is held and send only this; nothing may follow it."""
        if self.is_over:
            return
        unsent = self._listed() if self.stuck_since is None else []
        self.drop()
        self._transport.write(b"".join([*unsent, last]))

    def drop(self) -> None:
        """The socket is gone, or will be: from now on its file may be somebody else's."""
        self._charge(-self._held)
        self._waiting = _OVER
        self._file = None

    def send(self) -> None:
        """Write what waits, at the end of a turn."""
        frames = self._listed()
        if frames and self.stuck_since is None:
            if self._held:
                self._catch_up(frames)
            else:
                self._waiting = []
                self._hand_over(b"".join(frames))
        self._settle()

    def _listed(self) -> list[bytes]:
        """What waits, as a list from now on: the short way in is closed."""
        if not isinstance(self._waiting, list):
            self._waiting = [] if self._waiting is None else [self._waiting]
        return self._waiting

    def _settle(self) -> None:
        """Open the short way in when nothing stands in it."""
        if not self._waiting and self.stuck_since is None and not self.is_over:
            self._waiting = None

    def _catch_up(self, frames: list[bytes]) -> None:
        """Hand over what was held, until the socket takes no more: all of it would be held twice soon."""
        self._charge(-self._held)
        place = 0
        while place < len(frames) and self.stuck_since is None:
            first, size = place, 0
            while place < len(frames) and size < WRITE_BYTES:
                size += len(frames[place])
                place += 1
            # What is left must be known before writing, which may call `pause`.
            self._waiting = frames[place:]
            self._hand_over(b"".join(frames[first:place]))

    def _hand_over(self, data: bytes) -> None:
        if self._file is None:
            self._file = self._free_file()
        if self._file is not None:
            try:
                written = os.write(self._file, data)
            except OSError:
                written = 0
            if written == len(data):
                return
            data = data[written:]
        self._spill(data)

    def _spill(self, rest: bytes) -> None:
        """Leave to the transport what the socket did not take, and everything that follows until that is gone.

        It also learns that way that a socket is broken, and says so as always.
        """
        self._file = None
        self._transport.write(rest)

    def _free_file(self) -> int | None:
        """The socket, if it is a plain one and the transport has nothing in flight."""
        transport = self._transport
        if transport.get_write_buffer_size() or transport.get_extra_info("sslcontext") is not None:
            return None
        socket = transport.get_extra_info("socket")
        return None if socket is None else int(socket.fileno())

    def _charge(self, size: int) -> None:
        self._held += size
        self._outbox.held_bytes += size


Q = TypeVar("Q", bound=SendQueue)
