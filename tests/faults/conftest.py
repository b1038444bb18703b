"""Stores to be harmed, and a fleet that reaches them by wires that can be spoilt.

A module says what it harms by giving `database_of_fleet`, `redis_of_fleet` or `nats_of_fleet` a body of its own.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.embedded import Nats
from causerie.embedded.ports import Ports
from tests.conftest import on_stores
from tests.faults.wired import WiredFleet
from tests.journeys.fleet import BRISK
from tests.support import stores
from tests.support.fault_proxy import FaultLoop, FaultProxy, fault_loop
from tests.support.services import Services

SILENCE_SECONDS = "2"
"""How soon a dead connection is doubted; the heal has ten seconds."""


@pytest.fixture(scope="module")
def wires() -> Iterator[FaultLoop]:
    with fault_loop() as running:
        yield running


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with stores.temporary_home() as directory:
        yield directory


@pytest.fixture(scope="module")
def own_nats(home: Path) -> Iterator[Nats]:
    """A NATS of this module's own: no other fleet is heard on it."""
    with stores.running(Nats(home, Ports(home / "nats.ports"))) as nats:
        yield nats


@pytest.fixture(scope="module")
def nats_wire(wires: FaultLoop, own_nats: Nats) -> FaultProxy:
    return wires.proxy(own_nats.url, seed=1)


@pytest.fixture(scope="module")
def database_of_fleet(module_database_url: str) -> str:
    return module_database_url


@pytest.fixture(scope="module")
def redis_of_fleet(valkey_server: str) -> str:
    return valkey_server


@pytest.fixture(scope="module")
def nats_of_fleet(nats_wire: FaultProxy) -> str:
    return nats_wire.url


@pytest.fixture(scope="module")
def more_settings() -> dict[str, str]:
    """What a module wants its services told besides."""
    return {}


@pytest.fixture(scope="module")
def whole_fleet(
    database_of_fleet: str,
    redis_of_fleet: str,
    nats_of_fleet: str,
    more_settings: dict[str, str],
    wires: FaultLoop,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WiredFleet]:
    environment = {
        **on_stores(database_of_fleet, redis_of_fleet, nats_of_fleet),
        "LOG_LEVEL": "info",
        **BRISK,
        "CAUSERIE_HEARTBEAT_SECONDS": SILENCE_SECONDS,
        **more_settings,
    }
    with Services(environment, tmp_path_factory.mktemp("fleet")) as services:
        fleet = WiredFleet(services, wires)
        asyncio.run(fleet.start())
        yield fleet


@pytest.fixture
async def fleet(whole_fleet: WiredFleet) -> WiredFleet:
    """The module's fleet, with everything running."""
    await whole_fleet.revive()
    return whole_fleet
