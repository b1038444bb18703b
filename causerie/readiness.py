"""Whether this process takes clients, and what it sees of its stores.

A store that is away never takes a pod out of service, for it would take out all of them; sockets stay open.
"""

import asyncio
from enum import StrEnum

from causerie import telemetry
from causerie.bus.connection import Bus
from causerie.cache import Cache
from causerie.domain.errors import Unavailable
from causerie.probes import Ready
from causerie.store import Store
from causerie.store.clock import Clock

LOOK_SECONDS = 2.0


class Stage(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Readiness:
    """What `/ready` answers. PostgreSQL is asked every two seconds, never by the question itself."""

    def __init__(self, bus: Bus, cache: Cache, clock: Clock) -> None:
        self.stage = Stage.STARTING
        self._bus = bus
        self._cache = cache
        self._clock = clock
        self._postgresql = "away"
        telemetry.STORE_UP.reads["postgresql"] = lambda: self._postgresql == "up"
        telemetry.DRAINING.read = lambda: self.stage is Stage.DRAINING

    def __call__(self) -> Ready:
        stores = {
            "postgresql": self._postgresql,
            "redis": self._cache.state,
            "nats": "up" if self._bus.is_up else "away",
        }
        if self.stage is Stage.SERVING:
            return Ready(True, stores)
        return Ready(False, stores, self.stage.value)

    async def watch(self, store: Store) -> None:
        """Look after PostgreSQL for as long as the process lives."""
        rounds = telemetry.Rounds("store_watch")
        while True:
            await self.look(store)
            rounds.succeeded()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, store: Store) -> None:
        """Whether PostgreSQL answers, and what time it has: once before clients come, for tokens are judged by it."""
        try:
            await self._clock.look(store)
            self._postgresql = "up"
        except Unavailable:
            self._postgresql = "away"
