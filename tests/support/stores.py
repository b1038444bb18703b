"""The real stores for a test process, started when the first test asks for one.

Every test process (each worker of pytest-xdist) has its own servers, so a test may stop or crash one without
disturbing a neighbour.  `DATABASE_URL`, `REDIS_URL` and `NATS_URL` replace them one by one.
"""

import asyncio
import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from causerie.bus.connection import Bus
from causerie.embedded import Nats, Postgres, Valkey
from causerie.embedded.ports import Ports
from tests.support.waiting import eventually

CACHE_PATIENCE_SECONDS = 5.0
"""For a cache whose promptness is not the subject: a quarter of a second is over before a busy machine has opened fifty
connections."""

_names = itertools.count(1)


class Server(Protocol):
    """One of the stores, or several nodes of one."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


AnyServer = TypeVar("AnyServer", bound=Server)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A directory the unprivileged user of PostgreSQL can enter, which pytest's own are not."""
    home = Path(tempfile.mkdtemp(prefix="causerie-test-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def running(server: AnyServer) -> Iterator[AnyServer]:
    """A server that runs as long as the block, unless a test has stopped it before."""
    asyncio.run(server.start())
    try:
        yield server
    finally:
        asyncio.run(server.stop())


@contextmanager
def running_migrated(server: Postgres) -> Iterator[Postgres]:
    """As `running`, with the schema and this month's partitions and the next."""
    # Here, for most tests that want a store do not want ours.
    from causerie.store import migrate, partitions

    with running(server):
        asyncio.run(migrate.up(server.url))
        asyncio.run(partitions.ensure(server.url, months_ahead=1))
        yield server


def postgres_url(home: Path) -> AbstractContextManager[str]:
    """PostgreSQL for this process: any database of it."""
    return _given_or_started("DATABASE_URL", Postgres, home)


def valkey_url(home: Path) -> AbstractContextManager[str]:
    """Valkey for this process."""
    return _given_or_started("REDIS_URL", Valkey, home)


def nats_server_url(home: Path) -> AbstractContextManager[str]:
    """NATS for this process."""
    return _given_or_started("NATS_URL", Nats, home)


@contextmanager
def _given_or_started(variable: str, kind: type[Postgres | Valkey | Nats], home: Path) -> Iterator[str]:
    if external := os.environ.get(variable):
        yield external
        return
    with running(kind(home, Ports(home / f"{kind.__name__.lower()}.ports"))) as server:
        yield server.url


async def bus_to(url: str, *, name: str) -> Bus:
    """A bus that is up: by itself it waits a second for NATS, for whoever uses it can do without."""
    bus = await Bus.connect([url], name=name)
    await eventually(lambda: bus.is_up, what="the bus is up")
    return bus


def flush(url: str) -> None:
    """Empty every node of a Redis."""
    for node in url.split(","):
        address = urlsplit(node)
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL SYNC\r\n")
            answer = connection.recv(64)
            assert answer == b"+OK\r\n", answer


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def execute(url: str, *statements: str) -> None:
    """Run statements one by one, each on its own."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def a_database_name(kind: str) -> str:
    """A name nobody uses, not even a parallel run on the same server."""
    return f"test_{kind}_{os.getpid()}_{next(_names)}"


@contextmanager
def database(server: str, *, template: str | None = None) -> Iterator[str]:
    """A database of its own, empty or a copy of a template, gone at the end."""
    name = a_database_name("copy" if template else "empty")
    copied = f" TEMPLATE {template}" if template else ""
    asyncio.run(execute(server, f"CREATE DATABASE {name}{copied}"))
    try:
        yield with_database(server, name)
    finally:
        asyncio.run(execute(server, f"DROP DATABASE {name} WITH (FORCE)"))
