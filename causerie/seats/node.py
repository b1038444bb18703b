"""A process that holds seats: it tells the workers who sits here, and receives what is for them, in order.

A thin shell: `Seating`, `Incoming` and `Settling` decide, this module listens, sends and keeps time.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus, Subscription
from causerie.bus.envelopes import (
    Acks,
    Batches,
    Beat,
    Delivery,
    Echo,
    Envelope,
    EphemeralDelivery,
    Ephemerals,
    Heartbeat,
    RosterAsk,
    Section,
)
from causerie.domain.ids import ConversationId, NodeId, UserId
from causerie.seats.fleet import Fleet
from causerie.seats.incoming import Incoming
from causerie.seats.seating import Seating
from causerie.seats.settling import Settling

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.02
"""How long changes of seats wait for company."""
BEAT_SECONDS = 1.0
GAP_SECONDS = 0.01
"""How long a gap waits for others before it is reported."""


class Node:
    """Who sits here, and the way to them. Begin with `start`, end with `stop`.

    `deliver` is called from the loop with the events for this node in the order of each stream; an event may come
    twice, so whoever applies them drops what is not newer.  `ephemeral` is called with frames that are in no log.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        kind: str,
        deliver: Callable[[list[Delivery]], None],
        ephemeral: Callable[[list[EphemeralDelivery]], None],
        name: str | None = None,
        pod: str = "",
    ) -> None:
        self.id = NodeId(f"{subjects.check_token(name or kind)}-{uuid4().hex[:12]}")
        """New in every life of the process: seats and streams of an earlier one are not ours."""
        self.fleet = Fleet()
        self.connections = 0
        self.draining = False
        self._pod = pod
        self._bus = bus
        self._kind = kind
        self._deliver = deliver
        self._ephemeral = ephemeral
        self._seating = Seating(self.id)
        self._incoming = Incoming()
        self._settling = Settling()
        self._subscriptions: list[Subscription] = []
        self._ticking: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._gaps: set[int] = set()
        self._born_at = 0.0

    async def start(self) -> None:
        """Make ourselves known; works also while NATS is away."""
        self._born_at = self._now()
        self._subscriptions = [
            await self._bus.subscribe(subjects.node(self.id), self._on_message, on_gap=self._on_gap),
            await self._bus.subscribe(subjects.roster(self.id), self._on_roster_ask),
            await self._bus.subscribe(subjects.HEARTBEATS, self._on_heartbeat),
        ]
        await self._bus.settle()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Leave; the workers forget us at once."""
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        if self._telling is not None:
            self._telling.cancel()
        self._bus.publish(subjects.HEARTBEATS, self._heartbeat(kind="gone"))
        for subscription in self._subscriptions:
            await self._bus.unsubscribe(subscription)

    def sit(self, user: UserId) -> int:
        """A session of this user came; returns the counter to give to `settled`."""
        self._seating.sit(user)
        return self._tell_soon()

    def rise(self, user: UserId) -> int:
        """A session of this user ended."""
        self._seating.rise(user)
        return self._tell_soon()

    def follow(self, channel: ConversationId) -> int:
        """A session here follows this channel; returns the counter to give to `settled`."""
        self._seating.follow(channel.bytes)
        return self._tell_soon()

    def unfollow(self, channel: ConversationId) -> int:
        """A session here follows this channel no longer."""
        self._seating.unfollow(channel.bytes)
        return self._tell_soon()

    async def settled(self, counter: int, *, timeout_seconds: float = 0.25) -> bool:
        """Wait until every living worker knows the seats up to `counter`; False at once when no worker is known."""
        return self.workers > 0 and await self._settling.settled(counter, timeout_seconds=timeout_seconds)

    async def settled_at_last(self, counter: int, *, timeout_seconds: float) -> bool:
        """As `settled`, but waits also while no worker is known."""
        return await self._settling.settled(counter, timeout_seconds=timeout_seconds)

    @property
    def workers(self) -> int:
        """How many living workers we know of; none while NATS is away."""
        return self._settling.workers if self._bus.is_up else 0

    # ── what we send ────────────────────────────────────────────────────────────────────────────────────────────

    def _tell_soon(self) -> int:
        if self._telling is None and self._seating.told < self._seating.counter:
            self._telling = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell)
        return self._seating.counter

    def _tell(self) -> None:
        self._telling = None
        for changes in self._seating.take_changes():
            self._bus.publish(subjects.SEATS, changes)

    def _heartbeat(self, kind: str) -> Heartbeat:
        uptime = self._now() - self._born_at
        return Heartbeat(self.id, kind, self._seating.told, self.connections, self.draining, uptime, self._pod)

    async def _tick(self) -> None:
        rounds = telemetry.Rounds("node_beat")
        while True:
            now = self._now()
            if self._bus.is_up:
                self._settling.expire(now=now)
            self.fleet.expire(now=now)
            self._bus.publish(subjects.HEARTBEATS, self._heartbeat(self._kind))
            self._acknowledge_all()
            rounds.succeeded()
            await asyncio.sleep(BEAT_SECONDS)

    def _acknowledge_all(self) -> None:
        self._bus.publish(subjects.ACKS, Acks(self.id, True, self._incoming.positions()))

    def _report_gap(self, shard: int) -> None:
        if not self._gaps:
            asyncio.get_running_loop().call_later(GAP_SECONDS, self._report_gaps)
        self._gaps.add(shard)

    def _report_gaps(self) -> None:
        shards, self._gaps = self._gaps, set()
        streams = [self._incoming.position_of(shard) for shard in shards]
        self._bus.publish(subjects.ACKS, Acks(self.id, False, streams))

    # ── what we hear ────────────────────────────────────────────────────────────────────────────────────────────

    def _on_message(self, envelope: Envelope, reply: str) -> None:
        match envelope:
            case Batches(worker, sections, trace):
                self._settling.heard(worker, now=self._now())
                if trace is None:
                    self._receive(sections)
                else:
                    with telemetry.span("deliver", links=[trace], kind=telemetry.SpanKind.CONSUMER) as batch:
                        if batch is not None:
                            batch.annotate({"messaging.system": "nats", "causerie.node": self.id})
                        self._receive(sections)
            case Beat(worker, streams):
                self._settling.heard(worker, now=self._now())
                for sent in streams:
                    if self._incoming.beat(sent):
                        self._report_gap(sent.shard)
            case Echo(worker, counter):
                self._settling.echoed(worker, counter, now=self._now())
            case Ephemerals(deliveries):
                self._ephemeral(deliveries)
            case _:
                pass

    def _receive(self, sections: list[Section]) -> None:
        ready: list[Delivery] = []
        for section in sections:
            deliveries, missing = self._incoming.receive(section)
            ready += deliveries
            if missing:
                self._report_gap(section.shard)
        if ready:
            self._deliver(ready)

    def _on_gap(self) -> None:
        """We may have missed something without a number to show it: say where we are, and the owners will see.

        First who sits here: a worker that was away as well is waiting to be told.
        """
        self._settling.doubt(now=self._now())
        self._bus.publish(subjects.HEARTBEATS, self._heartbeat(self._kind))
        self._acknowledge_all()

    def _on_roster_ask(self, envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, RosterAsk):
            self._tell()
            for page in self._seating.roster():
                self._bus.publish(reply or subjects.worker(envelope.worker), page)

    def _on_heartbeat(self, envelope: Envelope, reply: str) -> None:
        if not isinstance(envelope, Heartbeat):
            return
        if envelope.kind == "worker" and envelope.draining:
            self._settling.left(NodeId(envelope.node))
        self.fleet.hear(envelope, now=self._now())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
