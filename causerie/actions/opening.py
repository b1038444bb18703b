"""What the API and the gateway open before they serve: each thing before those that need it, closed in reverse.

Probes answer first, so that a pod that waits for PostgreSQL is seen to be alive and says what it waits for.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from causerie.actions.directory import Directory
from causerie.actions.platform import Platform
from causerie.bus.connection import Bus
from causerie.bus.hints import HintPublisher
from causerie.cache import Cache
from causerie.lifetime import beside, store_or_end
from causerie.probes import Probes
from causerie.readiness import Readiness
from causerie.settings import Settings
from causerie.store.clock import Clock
from causerie.tokens import TokenVerifier


@dataclass(frozen=True, slots=True)
class Opened:
    """What stands when PostgreSQL and its schema are there."""

    platform: Platform
    verifier: TokenVerifier
    directory: Directory
    readiness: Readiness


@asynccontextmanager
async def opened(service: str, settings: Settings, told: asyncio.Event) -> AsyncIterator[Opened | None]:
    """Open the stores for the service of this name, waiting for PostgreSQL for as long as it takes.

    Yields None when `told` to end before it was there. Redis and NATS are not waited for.
    """
    async with AsyncExitStack() as parts:
        bus = await Bus.connect(settings.stores.nats_urls, name=f"causerie-{service}")
        parts.push_async_callback(bus.close)
        cache = await Cache.connect(",".join(settings.stores.redis_urls))
        parts.push_async_callback(cache.close)
        clock = Clock()
        readiness = Readiness(bus, cache, clock)
        probes = Probes(service, readiness)
        await probes.start(settings.listen.host, settings.listen.health_port)
        parts.push_async_callback(probes.stop)
        verifier = TokenVerifier(settings.auth, now=clock)
        await verifier.start()
        parts.push_async_callback(verifier.stop)

        hints = HintPublisher(bus)
        store = await store_or_end(settings.stores, hints.announce, told)
        if store is None:
            yield None
            return
        parts.push_async_callback(store.close)
        hints.epoch_from(lambda: store.epoch)
        await readiness.look(store)
        await parts.enter_async_context(beside(readiness.watch(store)))
        directory = Directory(store)
        await parts.enter_async_context(beside(directory.write()))
        yield Opened(Platform(store, cache, bus, clock), verifier, directory, readiness)
