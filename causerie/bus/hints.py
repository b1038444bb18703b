"""Telling the owners of shards what has just been committed.

A hint may be lost: the owner finds in the log what nobody told it.  So announcing never waits, and everything
announced in one turn of the loop leaves as one message per shard.
"""

import asyncio
from collections.abc import Callable, Sequence

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus
from causerie.bus.envelopes import MAX_MESSAGE_BYTES, Hint, Hints
from causerie.domain.event import Event
from causerie.domain.shards import SHARDS, shard_of
from causerie.protocol.native import encode_event

_SUBJECTS = [subjects.shard(number) for number in range(SHARDS)]
_ENVELOPE_BYTES = 128
"""More than what surrounds the payload of one hint."""


def hint_of(event: Event, epoch: str, traceparent: str | None = None) -> Hint:
    """An event as it travels, encoded for every reader at once; `traceparent` names the span that committed it."""
    payload = encode_event(event, epoch)
    committed_at = event.ts.timestamp()
    return Hint(event.conversation_id.bytes, event.seq, event.kind.value, payload, committed_at, traceparent)


class HintPublisher:
    """Give `announce` to the store; it encodes each event once, and those bytes travel to every reader.

    The store is made with `announce` and knows the epoch, so the epoch is named afterwards:
    `hints.epoch_from(lambda: store.epoch)`.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._epoch: Callable[[], str] | None = None
        self._waiting: dict[int, list[Hint]] = {}
        self._waiting_bytes: dict[int, int] = {}
        self._is_traced = False
        """Something of what waits is."""

    def epoch_from(self, epoch: Callable[[], str]) -> None:
        """Say where to read the current epoch; until then announcements are dropped."""
        self._epoch = epoch

    def announce(self, events: Sequence[Event]) -> None:
        """Tell of committed events, without waiting and perhaps in vain."""
        if self._epoch is None or not self._bus.is_up:
            self._bus.dropped += 1
            return
        epoch = self._epoch()
        trace = telemetry.traceparent()
        self._is_traced |= trace is not None
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send_all)
        for event in events:
            self._add(shard_of(event.conversation_id), hint_of(event, epoch, trace))

    def _add(self, shard: int, hint: Hint) -> None:
        size = len(hint.payload) + _ENVELOPE_BYTES
        if self._waiting_bytes.get(shard, 0) + size > MAX_MESSAGE_BYTES:
            self._send(shard)
        self._waiting.setdefault(shard, []).append(hint)
        self._waiting_bytes[shard] = self._waiting_bytes.get(shard, 0) + size

    def _send_all(self) -> None:
        for shard in list(self._waiting):
            self._send(shard)
        self._is_traced = False

    def _send(self, shard: int) -> None:
        hints = self._waiting.pop(shard, None)
        self._waiting_bytes.pop(shard, None)
        if not hints:
            return
        traces = {hint.traceparent for hint in hints} if self._is_traced else ()
        with telemetry.span("publish hints", links=traces, kind=telemetry.SpanKind.PRODUCER) as sending:
            if sending is not None:
                sending.annotate({"messaging.system": "nats", "messaging.destination.name": _SUBJECTS[shard]})
            self._bus.publish(_SUBJECTS[shard], Hints(hints))
