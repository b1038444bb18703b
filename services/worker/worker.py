"""One worker, put together: what it owns, and the order in which its parts begin and end."""

import asyncio
from time import time
from uuid import uuid4

from causerie import telemetry
from causerie.bus import subjects
from causerie.bus.connection import Bus
from causerie.cache.connection import Cache
from causerie.seats.directory import Directory
from causerie.store.dead_letters import DeadLetters
from causerie.store.store import Store
from services.worker.dispatcher import Dispatcher
from services.worker.floor import Floor
from services.worker.healing import Healing
from services.worker.leasing import Leasing
from services.worker.partition_watch import PartitionWatch
from services.worker.presence_sweep import PresenceSweep
from services.worker.reading import LogReader
from services.worker.replaying import Replaying
from services.worker.shard import Shard


class Worker:
    """Owns shards as long as it runs. `stop` hands them on at once; being killed costs the others a lease."""

    def __init__(self, store: Store, bus: Bus, cache: Cache, *, name: str = "worker") -> None:
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
        self._sweep = PresenceSweep(cache, bus, self.directory, self.shards)
        self._partitions = PartitionWatch(store)
        self._burying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._burying = asyncio.create_task(self._letters.write())
        telemetry.DISPATCH_LAG_SECONDS.read = self.dispatch_lag
        self._replaying.start()
        await self._floor.start()
        await self.leasing.start()
        self._healing.start()
        self._sweep.start()
        self._partitions.start()

    def dispatch_lag(self) -> float:
        """Seconds: the longest lately, or as long as something has been waiting now."""
        oldest = self._healing.oldest_waiting()
        return max(self.dispatcher.lag.read(), time() - oldest if oldest is not None else 0.0)

    async def stop(self) -> None:
        await self._partitions.stop()
        await self._sweep.stop()
        await self.leasing.stop()
        await self._healing.stop()
        await self._replaying.stop()
        await self._floor.stop()
        if self._burying is not None:
            self._burying.cancel()
            await asyncio.gather(self._burying, return_exceptions=True)
