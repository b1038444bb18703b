"""Services as child processes of `causerie run`: their lines prefixed, their crashes mended, their end seen to.

A child runs on a leash (`embedded/leash.py`), so that not even `kill -9` of the launcher leaves it behind, and
in a session of its own, so that Ctrl-C reaches the launcher alone and everything ends in order.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import IO

from causerie.cli.loglines import readable
from causerie.cli.plan import Instance
from causerie.embedded.service import Service

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 30.0
PATIENCE_SECONDS = 15.0
MAX_LINE_BYTES = 1024 * 1024

Say = Callable[[str, str], None]


class Child:
    """One instance of a service, started again whenever it ends by itself."""

    def __init__(self, instance: Instance, environment: Mapping[str, str], say: Say) -> None:
        self.instance = instance
        self._say = say
        self._service = Service(
            instance.service,
            environment,
            port=instance.port,
            health_port=instance.health_port,
            drain_seconds=PATIENCE_SECONDS,
        )
        self._stopping = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self.crashes = 0

    def start(self) -> None:
        """Begin its life; returns at once."""
        self._life = asyncio.create_task(self._live(), name=self.instance.name)

    async def is_ready(self) -> bool:
        return await self._service.is_ready()

    async def stop(self) -> None:
        """Ask it to drain, and end it when it has not in `PATIENCE_SECONDS`."""
        self._stopping.set()
        if not await self._service.stop():
            self._say(self.instance.name, f"did not end within {PATIENCE_SECONDS:g} s; ended it the hard way")
        await self._its_end()

    async def kill(self) -> None:
        """End it at once."""
        self._stopping.set()
        self._service.kill()
        await self._its_end()

    async def _its_end(self) -> None:
        if self._life is not None:
            await asyncio.wait([self._life])

    async def _live(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                how = _how(await self._run_once())
            except OSError as error:
                how = f"it could not be started: {error.strerror}"
            if self._stopping.is_set():
                return
            self.crashes += 1
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > STEADY_SECONDS else pause
            self._say(self.instance.name, f"ended by itself ({how}); starting it again in {pause:g} s")
            await self._stopped_within(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> int:
        self._service.start()
        async for line in _lines(self._service.output):
            self._say(self.instance.name, readable(line))
        return await self._service.ended()

    async def _stopped_within(self, seconds: float) -> None:
        """Between two lives there is only a pause, and whoever wants the end need not wait for that."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


async def _lines(pipe: IO[bytes]) -> AsyncIterator[str]:
    """The lines of a pipe until it is closed; one longer than the limit comes in pieces rather than not at all."""
    stream = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    reading, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    try:
        while line := await _line(stream):
            yield line
    finally:
        reading.close()


async def _line(stream: asyncio.StreamReader) -> str:
    try:
        return (await stream.readuntil(b"\n")).decode(errors="replace")
    except asyncio.IncompleteReadError as error:
        return error.partial.decode(errors="replace")
    except asyncio.LimitOverrunError as error:
        return (await stream.readexactly(error.consumed)).decode(errors="replace")


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
