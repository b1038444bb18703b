"""Starting again, dying badly, sharing a machine: what the embedded stores promise to whoever runs them."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from causerie.embedded import DirectoryInUse, EmbeddedStores, StoreUrls
from causerie.embedded.unprivileged import READABLE_HOME
from tests.support.stores import temporary_home
from tests.support.waiting import eventually

LAUNCHER = Path(__file__).with_name("launcher.py")
ELSEWHERE = StoreUrls(redis="redis://127.0.0.1:1", nats="nats://127.0.0.1:1")
"""For tests of PostgreSQL alone."""


@pytest.fixture
def directory() -> Iterator[Path]:
    with temporary_home() as home:
        yield home / "data"


@dataclass(frozen=True)
class Launched:
    process: asyncio.subprocess.Process
    urls: dict[str, str]
    pids: list[int]


@asynccontextmanager
async def a_launcher(directory: Path, **environment: str) -> AsyncIterator[Launched]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(LAUNCHER),
        str(directory),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment},
    )
    try:
        assert process.stdout is not None
        facts = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        yield Launched(process, **facts)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def write(url: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
        await connection.execute("INSERT INTO notes VALUES ($1)", text)
    finally:
        await connection.close()


async def read(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["text"] for row in await connection.fetch("SELECT text FROM notes ORDER BY text")]
    finally:
        await connection.close()


def processes_below(directory: Path) -> list[psutil.Process]:
    """Whatever runs with that directory in its command line."""
    return [process for process in psutil.process_iter(["cmdline"]) if _names(process, str(directory))]


def still_runs(pid: int) -> bool:
    """Whether it does anything; a container without an init keeps the dead in its table."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _names(process: psutil.Process, text: str) -> bool:
    return any(text in part for part in process.info["cmdline"] or ())


async def test_a_second_start_finds_the_data_at_the_same_addresses(directory):
    async with EmbeddedStores(directory) as stores:
        first = stores.environment()
        await write(stores.database_url, "kept")

    async with EmbeddedStores(directory) as stores:
        assert stores.environment() == first
        assert await read(stores.database_url) == ["kept"]
    assert processes_below(directory) == []


async def test_killing_the_launcher_leaves_no_process_and_loses_no_commit(directory):
    async with a_launcher(directory) as launched:
        await write(launched.urls["DATABASE_URL"], "committed")
        assert len(launched.pids) == 3

        launched.process.kill()
        await launched.process.wait()

        await eventually(lambda: not processes_below(directory), what="all servers are gone")
        await eventually(lambda: not any(map(still_runs, launched.pids)), what="all pids are gone")

    async with EmbeddedStores(directory, external=ELSEWHERE) as stores:
        assert await read(stores.database_url) == ["committed"]


async def test_an_interrupted_launcher_stops_its_servers(directory):
    async with a_launcher(directory) as launched:
        launched.process.send_signal(signal.SIGINT)
        # `to_thread(stdin.read)` ends with its input; the interrupt has been taken by then.
        assert launched.process.stdin is not None
        launched.process.stdin.close()
        await asyncio.wait_for(launched.process.wait(), 30)

        assert processes_below(directory) == []


async def test_a_lock_naming_a_stranger_does_not_stop_the_start(directory):
    async with EmbeddedStores(directory, external=ELSEWHERE) as stores:
        data = Path(await _data_directory(stores.database_url))
        lock = (data / "postmaster.pid").read_text().splitlines()
        await write(stores.database_url, "kept")
        assert stores.postgres is not None
        stores.postgres.kill()
    stranger = os.getppid()
    (data / "postmaster.pid").write_text("\n".join([str(stranger), *lock[1:]]) + "\n")

    async with EmbeddedStores(directory, external=ELSEWHERE) as stores:
        assert await read(stores.database_url) == ["kept"]
    assert psutil.pid_exists(stranger)


async def _data_directory(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()


async def test_a_port_somebody_took_meanwhile_is_replaced(directory):
    async with EmbeddedStores(directory, external=ELSEWHERE) as stores:
        taken = urlsplit(stores.database_url).port

    with socket.create_server(("127.0.0.1", taken)):
        async with EmbeddedStores(directory, external=ELSEWHERE) as stores:
            await write(stores.database_url, "elsewhere")
            assert urlsplit(stores.database_url).port != taken


async def test_two_launchers_never_share_a_directory(directory):
    async with EmbeddedStores(directory, external=ELSEWHERE):
        with pytest.raises(DirectoryInUse, match=f"in use by another causerie .pid {os.getpid()}"):
            await EmbeddedStores(directory, external=ELSEWHERE).start()


async def test_a_server_that_crashed_is_started_again_at_its_address(directory):
    async with EmbeddedStores(directory) as stores:
        before = stores.environment()
        await write(stores.database_url, "committed")
        assert stores.postgres is not None and stores.valkey is not None and stores.nats is not None
        for server in (stores.postgres, stores.valkey, stores.nats):
            server.kill()

        mended = await stores.mend()

        assert mended == ["PostgreSQL", "Valkey", "NATS"]
        assert stores.environment() == before
        assert await read(stores.database_url) == ["committed"]
        assert await stores.mend() == []


async def test_stores_with_an_address_are_not_started(directory):
    async with EmbeddedStores(directory, external=StoreUrls(database="postgresql://far/away")) as stores:
        assert stores.postgres is None
        assert stores.database_url == "postgresql://far/away"
        assert stores.redis_url.startswith("redis://127.0.0.1:")


@pytest.mark.skipif(os.getuid() != 0, reason="only root has directories that PostgreSQL's user cannot enter")
async def test_data_below_a_private_directory_lives_where_its_server_can_go(directory):
    private = directory / "private"
    private.mkdir(parents=True, mode=0o700)
    home: Path | None = None

    try:
        for _ in range(2):
            async with EmbeddedStores(private / "data", external=ELSEWHERE) as stores:
                home = (private / "data" / "postgres").readlink()
                await write(stores.database_url, "note")
        async with EmbeddedStores(private / "data", external=ELSEWHERE) as stores:
            assert await read(stores.database_url) == ["note", "note"]
        assert home is not None and home.parent == READABLE_HOME

        shutil.rmtree(private / "data")
        async with EmbeddedStores(private / "data", external=ELSEWHERE) as stores:
            with pytest.raises(asyncpg.UndefinedTableError):
                await read(stores.database_url)
    finally:
        if home is not None:
            shutil.rmtree(home)
