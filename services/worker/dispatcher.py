"""From an event in order to the nodes that hear it: one message per node and turn of the loop.

The hot path.  An event costs a look at its members' seats and one `Delivery` per node; encoding, numbering and
sending happen once per turn.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus
from causerie.bus.envelopes import (
    MAX_MESSAGE_BYTES,
    Batches,
    Delivery,
    Ephemeral,
    EphemeralDelivery,
    Ephemerals,
    Hint,
    Section,
)
from causerie.domain.event import EventKind
from causerie.protocol import native
from causerie.seats.directory import Directory
from causerie.seats.outgoing import Outgoing, size_of
from causerie.store.dead_letters import DeadLetters
from services.worker.conversations import Conversation
from services.worker.lag import Lag
from services.worker.reading import LogReader
from services.worker.shard import Shard

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.005
"""How long one turn may gather before what there is leaves."""
MAX_NAMED = 32
"""Nodes named in a span; what is sent to them says the rest."""


class Dispatcher:
    """Routes events and ephemeral frames of the shards we own."""

    def __init__(
        self,
        worker: str,
        bus: Bus,
        directory: Directory,
        shards: Mapping[int, Shard],
        reader: LogReader,
        letters: DeadLetters,
        *,
        on_unknown: Callable[[Shard, bytes, Hint | Ephemeral], None],
        on_gap: Callable[[Shard, bytes], None],
        on_useless: Callable[[Shard, bytes], None],
        on_over: Callable[[Shard], None],
    ) -> None:
        self.lag = Lag()
        self.dispatched = 0
        """Events sent on so far."""
        self._worker = worker
        self._bus = bus
        self._directory = directory
        self._shards = shards
        self._reader = reader
        self._letters = letters
        self._on_unknown = on_unknown
        self._on_gap = on_gap
        self._on_useless = on_useless
        self._on_over = on_over
        self._touched: defaultdict[str, set[Outgoing]] = defaultdict(set)
        self._frames: defaultdict[str, list[EphemeralDelivery]] = defaultdict(list)
        self._traces: list[str] = []
        self._traced_since_ns = 0
        self._scheduled = False
        self._turn_ends_at = 0.0

    def hear(self, shard: Shard, hints: Iterable[Hint], *, of_log: bool = False) -> None:
        """Dispatch what is next in its conversation; keep or drop the rest.

        A hint that cannot be dispatched takes only itself along: the log is asked instead, and if it was the log that
        said so, its readers are told to resync.
        """
        for hint in hints:
            try:
                self._hear(shard, hint, of_log=of_log)
            except Exception as error:  # the loop's edge: no hint may hold up the others
                log.exception("a hint could not be dispatched", extra={"shard": shard.number, "kind": hint.kind})
                if not of_log:
                    self._letters.bury("hint", subjects.shard(shard.number), error)
                    self._on_useless(shard, hint.conversation)
            if time.monotonic() > self._turn_ends_at and self._scheduled:
                self.flush()

    def _hear(self, shard: Shard, hint: Hint, *, of_log: bool) -> None:
        conversation = shard.conversations.get(hint.conversation)
        if conversation is None:
            conversation = Conversation.begun_by(hint)
            if conversation is None:
                self._on_unknown(shard, hint.conversation, hint)
                return
            shard.conversations.put(hint.conversation, conversation)
        for ready in conversation.offer(hint):
            try:
                self._dispatch(shard, conversation, ready)
            except Exception as error:  # it has passed already: only a resync can take its place
                if not of_log:
                    raise
                log.exception("an event could not be dispatched", extra={"shard": shard.number, "kind": ready.kind})
                self._dispatch(shard, conversation, self._reader.in_place_of(ready, error))
        if conversation.has_gap:
            self._on_gap(shard, hint.conversation)

    def hear_ephemeral(self, shard: Shard, frame: Ephemeral) -> None:
        """Route a frame that is in no log, unless its conversation is too large for such frames."""
        if frame.to is not None:
            self._add_frame(frame, self._directory.by_node(frame.to))
            return
        conversation = shard.conversations.get(frame.conversation)
        if conversation is None:
            self._on_unknown(shard, frame.conversation, frame)
        elif frame.max_members is not None and conversation.member_count > frame.max_members:
            pass
        elif conversation.is_channel:
            followers = self._directory.channels.get(frame.conversation, ())
            self._add_frame(frame, dict.fromkeys(followers))
        else:
            heard_by = [user for user in conversation.members if user != frame.except_user]
            self._add_frame(frame, self._directory.by_node(heard_by))

    def send(self, node: str, sections: Sequence[Section]) -> None:
        """Send sections to a node, in messages of bounded size."""
        trace = telemetry.traceparent()
        part: list[Section] = []
        size = 0
        for section in sections:
            bytes_of_one = sum(map(size_of, section.deliveries))
            if part and size + bytes_of_one > MAX_MESSAGE_BYTES:
                self._bus.publish(subjects.node(node), Batches(self._worker, part, trace))
                part, size = [], 0
            part.append(section)
            size += bytes_of_one
        if part:
            self._bus.publish(subjects.node(node), Batches(self._worker, part, trace))

    def flush(self) -> None:
        """Number and send what was gathered, unless a lease ran out meanwhile."""
        self._scheduled = False
        traces, self._traces = self._traces, []
        if traces:
            since, kind = self._traced_since_ns, telemetry.SpanKind.CONSUMER
            with telemetry.span("dispatch", links=traces, kind=kind, since_ns=since) as batch:
                if batch is not None:
                    batch.annotate({"messaging.system": "nats", "causerie.nodes": list(self._touched)[:MAX_NAMED]})
                self._flush()
        else:
            self._flush()

    def _flush(self) -> None:
        now = time.monotonic()
        touched, self._touched = self._touched, defaultdict(set)
        for node, streams in touched.items():
            sections: list[Section] = []
            for stream in streams:
                shard = self._shards.get(stream.shard)
                if shard is None or shard.term != stream.term:
                    continue
                if now >= shard.deadline:
                    self._on_over(shard)
                    continue
                sections += stream.take(shard.position, now=now)
            self.send(node, sections)
        frames, self._frames = self._frames, defaultdict(list)
        for node, deliveries in frames.items():
            self._bus.publish(subjects.node(node), Ephemerals(deliveries))
        self.lag.sent()

    def route(self, conversation: Conversation, hint: Hint) -> list[tuple[str, Delivery]]:
        """One delivery per node that hears this event, the next one in its conversation."""
        audience = conversation.hears(hint)
        if conversation.is_channel:
            delivery = Delivery(hint.conversation, hint.seq, hint.kind, hint.payload, hint.committed_at)
            return [(node, delivery) for node in self._directory.channels.get(hint.conversation, ())]
        if hint.kind == EventKind.MESSAGE_EDIT and (blind := self._blind(conversation, hint)):
            told = replace(hint, payload=native.withhold(hint.payload))
            return self._to_nodes(hint, set(audience) - blind) + self._to_nodes(told, blind.intersection(audience))
        return self._to_nodes(hint, audience)

    def _blind(self, conversation: Conversation, hint: Hint) -> set[str]:
        return conversation.blind_to(native.message_seq(hint.payload))

    def _to_nodes(self, hint: Hint, audience: Collection[str]) -> list[tuple[str, Delivery]]:
        return [
            (node, Delivery(hint.conversation, hint.seq, hint.kind, hint.payload, hint.committed_at, recipients))
            for node, recipients in self._directory.by_node(audience).items()
        ]

    def _dispatch(self, shard: Shard, conversation: Conversation, hint: Hint) -> None:
        for node, delivery in self.route(conversation, hint):
            stream = shard.streams.get(node)
            if stream is not None:
                stream.add(delivery)
                self._touched[node].add(stream)
        if hint.traceparent is not None:
            if not self._traces:
                self._traced_since_ns = time.time_ns()
            self._traces.append(hint.traceparent)
        self.dispatched += 1
        self.lag.dispatched(hint.committed_at)
        self._flush_soon()

    def _add_frame(self, frame: Ephemeral, seated: Mapping[str, Collection[str] | None]) -> None:
        for node, recipients in seated.items():
            heard_by = None if recipients is None else list(recipients)
            self._frames[node].append(
                EphemeralDelivery(frame.conversation, frame.kind, frame.payload, heard_by, frame.except_user)
            )
        if seated:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._turn_ends_at = time.monotonic() + SLICE_SECONDS
            asyncio.get_running_loop().call_soon(self._flush_turn)

    def _flush_turn(self) -> None:
        if self._scheduled:
            self.flush()
