"""Services as child processes of `causerie run`: their lines prefixed, their crashes mended, their end seen to.

A child runs on a leash (`embedded/leash.py`), so that not even `kill -9` of the launcher leaves it behind, and
in a session of its own, so that Ctrl-C reaches the launcher alone and everything ends in order.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping

from causerie.cli.loglines import readable
from causerie.cli.plan import Instance
from causerie.embedded.process import leashed

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
MAX_LINE_BYTES = 1024 * 1024

Say = Callable[[str, str], None]


class Child:
    """One instance of a service, started again whenever it ends by itself."""

    def __init__(self, instance: Instance, environment: Mapping[str, str], say: Say) -> None:
        self.instance = instance
        self._environment = dict(environment)
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._life: asyncio.Task[None] | None = None
        self.crashes = 0

    def start(self) -> None:
        """Begin its life; returns at once."""
        self._life = asyncio.create_task(self._live(), name=self.instance.name)

    async def stop(self, *, patience_seconds: float) -> None:
        """Ask it to drain, and end it when it has not by then."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        if self._life is not None:
            self._wake()
            _, living = await asyncio.wait([self._life], timeout=patience_seconds)
            if living:
                self._say(self.instance.name, f"did not end within {patience_seconds:g} s; ending it the hard way")
                await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        self._stopping = True
        self._signal(signal.SIGKILL)
        if self._life is not None:
            self._wake()
            await asyncio.wait([self._life])

    async def _live(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            try:
                how = _how(await self._run_once())
            except OSError as error:
                how = f"it could not be started: {error.strerror}"
            if self._stopping:
                return
            self.crashes += 1
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > STEADY_SECONDS else pause
            self._say(self.instance.name, f"ended by itself ({how}); starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> int:
        command = [sys.executable, "-m", f"services.{self.instance.service}"]
        self._process = await asyncio.create_subprocess_exec(
            *leashed(command, when_orphaned=signal.SIGKILL),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment | self.instance.environment(),
            limit=MAX_LINE_BYTES,
            start_new_session=True,
        )
        try:
            assert self._process.stdout is not None
            while line := await _line(self._process.stdout):
                self._say(self.instance.name, readable(line))
            return await self._process.wait()
        finally:
            self._process = None

    def _wake(self) -> None:
        """Between two lives there is only a pause, which nobody needs to wait for."""
        if self._process is None and self._life is not None:
            self._life.cancel()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)


async def _line(stream: asyncio.StreamReader) -> str:
    """The next line; one longer than the limit comes in pieces rather than not at all."""
    try:
        return (await stream.readuntil(b"\n")).decode(errors="replace")
    except asyncio.IncompleteReadError as error:
        return error.partial.decode(errors="replace")
    except asyncio.LimitOverrunError as error:
        return (await stream.readexactly(error.consumed)).decode(errors="replace")


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
