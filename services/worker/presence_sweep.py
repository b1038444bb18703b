"""Taking users offline whose node died, or whose REST heartbeat has lapsed."""

import asyncio
import logging
from collections.abc import Mapping

from causerie.bus import ephemeral
from causerie.bus.connection import Bus
from causerie.bus.envelopes import PresenceChange
from causerie.cache import presence
from causerie.cache.connection import Cache, CacheAway
from causerie.domain.ids import NodeId
from causerie.seats.directory import Directory
from services.worker.shard import Shard

log = logging.getLogger(__name__)

SWEEPING_SHARD = 0
"""Its owner sweeps: one worker at a time, more would do no harm."""


class PresenceSweep:
    """Sweeps every five seconds. It first listens for that long: a node nobody has heard of yet is not dead."""

    def __init__(self, cache: Cache, bus: Bus, directory: Directory, shards: Mapping[int, Shard]) -> None:
        self._cache = cache
        self._bus = bus
        self._directory = directory
        self._shards = shards
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(presence.SWEEP_EVERY_SECONDS)
            shard = self._shards.get(SWEEPING_SHARD)
            if shard is None or not shard.is_held or not self._bus.is_up:
                continue
            try:
                gone = await presence.sweep(self._cache, [NodeId(node) for node in self._directory.nodes])
            except CacheAway:
                continue
            except Exception:  # the loop's edge
                log.exception("sweeping presence failed")
                continue
            ephemeral.presence(
                self._bus,
                [
                    PresenceChange(user.user, user.status.value, user.last_seen.timestamp() if user.last_seen else None)
                    for user in gone
                ],
            )
