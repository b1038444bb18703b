"""A gateway that loses patience sooner than in production, a worker behind it, and a way to write."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from causerie.actions.platform import Platform
from causerie.bus.connection import Bus
from causerie.bus.hints import HintPublisher
from causerie.cache import Cache
from causerie.store import Store
from tests.conftest import JWT_SECRET
from tests.support.services import Service, Services

SLOW_SECONDS = 2.0


@pytest.fixture(scope="module")
def environment(module_database_url: str, valkey_server: str, nats_server: str) -> dict[str, str]:
    return {
        "DATABASE_URL": module_database_url,
        "REDIS_URL": valkey_server,
        "NATS_URL": nats_server,
        "CAUSERIE_JWT_SECRET": JWT_SECRET,
        "CAUSERIE_DRAIN_SECONDS": "1",
        "CAUSERIE_SLOW_SECONDS": str(SLOW_SECONDS),
        "CAUSERIE_SENDS_PER_SECOND": "10000",
        "CAUSERIE_SENDS_BURST": "10000",
    }


@pytest.fixture(scope="module")
def staff(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    started = Services(environment, tmp_path_factory.mktemp("readers"))
    asyncio.run(started.start("worker"))
    yield started
    started.kill_all()


@pytest.fixture(scope="module")
def gateway(staff: Services) -> Service:
    return asyncio.run(staff.start("gateway"))


@pytest.fixture
def own(staff: Services, environment: dict[str, str], tmp_path: Path) -> Iterator[Services]:
    """Starts gateways for one test, beside the worker of the module."""
    started = Services(environment, tmp_path)
    yield started
    started.kill_all()


@pytest.fixture
async def platform(environment: dict[str, str]) -> AsyncIterator[Platform]:
    """The stores as an API pod has them, without the pod."""
    bus = await Bus.connect([environment["NATS_URL"]], name="test")
    hints = HintPublisher(bus)
    store = await Store.connect(environment["DATABASE_URL"], announce=hints.announce)
    hints.epoch_from(lambda: store.epoch)
    cache = await Cache.connect(environment["REDIS_URL"])
    yield Platform(store, cache, bus)
    await store.close()
    await cache.close()
    await bus.close()
