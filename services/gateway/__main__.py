"""`python -m services.gateway`: build the gateway and run it until SIGTERM; then drain and go."""

import asyncio
import contextlib
import gc
import logging

import uvloop

from causerie import telemetry
from causerie.actions.directory import Directory
from causerie.actions.platform import Platform
from causerie.bus.connection import Bus
from causerie.bus.hints import HintPublisher
from causerie.cache import Cache
from causerie.lifetime import beside, store_or_end, told_to_end
from causerie.probes import Probes
from causerie.readiness import Readiness, Stage
from causerie.settings import Settings
from causerie.store.clock import Clock
from causerie.store.dead_letters import DeadLetters
from causerie.tokens import TokenVerifier
from services.gateway import files
from services.gateway.gateway import Gateway
from services.gateway.listener import listening_socket

log = logging.getLogger(__name__)


async def serve(settings: Settings, told: asyncio.Event) -> None:
    """Serve until told to end; waits for PostgreSQL for as long as it takes."""
    open_files = files.raise_limit()
    async with contextlib.AsyncExitStack() as parts:
        bus = await Bus.connect(settings.stores.nats_urls, name="causerie-gateway")
        parts.push_async_callback(bus.close)
        cache = await Cache.connect(",".join(settings.stores.redis_urls))
        parts.push_async_callback(cache.close)
        clock = Clock()
        readiness = Readiness(bus, cache, clock)
        probes = Probes("gateway", readiness)
        await probes.start(settings.listen.host, settings.listen.health_port)
        parts.push_async_callback(probes.stop)
        verifier = TokenVerifier(settings.auth, now=clock)
        await verifier.start()
        parts.push_async_callback(verifier.stop)
        listener = parts.enter_context(listening_socket(settings.listen.host, settings.listen.port))

        hints = HintPublisher(bus)
        store = await store_or_end(settings.stores, hints.announce, told)
        if store is None:
            return
        parts.push_async_callback(store.close)
        hints.epoch_from(lambda: store.epoch)
        await readiness.look(store)
        await parts.enter_async_context(beside(readiness.watch(store)))
        directory = Directory(store)
        await parts.enter_async_context(beside(directory.write()))
        letters = DeadLetters(store)
        await parts.enter_async_context(beside(letters.write()))

        max_connections = files.connections_within(settings.gateway.max_connections, open_files)
        platform = Platform(store, cache, bus, clock)
        gateway = Gateway(platform, verifier, directory, readiness, letters, settings, max_connections=max_connections)
        await gateway.start(listener)
        parts.push_async_callback(gateway.stop)
        # What stands by now stands for ever: the collector need not walk it with every socket that comes and goes.
        gc.collect()
        gc.freeze()
        readiness.stage = Stage.SERVING
        log.info(
            "gateway is running",
            extra={"node": gateway.node.id, "max_connections": max_connections, "open_files": open_files},
        )
        await told.wait()
        readiness.stage = Stage.DRAINING
        await gateway.leave()


async def main(settings: Settings) -> None:
    """Run the gateway; a signal while it still waits for PostgreSQL ends it at once."""
    telemetry.setup("gateway", settings.log.level)
    await serve(settings, told_to_end())
    telemetry.shutdown()


if __name__ == "__main__":
    uvloop.run(main(Settings.read_or_exit("gateway")))
