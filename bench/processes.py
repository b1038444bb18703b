"""Programs a benchmark starts beside itself: bound to a core, on a leash, with their words kept in a file."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from bench.report import RESULTS
from causerie.embedded.process import leashed

LOGS = RESULTS / "logs"
START_SECONDS = 20.0
POLL_SECONDS = 0.02


class Unavailable(Exception):
    """A server that cannot be measured here; the message is the reason shown in its row."""


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str | Path],
    *,
    core: int | None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process as long as the block, on a core if one is named; its input and output are piped; killed at the end."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *leashed([str(part) for part in command], when_orphaned=signal.SIGKILL),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
            limit=1 << 20,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_listening(name: str, process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until somebody accepts connections there.

    Raises:
        Unavailable: it ended, or said nothing in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while not _accepts(port):
        if process.returncode is not None:
            raise Unavailable(f"ended at once: {last_words(name)}")
        if time.monotonic() > deadline:
            raise Unavailable(f"did not listen within {START_SECONDS:g} s: {last_words(name)}")
        await asyncio.sleep(POLL_SECONDS)


def last_words(name: str) -> str:
    lines = (LOGS / f"{name}.log").read_text(errors="replace").strip().splitlines()
    return lines[-1][:120] if lines else "not a word"


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
