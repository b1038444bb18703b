"""`python -m services.worker`: builds what a worker uses, runs it, and ends it on SIGTERM."""

import asyncio
import logging
import signal

import uvloop

from causerie import telemetry
from causerie.bus.connection import Bus
from causerie.cache.connection import Cache
from causerie.probes import Probes, Ready
from causerie.settings import Settings
from causerie.store.store import Store
from services.worker.worker import Worker

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run one worker until it is told to end."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending_signal, ending.set)

    worker: Worker | None = None
    bus = await Bus.connect(settings.stores.nats_urls, name="worker")
    cache = await Cache.connect(",".join(settings.stores.redis_urls))

    def ready() -> Ready:
        stores = {"nats": _state(bus.is_up), "redis": cache.state}
        if worker is None:
            return Ready(False, stores, "waiting for PostgreSQL and its schema")
        stores["postgresql"] = _state(worker.leasing.is_store_up)
        return Ready(not ending.is_set(), stores, "ending" if ending.is_set() else "")

    probes = Probes("worker", ready)
    await probes.start(settings.listen.host, settings.listen.health_port)
    connecting = asyncio.create_task(
        Store.connect(
            settings.stores.database_url,
            announce=lambda events: None,
            min_size=1,
            max_size=settings.stores.database_connections,
        )
    )
    told_to_end = asyncio.create_task(ending.wait())
    await asyncio.wait([connecting, told_to_end], return_when=asyncio.FIRST_COMPLETED)
    if connecting.done():
        store = await connecting
        beginning = Worker(store, bus, cache)
        await beginning.start()
        worker = beginning
        log.info("worker is running", extra={"worker": worker.id})
        await told_to_end
        log.info("worker is ending")
        await worker.stop()
        await store.close()
    connecting.cancel()
    await probes.stop()
    await cache.close()
    await bus.close()


def _state(is_up: bool) -> str:
    return "up" if is_up else "away"


def main() -> None:
    settings = Settings.read_or_exit("worker")
    telemetry.setup("worker", settings.log.level)
    try:
        uvloop.run(run(settings))
    finally:
        telemetry.shutdown()


if __name__ == "__main__":
    main()
