"""A gateway with a worker behind it for a module, more of them for a test, and the stores as an API pod has them.

A folder's `conftest.py` takes these fixtures in and says with `environment` what they run with.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from causerie.actions.platform import Platform
from causerie.bus.hints import HintPublisher
from causerie.cache import Cache
from causerie.store import Store
from tests.support.services import Service, Services
from tests.support.stores import CACHE_PATIENCE_SECONDS, bus_to


@pytest.fixture(scope="module")
def staff(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services that live as long as the module."""
    with Services(environment, tmp_path_factory.mktemp("services")) as started:
        asyncio.run(started.start("worker"))
        yield started


@pytest.fixture(scope="module")
def gateway(staff: Services) -> Service:
    return asyncio.run(staff.start("gateway"))


@pytest.fixture
def own(staff: Services, environment: dict[str, str], tmp_path: Path) -> Iterator[Services]:
    """Starts gateways for one test, beside the worker of the module."""
    with Services(environment, tmp_path) as started:
        yield started


@pytest.fixture
async def platform(environment: dict[str, str]) -> AsyncIterator[Platform]:
    """The stores as an API pod has them, without the pod."""
    bus = await bus_to(environment["NATS_URL"], name="test")
    hints = HintPublisher(bus)
    store = await Store.connect(environment["DATABASE_URL"], announce=hints.announce)
    hints.epoch_from(lambda: store.epoch)
    cache = await Cache.connect(environment["REDIS_URL"], call_seconds=CACHE_PATIENCE_SECONDS)
    yield Platform(store, cache, bus)
    await store.close()
    await cache.close()
    await bus.close()
