"""What the nodes say of themselves, and what they are told in return: seats, heartbeats, acknowledgements, beats."""

import asyncio
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from time import monotonic

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus, Subscription
from causerie.bus.envelopes import (
    Acks,
    Beat,
    Echo,
    Envelope,
    Heartbeat,
    RosterAsk,
    RosterPage,
    SeatChanges,
    StreamPosition,
)
from causerie.lifetime import ended
from causerie.seats.directory import Directory
from causerie.seats.outgoing import Outgoing, Replay
from causerie.seats.terms import same_history
from services.worker.dispatcher import Dispatcher
from services.worker.replaying import Replaying
from services.worker.shard import Shard

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
STALLED_SECONDS = 3.0
"""When our own loop stood still for longer, silence of others proves nothing."""
BIRTH_SLACK_SECONDS = 2.0
REMEMBERED_POSITIONS = 600


class Floor:
    """Keeps the directory, and the streams of our shards, in step with the nodes."""

    def __init__(
        self,
        worker: str,
        bus: Bus,
        directory: Directory,
        shards: Mapping[int, Shard],
        dispatcher: Dispatcher,
        replaying: Replaying,
    ) -> None:
        self._worker = worker
        self._bus = bus
        self._directory = directory
        self._shards = shards
        self._dispatcher = dispatcher
        self._replaying = replaying
        self._listening_since = 0.0
        self._positions: deque[tuple[float, int]] = deque(maxlen=REMEMBERED_POSITIONS)
        self._epoch = ""
        self._subscriptions: list[Subscription] = []
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._listening_since = monotonic()
        self._subscriptions = [
            await self._bus.subscribe(subjects.worker(self._worker), self._on_roster),
            await self._bus.subscribe(subjects.SEATS, self._on_seats),
            await self._bus.subscribe(subjects.ACKS, self._on_acks),
        ]
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        await ended(self._ticking)
        for subscription in self._subscriptions:
            await self._bus.unsubscribe(subscription)

    def beat_all(self) -> None:
        """Tell every node how far its streams are; where there is none yet, that asks it where it stands."""
        for node in self._directory.nodes:
            if self._directory.is_known(node):
                self._beat(node)

    # ── what we say ─────────────────────────────────────────────────────────────────────────────────────────────

    def _beat(self, node: str) -> None:
        streams = []
        for shard in self._shards.values():
            if shard.is_held:
                stream = shard.streams.get(node)
                if stream is None:
                    streams.append(StreamPosition(shard.number, shard.term, 0, 0))
                else:
                    streams.append(stream.promise(shard.position))
        self._bus.publish(subjects.node(node), Beat(self._worker, streams))

    def _echo(self, node: str) -> None:
        self._bus.publish(subjects.node(node), Echo(self._worker, self._directory.counter_of(node)))

    def _ask(self, node: str) -> None:
        self._bus.publish(subjects.roster(node), RosterAsk(self._worker), reply=subjects.worker(self._worker))

    async def _tick(self) -> None:
        rounds = telemetry.Rounds("worker_beat")
        while True:
            began = monotonic()
            try:
                self._once(began)
                rounds.succeeded()
            except Exception:  # the loop's edge: without beats every stream would stand still
                log.exception("a beat failed")
            await asyncio.sleep(BEAT_SECONDS)
            if monotonic() - began > STALLED_SECONDS:
                self.begin_anew()

    def _once(self, now: float) -> None:
        if not self._bus.is_up:
            self._listening_since = now
        self._remember_position(now)
        for node in self._directory.expire(now=now, listening_since=self._listening_since):
            log.warning("a node has gone silent", extra={"node": node})
            self._forget(node)
        self._dispatcher.flush()
        self.beat_all()

    # ── what we hear ────────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, heartbeat: Heartbeat) -> None:
        """Note that a node lives, or has gone."""
        node = heartbeat.node
        if heartbeat.kind == "gone":
            self._directory.forget(node)
            self._forget(node)
        elif self._directory.heartbeat(heartbeat, now=monotonic()):
            self._ask(node)
        elif self._directory.is_known(node):
            self._echo(node)

    def _on_seats(self, envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, SeatChanges):
            if self._directory.change(envelope, now=monotonic()):
                self._ask(envelope.node)
            elif self._directory.is_known(envelope.node):
                self._echo(envelope.node)

    def _on_roster(self, envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, RosterPage) and self._directory.roster(envelope):
            # First how far the streams are, then the echo: who has the echo knows whose streams it waits for.
            self._beat(envelope.node)
            self._echo(envelope.node)

    def _on_acks(self, envelope: Envelope, reply: str) -> None:
        if not isinstance(envelope, Acks) or not self._directory.is_known(envelope.node):
            return
        named = {ack.shard: ack for ack in envelope.streams}
        for shard in list(self._shards.values()):
            ack = named.get(shard.number)
            if ack is None and envelope.full:
                ack = StreamPosition(shard.number, 0, 0, 0)
            if ack is not None and shard.is_held:
                self._acknowledged(shard, envelope.node, ack, urgent=not envelope.full)

    def _acknowledged(self, shard: Shard, node: str, ack: StreamPosition, *, urgent: bool) -> None:
        stream = shard.streams.get(node)
        if stream is None:
            if ack.term <= shard.term:
                self._open(shard, node, ack)
            return
        match stream.acknowledged(ack, urgent=urgent, now=monotonic()):
            case Replay(position):
                self._replaying.want(shard, stream, position)
            case None:
                pass
            case sections:
                telemetry.GAPS_HEALED.add()
                self._dispatcher.send(node, sections)

    def _open(self, shard: Shard, node: str, ack: StreamPosition) -> None:
        """Begin a stream where the node stands; a fresh node stands where the log was when it was born."""
        position = ack.position if same_history(ack.term, shard.term) else 0
        position = position or self._position_at(self._directory.born_at(node), shard)
        counter = max(shard.highest_counter, ack.counter if ack.term == shard.term else 0)
        stream = Outgoing(node, shard.number, shard.term, counter=counter, position=position)
        shard.streams[node] = stream
        self._replaying.want(shard, stream, position)

    def begin_anew(self) -> None:
        """We have been deaf for a while.

        A node that did not hear of us waited for us no longer, so somebody who sat down there may have been told that
        all workers knew; and what we passed on meanwhile went by the seats of before. So every stream begins again,
        from where its node stands and by its new list of seats.
        """
        self._listening_since = monotonic()
        for node in self._directory.nodes:
            self._forget(node)
            self._directory.doubt(node)
            self._ask(node)

    def _forget(self, node: str) -> None:
        for shard in self._shards.values():
            shard.end_stream(node)

    # ── where the log was ───────────────────────────────────────────────────────────────────────────────────────

    def _remember_position(self, now: float) -> None:
        """Positions of all shards come from the same statement; the lowest is safe for every one."""
        held = [shard for shard in self._shards.values() if shard.is_held]
        if held:
            if held[0].epoch != self._epoch:
                self._positions.clear()
                self._epoch = held[0].epoch
            self._positions.append((now, min(shard.position for shard in held)))

    def _position_at(self, moment: float, shard: Shard) -> int:
        """A position the log had not passed before `moment`, else where our own term began."""
        index = bisect_right(self._positions, moment - BIRTH_SLACK_SECONDS, key=lambda known: known[0])
        return self._positions[index - 1][1] if index else shard.start
