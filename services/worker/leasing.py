"""Taking, renewing, handing over and giving back the leases of shards.

PostgreSQL judges who owns a shard.  We stop by our own clock as well, before the lease can have ended there, and never
later: a process that was frozen finds its deadline passed and says nothing any more.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from time import monotonic

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus, Subscription
from causerie.bus.envelopes import Envelope, Ephemeral, Heartbeat, Hints, Released
from causerie.domain.errors import Unavailable
from causerie.lifetime import ended
from causerie.seats.directory import Directory
from causerie.store import leases
from causerie.store.leases import LEASE_SECONDS, Lease
from causerie.store.store import Store
from services.worker.colleagues import Colleagues
from services.worker.dispatcher import Dispatcher
from services.worker.floor import Floor
from services.worker.healing import Healing
from services.worker.shard import Shard

log = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
RENEW_SECONDS = 2.0


class Leasing:
    """Keeps `shards` filled with what we own now."""

    def __init__(
        self,
        worker: str,
        store: Store,
        bus: Bus,
        shards: dict[int, Shard],
        directory: Directory,
        dispatcher: Dispatcher,
        healing: Healing,
        floor: Floor,
    ) -> None:
        self.is_store_up = True
        self._worker = worker
        self._store = store
        self._bus = bus
        self._shards = shards
        self._directory = directory
        self._dispatcher = dispatcher
        self._healing = healing
        self._floor = floor
        self._colleagues = Colleagues(worker)
        self._began = monotonic()
        self._renewed_at = monotonic()
        self._wake = asyncio.Event()
        self._listening: Subscription | None = None
        self._running: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._rounds = telemetry.Rounds("leases")

    async def start(self) -> None:
        self._listening = await self._bus.subscribe(subjects.WORKERS, self._on_released)
        await self._round()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Give every shard back at once, so that others need not wait for the leases to run out."""
        await ended(self._running)
        self._say_hello(leaving=True)
        with suppress(Unavailable):
            await self._give_back(list(self._shards))
        if self._listening is not None:
            await self._bus.unsubscribe(self._listening)

    def hear(self, colleague: Heartbeat) -> None:
        """Note that a worker lives, or leaves."""
        if colleague.draining:
            self._colleagues.left(colleague.node)
        else:
            self._colleagues.heard(colleague.node, now=monotonic())

    def over(self, shard: Shard) -> None:
        """Stop speaking for a shard."""
        shard.is_over = True
        if self._shards.get(shard.number) is shard:
            del self._shards[shard.number]
        if shard.subscription is not None:
            task = asyncio.create_task(self._bus.unsubscribe(shard.subscription))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), ROUND_SECONDS)
            self._wake.clear()
            await self._round()

    async def _round(self) -> None:
        # Without PostgreSQL nothing could be taken: better that nobody counts on us.
        if self.is_store_up:
            self._say_hello()
        try:
            await self._renew()
            await self._leave_other_histories()
            await self._take_and_hand_over()
            self.is_store_up = True
            self._rounds.succeeded()
        except Unavailable:
            self.is_store_up = False
        except Exception:  # the loop's edge: without leases the worker is useless, so it goes on trying
            log.exception("a round of leases failed")
        for shard in [shard for shard in self._shards.values() if not shard.is_held]:
            log.warning("a lease ran out", extra={"shard": shard.number, "term": shard.term})
            self.over(shard)

    async def _renew(self) -> None:
        asked_at = monotonic()
        if asked_at - self._renewed_at < RENEW_SECONDS or not self._shards:
            return
        held = dict(self._shards)
        nodes = self._directory.nodes
        kept = await leases.renew(self._store, self._worker, [shard.lease(nodes) for shard in held.values()])
        self._renewed_at = asked_at
        for number, shard in held.items():
            if number in kept:
                shard.deadline = asked_at + LEASE_SECONDS
            else:
                log.warning("a lease was lost", extra={"shard": number, "term": shard.term})
                self.over(shard)

    async def _leave_other_histories(self) -> None:
        """After a promotion or a restore positions of before mean nothing: begin every shard anew."""
        epoch = self._store.epoch
        if stale := [shard.number for shard in self._shards.values() if shard.epoch != epoch]:
            log.warning("beginning anew in another history of the database", extra={"shards": len(stale)})
            await self._give_back(stale, with_positions=False)

    async def _take_and_hand_over(self) -> None:
        now = monotonic()
        self._colleagues.expire(now=now)
        holders = await leases.holders(self._store)
        wanted = self._colleagues.to_claim({number: holder.owner for number, holder in holders.items()}, now=now)
        if wanted:
            await self._take(wanted)
        surplus = self._colleagues.to_hand_over(list(self._shards), now=now)
        if surplus:
            log.info("handing shards over", extra={"shards": len(surplus)})
            await self._give_back(surplus)

    async def _take(self, wanted: Collection[int]) -> None:
        asked_at = monotonic()
        taken = await leases.claim(self._store, self._worker, list(wanted))
        for lease in taken:
            if earlier := self._shards.get(lease.shard):
                self.over(earlier)
            await self._begin(lease, asked_at + LEASE_SECONDS)
        if taken:
            log.info("owning more shards", extra={"shards": len(taken), "owned": len(self._shards)})
            self._floor.beat_all()
            self._healing.look_now()

    async def _begin(self, lease: Lease, deadline: float) -> None:
        shard = Shard(lease, epoch=self._store.epoch, deadline=deadline)

        def on_message(envelope: Envelope, reply: str) -> None:
            if shard.is_held:
                match envelope:
                    case Hints(events):
                        self._dispatcher.hear(shard, events)
                    case Ephemeral():
                        self._dispatcher.hear_ephemeral(shard, envelope)
                    case _:
                        pass

        self._shards[shard.number] = shard
        shard.subscription = await self._bus.subscribe(
            subjects.shard(shard.number), on_message, on_gap=self._healing.look_now
        )

    async def _give_back(self, numbers: Iterable[int], *, with_positions: bool = True) -> None:
        self._dispatcher.flush()
        nodes = self._directory.nodes
        given = [shard for number in numbers if (shard := self._shards.get(number)) is not None]
        for shard in given:
            self.over(shard)
        if given:
            held = [shard.lease(nodes) for shard in given]
            if not with_positions:
                held = [replace(lease, position=0) for lease in held]
            await leases.release(self._store, self._worker, held)
            self._bus.publish(subjects.WORKERS, Released(self._worker, [shard.number for shard in given]))

    def _say_hello(self, *, leaving: bool = False) -> None:
        uptime = monotonic() - self._began
        connections = len(self._shards)
        self._bus.publish(subjects.HEARTBEATS, Heartbeat(self._worker, "worker", 0, connections, leaving, uptime))

    def _on_released(self, envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, Released) and envelope.worker != self._worker:
            self._wake.set()
