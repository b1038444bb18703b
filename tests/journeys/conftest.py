"""A fleet for each module of journeys: the processes are dear, and what a test kills is brought back after it.

With `STORES=wide` it stands on three Valkey nodes with replicas and reaches PostgreSQL by a pooler in transaction mode.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.embedded import Nats
from causerie.embedded.ports import Ports
from tests.conftest import JWT_SECRET
from tests.journeys.fleet import BRISK, Fleet
from tests.support import stores
from tests.support.pgbouncer import pgbouncer
from tests.support.services import Services
from tests.support.valkey_cluster import ValkeyCluster

IS_WIDE = os.environ.get("STORES") == "wide"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with stores.temporary_home() as directory:
        yield directory


@pytest.fixture(scope="module")
def valkey_server(valkey_server: str, home: Path) -> Iterator[str]:
    if not IS_WIDE:
        yield valkey_server
        return
    with stores.running(ValkeyCluster(home / "valkey", replicas=3)) as cluster:
        yield cluster.url


@pytest.fixture(scope="module")
def database_settings(module_database_url: str, home: Path) -> Iterator[dict[str, str]]:
    if not IS_WIDE:
        yield {"DATABASE_URL": module_database_url}
        return
    with pgbouncer(home, module_database_url) as url:
        yield {"DATABASE_URL": url, "CAUSERIE_DATABASE_POOLED": "1"}


@pytest.fixture(scope="module")
def own_nats(stores_home: Path) -> Iterator[Nats]:
    """A NATS of this module's own: a test may restart it, and no other fleet is heard on it."""
    ports, name = Ports(stores_home / "journeys.ports"), f"journeys-{os.urandom(3).hex()}"
    with stores.running(Nats(stores_home, ports, name=name)) as nats:
        yield nats


@pytest.fixture(scope="module")
def whole_fleet(
    database_settings: dict[str, str], valkey_server: str, own_nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    environment = {
        **database_settings,
        "REDIS_URL": valkey_server,
        "NATS_URL": own_nats.url,
        "CAUSERIE_JWT_SECRET": JWT_SECRET,
        "LOG_LEVEL": "info",
        **BRISK,
    }
    with Services(environment, tmp_path_factory.mktemp("fleet")) as services:
        fleet = Fleet(services)
        asyncio.run(fleet.start())
        yield fleet


@pytest.fixture
async def fleet(whole_fleet: Fleet) -> Fleet:
    """The module's fleet, with everything running."""
    await whole_fleet.revive()
    return whole_fleet
