"""A fleet for each module of journeys: the processes are dear, and what a test kills is brought back after it."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.embedded import Nats
from causerie.embedded.ports import Ports
from tests.conftest import JWT_SECRET
from tests.journeys.fleet import BRISK, Fleet
from tests.support.services import Services


@pytest.fixture(scope="module")
def own_nats(stores_home: Path) -> Iterator[Nats]:
    """A NATS of this module's own: a test may restart it, and no other fleet is heard on it."""
    if os.environ.get("NATS_URL"):
        pytest.skip("journeys restart NATS, so they bring their own")
    nats = Nats(stores_home, Ports(stores_home / "journeys.ports"), name=f"journeys-{os.urandom(3).hex()}")
    asyncio.run(nats.start())
    yield nats
    asyncio.run(nats.stop())


@pytest.fixture(scope="module")
def whole_fleet(
    module_database_url: str, valkey_server: str, own_nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    environment = {
        "DATABASE_URL": module_database_url,
        "REDIS_URL": valkey_server,
        "NATS_URL": own_nats.url,
        "CAUSERIE_JWT_SECRET": JWT_SECRET,
        "LOG_LEVEL": "info",
        **BRISK,
    }
    services = Services(environment, tmp_path_factory.mktemp("fleet"))
    fleet = Fleet(services)
    try:
        asyncio.run(fleet.start())
        yield fleet
    finally:
        services.kill_all()


@pytest.fixture
async def fleet(whole_fleet: Fleet) -> Fleet:
    """The module's fleet, with everything running."""
    await whole_fleet.revive()
    return whole_fleet
