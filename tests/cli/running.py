"""`causerie run` as a process that a test watches, interrupts and kills."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from causerie.embedded.ports import free_port
from tests.cli.command import REPOSITORY
from tests.support.waiting import eventually

READY_SECONDS = 90.0
END_SECONDS = 40.0


class Run:
    """One `causerie run`: what it has printed so far, what it started, and its end."""

    def __init__(self, process: asyncio.subprocess.Process, directory: Path, ports: dict[str, int]) -> None:
        self.process = process
        self.directory = directory
        self.ports = ports
        self.output = ""
        self._reading = asyncio.create_task(self._read())

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def facts(self) -> dict[str, Any]:
        """What it says of itself to other commands."""
        facts: dict[str, Any] = json.loads((self.directory / "instance.json").read_text())
        return facts

    async def says(self, words: str, *, timeout_seconds: float = READY_SECONDS) -> None:
        await eventually(lambda: self._said(words), timeout_seconds=timeout_seconds, what=f"it says {words!r}")

    def _said(self, words: str) -> bool:
        if words not in self.output and self._reading.done():
            pytest.fail(f"it ended without saying {words!r}:\n{self.output}")
        assert words in self.output, self.output
        return True

    def descendants(self) -> list[psutil.Process]:
        """Every process it has started, theirs included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, words: str) -> psutil.Process:
        """The one process below it with these words in its command line."""
        (found,) = [one for one in self.descendants() if words in " ".join(one.cmdline())]
        return found

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    async def end(self) -> int:
        """Wait for its end, which somebody must have asked for."""
        async with asyncio.timeout(END_SECONDS):
            await self._reading
            return await self.process.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while piece := await self.process.stdout.read(65536):
            self.output += piece.decode()


@asynccontextmanager
async def a_run(directory: Path, *arguments: str, **environment: str) -> AsyncIterator[Run]:
    """`causerie run` below a test's directory, on free ports; killed at the end if it still runs."""
    api, gateway = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "causerie", "run", "--data", str(directory)),
        *("--port-api", str(api), "--port-gateway", str(gateway), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment},
    )
    run = Run(process, directory, {"api": api, "gateway": gateway})
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await run._reading


async def all_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of them does anything any more."""
    await eventually(lambda: not [one for one in processes if _does_something(one)], what="every process is gone")


def _does_something(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
