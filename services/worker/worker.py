"""One worker, put together: what it owns, and the order in which its parts begin and end."""

from contextlib import AsyncExitStack
from time import time
from uuid import uuid4

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus
from causerie.cache.connection import Cache
from causerie.cluster import Cluster
from causerie.lifetime import beside
from causerie.seats.directory import Directory
from causerie.store.dead_letters import DeadLetters
from causerie.store.store import Store
from services.worker.deletion_cost import CostKeeper
from services.worker.dispatcher import Dispatcher
from services.worker.floor import Floor
from services.worker.healing import Healing
from services.worker.heartbeats import Heartbeats
from services.worker.leasing import Leasing
from services.worker.partition_watch import watch_partitions
from services.worker.presence_sweep import sweep_presence
from services.worker.reading import LogReader
from services.worker.replaying import Replaying
from services.worker.shard import Shard


class Worker:
    """Owns shards as long as it runs. `stop` hands them on at once; being killed costs the others a lease."""

    def __init__(
        self, store: Store, bus: Bus, cache: Cache, *, cluster: Cluster | None = None, name: str = "worker"
    ) -> None:
        self.id = f"{subjects.check_token(name)}-{uuid4().hex[:12]}"
        self.shards: dict[int, Shard] = {}
        self.directory = Directory()
        self._letters = DeadLetters(store)
        bus.on_poison = self._letters.bury
        reader = LogReader(store, self._letters)
        self._healing = Healing(store, self.shards, reader)
        self.dispatcher = Dispatcher(
            self.id,
            bus,
            self.directory,
            self.shards,
            reader,
            self._letters,
            on_unknown=self._healing.unknown,
            on_gap=self._healing.gap,
            on_useless=self._healing.useless,
            on_over=lambda shard: self.leasing.over(shard),
        )
        self._healing.dispatcher = self.dispatcher
        self._replaying = Replaying(store, self.dispatcher, reader)
        self._floor = Floor(self.id, bus, self.directory, self.shards, self.dispatcher, self._replaying)
        self.leasing = Leasing(
            self.id, store, bus, self.shards, self.directory, self.dispatcher, self._healing, self._floor
        )
        self._cost_keeper = CostKeeper(cluster, self.shards) if cluster is not None else None
        self._heartbeats = Heartbeats(
            bus,
            of_workers=self.leasing.hear,
            of_nodes=[*([self._cost_keeper.hear] if self._cost_keeper else []), self._floor.hear],
            on_gap=self._floor.begin_anew,
        )
        self._store, self._bus, self._cache = store, bus, cache
        self._parts = AsyncExitStack()
        """What has begun, ended the other way round: letters are written until nothing is left to bury."""

    async def start(self) -> None:
        self._show()
        await self._parts.enter_async_context(beside(self._letters.write()))
        await self._floor.start()
        self._parts.push_async_callback(self._floor.stop)
        await self._heartbeats.start()
        self._parts.push_async_callback(self._heartbeats.stop)
        self._replaying.start()
        self._parts.push_async_callback(self._replaying.stop)
        self._healing.start()
        self._parts.push_async_callback(self._healing.stop)
        await self.leasing.start()
        self._parts.push_async_callback(self.leasing.stop)
        await self._parts.enter_async_context(
            beside(sweep_presence(self._cache, self._bus, self.directory, self.shards))
        )
        await self._parts.enter_async_context(beside(watch_partitions(self._store)))
        if self._cost_keeper is not None:
            await self._parts.enter_async_context(beside(self._cost_keeper.run()))

    def dispatch_lag(self) -> float:
        """Seconds: the longest lately, or as long as something has been waiting now."""
        oldest = self._healing.oldest_waiting()
        return max(self.dispatcher.lag.read(), time() - oldest if oldest is not None else 0.0)

    def _show(self) -> None:
        telemetry.DISPATCH_LAG_SECONDS.read = self.dispatch_lag
        telemetry.DISPATCHED.read = lambda: self.dispatcher.dispatched
        telemetry.SHARDS_OWNED.read = lambda: len(self.shards)
        telemetry.NODES_KNOWN.read = lambda: len(self.directory.nodes)
        telemetry.CONVERSATIONS_READING.read = lambda: self._healing.reading
        telemetry.LOG_POSITION_AGE_SECONDS.read = lambda: max(
            (shard.position_age_seconds for shard in list(self.shards.values())), default=0.0
        )
        telemetry.STORE_UP.reads["postgresql"] = lambda: self.leasing.is_store_up

    async def stop(self) -> None:
        await self._parts.aclose()
