"""`python -m services.worker`: builds what a worker uses, runs it, and ends it on SIGTERM."""

import logging
from collections.abc import Sequence

import uvloop

from causerie import telemetry
from causerie.bus.connection import Bus
from causerie.cache.connection import Cache
from causerie.cluster import Cluster
from causerie.domain.event import Event
from causerie.lifetime import store_or_end, told_to_end
from causerie.probes import Probes, Ready
from causerie.settings import Settings
from services.worker.worker import Worker

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run one worker until it is told to end."""
    told = told_to_end()

    worker: Worker | None = None
    bus = await Bus.connect(settings.stores.nats_urls, name="worker")
    cache = await Cache.connect(",".join(settings.stores.redis_urls))

    def ready() -> Ready:
        stores = {"nats": _state(bus.is_up), "redis": cache.state}
        if worker is None:
            return Ready(False, stores, "waiting for PostgreSQL and its schema")
        stores["postgresql"] = _state(worker.leasing.is_store_up)
        return Ready(not told.is_set(), stores, "ending" if told.is_set() else "")

    probes = Probes("worker", ready)
    await probes.start(settings.listen.host, settings.listen.health_port)
    store = await store_or_end(settings.stores, _nothing, told)
    if store is not None:
        beginning = Worker(store, bus, cache, cluster=Cluster.around_us(settings.cluster.service_account))
        await beginning.start()
        worker = beginning
        telemetry.DRAINING.read = told.is_set
        log.info("worker is running", extra={"worker": worker.id})
        await told.wait()
        log.info("worker is ending")
        await worker.stop()
        await store.close()
    await probes.stop()
    await cache.close()
    await bus.close()


def _nothing(events: Sequence[Event]) -> None:
    """A worker writes no events, so it has none to announce."""


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
