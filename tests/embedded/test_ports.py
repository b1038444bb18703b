"""Ports that are drawn: never one that somebody else is about to use, or has let go of for a moment only."""

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from causerie.embedded.ports import Ports, free_port, is_free
from tests.support.stores import temporary_home

DRAWER = Path(__file__).with_name("drawer.py")
MANY = 500
"""Of 12,000: drawn so often without regard to each other, two processes share some 20."""
ANSWER_SECONDS = 30.0


class Drawer:
    """Another process that draws ports."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def asks(self, request: str) -> list[int]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{request}\n".encode())
        line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_SECONDS)
        ports: list[int] = json.loads(line)
        return ports

    async def is_killed(self) -> None:
        self._process.kill()
        await self._process.wait()


class Starts(Protocol):
    async def __call__(self) -> Drawer: ...


@pytest.fixture
async def a_drawer() -> AsyncIterator[Starts]:
    """Starts drawers that know of each other and of nobody else."""
    with temporary_home() as temp:
        # As `/tmp` is: everybody may write there, and may take away only what is his.
        temp.chmod(0o1777)
        async with AsyncExitStack() as all_of_them:

            async def start() -> Drawer:
                return await all_of_them.enter_async_context(_drawer(temp))

            yield start


@asynccontextmanager
async def _drawer(temp: Path) -> AsyncIterator[Drawer]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(DRAWER)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(temp)},
    )
    try:
        yield Drawer(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def remembering(file: Path, port: int, *siblings: int) -> Path:
    """The file of a data directory whose server had that port, beside others."""
    file.write_text(json.dumps({"server": port} | {f"sibling-{port}": port for port in siblings}))
    return file


async def test_two_processes_at_once_never_draw_the_same_port(a_drawer: Starts):
    one, other = await a_drawer(), await a_drawer()

    drawn = await asyncio.gather(one.asks(f"draw {MANY}"), other.asks(f"draw {MANY}"))

    assert len({*drawn[0], *drawn[1]}) == 2 * MANY


async def test_a_port_nobody_listens_on_is_kept_until_its_process_ends(a_drawer: Starts, tmp_path: Path):
    one, other = await a_drawer(), await a_drawer()
    (port,) = await one.asks("draw 1")

    assert await other.asks(f"remember {remembering(tmp_path / 'while-it-runs', port)}") != [port]
    await one.is_killed()
    assert await other.asks(f"remember {remembering(tmp_path / 'afterwards', port)}") == [port]


async def test_all_ports_of_a_data_directory_are_kept_as_soon_as_one_is_asked_for(a_drawer: Starts, tmp_path: Path):
    earlier, one, other = await a_drawer(), await a_drawer(), await a_drawer()
    port, sibling = await earlier.asks("draw 2")
    await earlier.is_killed()

    assert await one.asks(f"remember {remembering(tmp_path / 'one', port, sibling)}") == [port]
    assert await other.asks(f"remember {remembering(tmp_path / 'other', port)}") != [port]
    assert await other.asks(f"remember {remembering(tmp_path / 'another', sibling)}") != [sibling]
    assert await one.asks(f"remember {tmp_path / 'one'}") == [port]


async def test_a_fork_has_none_of_the_ports_of_its_parent_and_takes_none_away(a_drawer: Starts, tmp_path: Path):
    one, other = await a_drawer(), await a_drawer()
    (port,) = await one.asks("draw 1")

    assert await one.asks(f"fork remember {remembering(tmp_path / 'fork', port)}") != [port]
    assert await other.asks(f"remember {remembering(tmp_path / 'other', port)}") != [port]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_root_and_an_ordinary_user_draw_beside_each_other(a_drawer: Starts):
    root, nobody = await a_drawer(), await a_drawer()

    assert len(await root.asks("draw 1")) == 1
    await nobody.asks("user 65534")
    assert len(await nobody.asks("draw 1")) == 1


def test_a_process_draws_no_port_twice():
    drawn = [free_port() for _ in range(500)]

    assert len(set(drawn)) == len(drawn)


def test_what_one_name_has_lost_becomes_the_port_of_no_other(tmp_path: Path):
    file = tmp_path / "ports"
    first = Ports(file)
    lost = first.of("lost")
    # Another address: our services listen on all of them.
    with socket.create_server(("127.0.0.2", lost)):
        again = Ports(file)
        others = {again.of(name) for name in ("lost", "kept", "new")}

    assert lost not in others and len(others) == 3
    assert set(json.loads(file.read_text()).values()) == others


@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")])
def test_a_port_somebody_listens_on_is_not_free(host: str, other: str):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        assert not is_free(port, host=other)
    assert is_free(port, host=other)


@contextmanager
def looked_at(port: int) -> Iterator[None]:
    """Somebody asks again and again whether that port is free."""
    enough = threading.Event()

    def look() -> None:
        while not enough.is_set():
            is_free(port)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        enough.set()
        looking.join()


def test_a_look_is_never_in_the_way_of_a_server_that_starts():
    port = free_port()

    with looked_at(port):
        for _ in range(500):
            socket.create_server(("127.0.0.1", port)).close()
