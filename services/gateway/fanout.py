"""From one event to many sockets: a frame is made once, and written to everybody whom it concerns.

A channel may have more followers here than can be written to at once without keeping everybody else waiting, so
the work is done in slices; between two of them direct and group events go first.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
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
    def followers(self, conversation: bytes) -> Collection[Receiver]: ...


@dataclass(slots=True)
class _Cast:
    """One frame on its way to its receivers; `place` is how far it has come."""

    frame: bytes
    receivers: Collection[Receiver]
    delivery: Delivery | None
    place: int = 0


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
    ) -> None:
        """`on_poison` is told of what could not be handed out, and says what its readers get in its place."""
        self._audience = audience
        self._call_soon = call_soon
        self._steady_clock = steady_clock
        self._unix_clock = unix_clock
        self._on_poison = on_poison
        self._direct: deque[_Cast | Delivery | EphemeralDelivery] = deque()
        self._channel: deque[_Cast | Delivery | EphemeralDelivery] = deque()
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

    def _slice(self) -> None:
        self._is_due = False
        deadline = self._steady_clock() + SLICE_SECONDS
        while queue := self._direct or self._channel:
            # Taken out first: should one of them turn out to be poison, it takes only itself along.
            cast = queue.popleft()
            try:
                if not isinstance(cast, _Cast):
                    cast = self._cast(cast)
                if not self._send_chunk(cast):
                    queue.appendleft(cast)
            except Exception as error:  # the loop's edge: whatever is behind it must not wait for it
                log.exception("a delivery could not be handed out")
                self._set_aside(cast, error)
            if self._steady_clock() >= deadline and (self._direct or self._channel):
                self._is_due = True
                self._call_soon(self._slice)
                return

    def _cast(self, delivery: Delivery | EphemeralDelivery) -> _Cast:
        """Look up who is to receive it, as late as possible."""
        receivers: Collection[Receiver]
        if delivery.recipients is None:
            receivers = tuple(self._audience.followers(delivery.conversation)) if delivery.conversation else ()
            if isinstance(delivery, EphemeralDelivery) and delivery.except_user is not None:
                left_out = self._audience.of_user(delivery.except_user)
                receivers = [receiver for receiver in receivers if receiver not in left_out]
        elif len(delivery.recipients) == 1:
            receivers = self._audience.of_user(delivery.recipients[0])
        else:
            of_user = self._audience.of_user
            receivers = [receiver for user in delivery.recipients for receiver in of_user(user)]
        return _Cast(text_frame(delivery.payload), receivers, delivery if isinstance(delivery, Delivery) else None)

    def _send_chunk(self, cast: _Cast) -> bool:
        """Write to the next receivers; True when that was the last of them."""
        receivers, frame = cast.receivers, cast.frame
        if len(receivers) > _CHUNK:
            assert isinstance(receivers, (list, tuple))
            receivers = receivers[cast.place : cast.place + _CHUNK]
            cast.place += _CHUNK
        if cast.delivery is None:
            for receiver in receivers:
                receiver.deliver_ephemeral(frame)
        else:
            for receiver in receivers:
                receiver.deliver(frame)
        if len(cast.receivers) > _CHUNK and cast.place < len(cast.receivers):
            return False
        if cast.delivery is not None:
            self._done(cast.delivery, len(cast.receivers))
        return True

    def _set_aside(self, poison: _Cast | Delivery | EphemeralDelivery, error: Exception) -> None:
        delivery = poison.delivery if isinstance(poison, _Cast) else poison
        if not isinstance(delivery, Delivery):
            self._on_poison(None, error)
            return
        payload = self._on_poison(delivery, error)
        receivers = poison.receivers if isinstance(poison, _Cast) else ()
        if payload is None:
            return
        frame = text_frame(payload)
        for receiver in receivers:
            try:
                receiver.deliver(frame)
                telemetry.RESYNCS.add()
            except Exception:  # the loop's edge: it may be this one who is the trouble
                log.exception("a reader could not be told to resync")

    def _done(self, delivery: Delivery, receivers: int) -> None:
        telemetry.DELIVERIES.value += receivers
        if delivery.kind == RESYNC:
            telemetry.RESYNCS.add(receivers)
        if receivers:
            telemetry.DELIVERY_SECONDS.record(max(0.0, self._unix_clock() - delivery.committed_at))
        if delivery.recipients is None and delivery.kind == EventKind.MEMBER_REMOVE:
            # The one kind that is opened here: it was the last event its subject may see of the channel.
            former = UserId(orjson.loads(delivery.payload)["data"]["user_id"])
            for receiver in self._audience.of_user(former):
                receiver.lose_channel(ConversationId(UUID(bytes=delivery.conversation)))
