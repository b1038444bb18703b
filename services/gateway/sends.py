"""Frames on their way out: one write per socket and turn of the loop, and never more than a bounded wait.

Writing is what a gateway does most, and a write costs far more than what is in it, so the frames of one turn
leave together.
"""

from collections.abc import Callable
from typing import Protocol

MAX_HELD_BYTES = 1024 * 1024
"""What may wait for one socket; beyond it the socket is closed as slow and its client resumes."""
WRITE_BYTES = 64 * 1024
"""How much of what was held is handed over at once: what a transport has taken is out of our bound, and a copy."""


class Transport(Protocol):
    """The part of `asyncio.Transport` that is written to."""

    def write(self, data: bytes) -> None: ...


class Outbox:
    """The sockets that have frames to write at the end of this turn."""

    __slots__ = ("_call_soon", "_queues", "held_bytes", "max_held_bytes")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object], max_held_bytes: int = MAX_HELD_BYTES) -> None:
        self._call_soon = call_soon
        self._queues: list[SendQueue] = []
        self.max_held_bytes = max_held_bytes
        self.held_bytes = 0
        """What waits for slow sockets, of all of them together."""

    def add(self, queue: "SendQueue") -> None:
        if not self._queues:
            self._call_soon(self._flush)
        self._queues.append(queue)

    def _flush(self) -> None:
        """Hand over this turn's frames. All of a queue in one place: this loop is what a gateway does most."""
        queues, self._queues = self._queues, []
        for queue in queues:
            frames, transport = queue._frames, queue._transport
            if frames is not None and queue.stuck_since is None and transport is not None:
                if queue._held:
                    queue._catch_up(frames, transport)
                    continue
                queue._frames = None
                transport.write(frames[0] if len(frames) == 1 else b"".join(frames))


class SendQueue:
    """Frames waiting for one socket, bounded by bytes because bytes are what fill a pod.

    While the socket takes nothing, ephemeral frames are dropped and durable ones held; a full queue refuses
    instead of waiting, for one slow phone must not hold up a conversation.  The caller then closes the socket.
    """

    __slots__ = ("_frames", "_held", "_outbox", "_transport", "stuck_since")

    def __init__(self, transport: Transport, outbox: Outbox) -> None:
        self._transport: Transport | None = transport
        self._outbox = outbox
        self._frames: list[bytes] | None = None
        self._held = 0
        self.stuck_since: float | None = None

    def put(self, frame: bytes) -> bool:
        """Send at the end of this turn, or hold; False when too much is held already."""
        frames = self._frames
        if frames is None:
            self._frames = [frame]
            if self.stuck_since is None:
                self._outbox.add(self)
                return True
        else:
            frames.append(frame)
            if self.stuck_since is None:
                return True
        self._hold(len(frame))
        return self._held <= self._outbox.max_held_bytes

    def put_ephemeral(self, frame: bytes) -> None:
        """Send unless the socket is behind: by the time it would come, it would no longer be true."""
        if self.stuck_since is None:
            self.put(frame)

    def pause(self, *, now: float) -> None:
        """The socket takes no more for now."""
        self.stuck_since = now
        self._hold(sum(map(len, self._frames or ())) - self._held)

    def resume(self) -> None:
        """The socket has caught up."""
        self.stuck_since = None
        if self._frames is not None:
            self._outbox.add(self)

    def end(self, last: bytes) -> None:
        """Drop what is held and send only this; nothing may follow it."""
        held = self._frames if self.stuck_since is None else None
        self._hold(-self._held)
        self._frames = None
        if self._transport is not None:
            self._transport.write(b"".join([*(held or ()), last]))
        self._transport = None

    def drop(self) -> None:
        """The socket is gone."""
        self._hold(-self._held)
        self._frames = self._transport = None

    @property
    def is_over(self) -> bool:
        return self._transport is None

    def _catch_up(self, frames: list[bytes], transport: Transport) -> None:
        """Hand over what was held, until the socket takes no more: all of it would be held twice soon."""
        self._hold(-self._held)
        place = 0
        while place < len(frames) and self.stuck_since is None:
            first, size = place, 0
            while place < len(frames) and size < WRITE_BYTES:
                size += len(frames[place])
                place += 1
            # What is left must be known before writing, which may call `pause`.
            self._frames = frames[place:] or None
            transport.write(b"".join(frames[first:place]))

    def _hold(self, size: int) -> None:
        self._held += size
        self._outbox.held_bytes += size
