"""PostgreSQL away in every way it can be: said within three seconds, no socket lost, and nothing to restart."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from tests.faults.outage import Asked
from tests.faults.wired import WiredFleet, heals
from tests.journeys.traffic import traffic
from tests.support.fault_proxy import BlackHole, FaultLoop, FaultProxy
from tests.support.processes import frozen
from tests.support.small_disk import SmallDisk, may_mount, small_disk
from tests.support.stores import running_migrated

DISK_MEGABYTES = 400


@dataclass
class Database:
    """A PostgreSQL to be harmed, the disk it lives on, and the wire to it."""

    server: Postgres
    disk: SmallDisk
    wire: FaultProxy


@pytest.fixture(scope="module")
def database(home: Path, wires: FaultLoop) -> Iterator[Database]:
    with small_disk(home / "disk", megabytes=DISK_MEGABYTES) as disk:
        with running_migrated(Postgres(disk.path, Ports(home / "postgres.ports"))) as server:
            yield Database(server, disk, wires.proxy(server.url, seed=2))


@pytest.fixture(scope="module")
def database_of_fleet(database: Database) -> str:
    return database.wire.url


@asynccontextmanager
async def killed(database: Database) -> AsyncIterator[None]:
    database.server.kill()
    yield
    await database.server.start()


@asynccontextmanager
async def frozen_solid(database: Database) -> AsyncIterator[None]:
    assert database.server.process is not None
    with frozen(database.server.process.pid):
        yield


@asynccontextmanager
async def swallowed(database: Database) -> AsyncIterator[None]:
    with database.wire.suffering(BlackHole()):
        yield
    assert database.wire.hits, "nothing went into the black hole"


@asynccontextmanager
async def full(database: Database) -> AsyncIterator[None]:
    database.disk.fill()
    assert shutil.disk_usage(database.disk.path).free == 0
    yield
    database.disk.empty()


AWAY = [killed, frozen_solid, swallowed, *([full] if may_mount() else [])]


@pytest.mark.parametrize("away", AWAY)
async def test_postgresql_away_is_said_in_time_and_needs_no_restart(
    fleet: WiredFleet, database: Database, away: Callable[[Database], AbstractAsyncContextManager[None]]
):
    pids = fleet.pids()
    async with traffic(fleet) as flow:
        sockets = [client.connection for client in flow.clients]
        asked = Asked(fleet, flow.group)

        async with away(database):
            if away is full:
                await asked.until_refused(flow.clients[0])
            # From the first moment on; a full disk is read from as before.
            await asked.refused(flow.clients[:2], reading=away is not full)

        await asked.sent_again()
        await heals(flow)
        assert [client.connection for client in flow.clients] == sockets
        assert all(socket is not None and socket.is_open for socket in sockets)
    assert fleet.pids() == pids
    assert fleet.bugs() == []


async def test_every_connection_of_postgresql_reset_again_and_again_loses_nothing(
    fleet: WiredFleet, database: Database
):
    async with traffic(fleet) as flow:
        sockets = [client.connection for client in flow.clients]
        ended = 0
        for _ in range(4):
            ended += await _end_every_connection(database.server.url)
            await flow.flowed(15)

        await heals(flow)
        assert ended >= 8, "too few connections were there to be reset"
        assert [client.connection for client in flow.clients] == sockets
    assert fleet.bugs() == []


async def _end_every_connection(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'causerie'"
        )
        return len(ended)
    finally:
        await connection.close()
