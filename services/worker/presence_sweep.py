"""Taking users offline whose node died, or whose REST heartbeat has lapsed."""

import asyncio
import logging
from collections.abc import Mapping

from causerie import telemetry
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


async def sweep_presence(cache: Cache, bus: Bus, directory: Directory, shards: Mapping[int, Shard]) -> None:
    """Sweep every five seconds, for ever. It first listens for that long: a node nobody has heard of is not dead."""
    rounds = telemetry.Rounds("presence_sweep")
    while True:
        await asyncio.sleep(presence.SWEEP_EVERY_SECONDS)
        shard = shards.get(SWEEPING_SHARD)
        if shard is None:
            rounds.succeeded()  # It is somebody else's.
            continue
        if not shard.is_held or not bus.is_up:
            continue
        try:
            gone = await presence.sweep(cache, [NodeId(node) for node in directory.nodes])
        except CacheAway:
            continue
        except Exception:  # the loop's edge
            log.exception("sweeping presence failed")
            continue
        rounds.succeeded()
        ephemeral.presence(
            bus,
            [
                PresenceChange(user.user, user.status.value, user.last_seen.timestamp() if user.last_seen else None)
                for user in gone
            ],
        )
