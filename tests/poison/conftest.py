"""A town for poison in the worker, and a small fleet for poison that clients would notice."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.poison.lab import Lab
from tests.support.services import Services
from tests.worker.people import Town


@pytest.fixture
async def town(database_url: str, redis_url: str, nats_url: str) -> AsyncIterator[Town]:
    town = await Town.build(database_url, redis_url, nats_url)
    yield town
    await town.close()


@pytest.fixture(scope="module")
def running(module_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    environment = module_environment | {"CAUSERIE_DRAIN_SECONDS": "1", "CAUSERIE_OFFLINE_GRACE_SECONDS": "0.5"}
    with Services(environment, tmp_path_factory.mktemp("lab")) as services:
        yield services


@pytest.fixture(scope="module")
def whole_lab(running: Services) -> Lab:
    async def start() -> Lab:
        api, gateway, worker = await asyncio.gather(*(running.start(name) for name in ("api", "gateway", "worker")))
        return Lab(api, gateway, worker, running.environment)

    return asyncio.run(start())


@pytest.fixture
async def lab(whole_lab: Lab) -> AsyncIterator[Lab]:
    """One of each service, their clients, and hands in the stores behind them."""
    await whole_lab.open()
    yield whole_lab
    await whole_lab.close()
