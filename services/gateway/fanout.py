"""From one event to many sockets: a frame is made once, and written to everybody whom it concerns.

A channel may have more followers here than can be written to at once without keeping everybody else waiting, so
the work is done in slices; between two of them direct and group events go first.  Events that follow each other to the
same receivers go as one: what costs is the number of sockets, not what they are given.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson

from causerie import telemetry
from causerie.domain.event import EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.websocket import text_frame
from causerie.seats import Delivery, EphemeralDelivery

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.005
RESYNC = "resync"
"""The kind of what a worker sends in the place of events it could not tell."""
TOGETHER_BYTES = 64 * 1024
"""Events are put together up to about so much."""
SOCKETS_EACH_TURN = 2_000
"""Writing to so many takes about as long as a slice."""
_CHUNK = 128
"""Sockets between two looks at the clock."""


class Receiver(Protocol):
    """A connection as seen from here."""

    def deliver(self, frame: bytes) -> None: ...
    def deliver_ephemeral(self, frame: bytes) -> None: ...
    def lose_channel(self, channel: ConversationId) -> None: ...


class Audience(Protocol):
    """Who wants what, as the registry knows it."""

    def of_user(self, user: str) -> Sequence[Receiver]: ...
    def followers(self, conversation: bytes) -> Sequence[Receiver]: ...


Spread = Callable[[bytes, Iterable[Any], Callable[[Any, bytes], None]], int]
"""Gives a frame to receivers, by the function where it has no shorter way; answers how many are to be written to in
this turn of the loop by now."""


def one_by_one(frame: bytes, receivers: Iterable[Any], give: Callable[[Any, bytes], None]) -> int:
    for receiver in receivers:
        give(receiver, frame)
    return 0


@dataclass(slots=True)
class _Cast:
    """What goes to the same receivers, on its way; `place` is how far it has come."""

    frames: bytes
    receivers: Sequence[Receiver]
    deliveries: Sequence[Delivery]
    """None of them when it is ephemeral."""
    place: int = 0


_Queue = deque[_Cast | Delivery | EphemeralDelivery]


class FanOut:
    """Takes what the node received and writes it, a slice of the loop's time at a time."""

    def __init__(
        self,
        audience: Audience,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        steady_clock: Callable[[], float],
        unix_clock: Callable[[], float],
        on_poison: Callable[[Delivery | None, Exception], bytes | None],
        spread: Spread = one_by_one,
    ) -> None:
        """`on_poison` is told of what could not be handed out, and says what its readers get in its place."""
        self._audience = audience
        self._call_soon = call_soon
        self._steady_clock = steady_clock
        self._unix_clock = unix_clock
        self._on_poison = on_poison
        self._spread = spread
        self._direct: _Queue = deque()
        self._channel: _Queue = deque()
        self._is_due = False

    def deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            (self._channel if delivery.recipients is None else self._direct).append(delivery)
        self._work()

    def deliver_ephemeral(self, deliveries: Iterable[EphemeralDelivery]) -> None:
        for delivery in deliveries:
            (self._channel if delivery.recipients is None else self._direct).append(delivery)
        self._work()

    def _work(self) -> None:
        """Begin now what fits into a slice; what is left goes on after everybody else had his turn."""
        if not self._is_due:
            self._slice()

    @property
    def waiting(self) -> tuple[int, int]:
        """How many are still to be handed out: to users, and to followers of channels."""
        return len(self._direct), len(self._channel)

    @property
    def is_busy(self) -> bool:
        """Something is still to be handed out."""
        return bool(self._direct or self._channel)

    def _slice(self) -> None:
        self._is_due = False
        deadline = self._steady_clock() + SLICE_SECONDS
        while queue := self._direct or self._channel:
            # Taken out first: should one of them turn out to be poison, it takes only itself along.
            cast = queue.popleft()
            to_write = 0
            try:
                if not isinstance(cast, _Cast):
                    cast = self._cast(cast, queue)
                to_write = self._send_chunk(cast)
                if cast.place < len(cast.receivers):
                    queue.appendleft(cast)
                else:
                    self._done(cast)
            except Exception as error:  # the loop's edge: whatever is behind it must not wait for it
                log.exception("a delivery could not be handed out")
                self._set_aside(cast, error)
            is_over = to_write >= SOCKETS_EACH_TURN or self._steady_clock() >= deadline
            if is_over and self.is_busy:
                self._is_due = True
                self._call_soon(self._slice)
                return

    def _cast(self, delivery: Delivery | EphemeralDelivery, queue: _Queue) -> _Cast:
        """Look up who is to receive it, as late as possible, and take along what follows it to the same receivers."""
        receivers = self._receivers(delivery)
        frame = text_frame(delivery.payload)
        if isinstance(delivery, EphemeralDelivery):
            return _Cast(frame, receivers, ())
        deliveries, frames, size = [delivery], [frame], len(frame)
        while size < TOGETHER_BYTES and (later := _to_the_same(delivery, queue)) is not None:
            queue.popleft()
            deliveries.append(later)
            frames.append(text_frame(later.payload))
            size += len(frames[-1])
        return _Cast(frame if len(frames) == 1 else b"".join(frames), receivers, deliveries)

    def _receivers(self, delivery: Delivery | EphemeralDelivery) -> Sequence[Receiver]:
        if delivery.recipients is None:
            receivers = self._audience.followers(delivery.conversation) if delivery.conversation else ()
            if isinstance(delivery, EphemeralDelivery) and delivery.except_user is not None:
                left_out = self._audience.of_user(delivery.except_user)
                receivers = tuple(receiver for receiver in receivers if receiver not in left_out)
            return receivers
        if len(delivery.recipients) == 1:
            return self._audience.of_user(delivery.recipients[0])
        of_user = self._audience.of_user
        return [receiver for user in delivery.recipients for receiver in of_user(user)]

    def _send_chunk(self, cast: _Cast) -> int:
        """Give it to the next receivers; answers how many sockets there are to write to in this turn."""
        receivers = cast.receivers
        if len(receivers) > _CHUNK:
            receivers = receivers[cast.place : cast.place + _CHUNK]
        cast.place += len(receivers)
        return self._spread(cast.frames, receivers, _give if cast.deliveries else _give_ephemeral)

    def _set_aside(self, poison: _Cast | Delivery | EphemeralDelivery, error: Exception) -> None:
        if isinstance(poison, EphemeralDelivery) or (isinstance(poison, _Cast) and not poison.deliveries):
            self._on_poison(None, error)
            return
        deliveries = poison.deliveries if isinstance(poison, _Cast) else [poison]
        receivers = poison.receivers if isinstance(poison, _Cast) else ()
        for delivery in deliveries:
            payload = self._on_poison(delivery, error)
            if payload is not None:
                self._resync(receivers, text_frame(payload))

    def _resync(self, receivers: Iterable[Receiver], frame: bytes) -> None:
        for receiver in receivers:
            try:
                receiver.deliver(frame)
                telemetry.RESYNCS.add()
            except Exception:  # the loop's edge: it may be this one who is the trouble
                log.exception("a reader could not be told to resync")

    def _done(self, cast: _Cast) -> None:
        receivers = len(cast.receivers)
        telemetry.SENT_BYTES.value += len(cast.frames) * receivers
        for delivery in cast.deliveries:
            telemetry.DELIVERIES.value += receivers
            if delivery.kind == RESYNC:
                telemetry.RESYNCS.add(receivers)
            if receivers:
                telemetry.DELIVERY_SECONDS.record(max(0.0, self._unix_clock() - delivery.committed_at))
            if _takes_away(delivery):
                # The one kind that is opened here: it was the last event its subject may see of the channel.
                former = UserId(orjson.loads(delivery.payload)["data"]["user_id"])
                for receiver in self._audience.of_user(former):
                    receiver.lose_channel(ConversationId(UUID(bytes=delivery.conversation)))


def _give(receiver: Receiver, frame: bytes) -> None:
    receiver.deliver(frame)


def _give_ephemeral(receiver: Receiver, frame: bytes) -> None:
    receiver.deliver_ephemeral(frame)


def _takes_away(delivery: Delivery) -> bool:
    """A channel has other followers from here on."""
    return delivery.recipients is None and delivery.kind == EventKind.MEMBER_REMOVE


def _to_the_same(earlier: Delivery, queue: _Queue) -> Delivery | None:
    """What comes next, if it goes to whom the earlier one goes."""
    later = queue[0] if queue else None
    if (
        isinstance(later, Delivery)
        and later.conversation == earlier.conversation
        and later.recipients == earlier.recipients
        and not _takes_away(earlier)
        and not _takes_away(later)
    ):
        return later
    return None
