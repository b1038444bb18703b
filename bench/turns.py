"""The gateways and as many floors with as many connections, all on one core, who broadcast by turns.

The machine of one second is not that of the next, and neither finds in the caches of the core what it left there.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from bench.cores import part
from bench.generator import swarm
from bench.herd import Broadcast, Growth, Herd
from bench.servers.floor import floor
from bench.servers.gateway import gateway
from bench.servers.server import PAYLOAD, PAYLOAD_BYTES, Server

CATCH_UP = 3
"""Times as long as they were stopped."""
_NEVER = "3600"


@dataclass(frozen=True)
class Turn:
    """A broadcast of each."""

    ours: Broadcast
    bare: Broadcast

    @property
    def missing(self) -> int:
        return sum(one.wanted - one.seen for one in (self.ours, self.bare))


@dataclass(frozen=True)
class Rivals:
    """Nobody is connected to either yet; both send frames of so many bytes."""

    ours: Herd
    bare: Herd
    frame_bytes: int

    async def grow(self, size: int) -> Growth:
        """Let so many come to both; how they came to the gateways.

        Half of the floors' come before and half after: who came later is found first among those of one hash.
        """
        if (half := (self.bare.size + size) // 2) > self.bare.size:
            await self.bare.grow(half)
        growth = await self.ours.grow(size)
        await self.bare.grow(size)
        return growth

    async def speak(self, turns: int, *, at_rest: float = 0.0) -> list[Turn]:
        """Broadcast to those who are there; `at_rest` are the cores that gateways use anyway."""
        part([*self.ours.up.pids, *self.bare.up.pids])
        for herd in (self.ours, self.bare):
            await herd.listen()
        taken = []
        for _ in range(turns):
            said = await self.ours.broadcast(at_rest=at_rest)
            began = time.monotonic()
            # The floor has no heartbeats, and is not to wait for theirs.
            with _stopped(self.ours.up.pids):
                taken.append(Turn(said, await self.bare.broadcast()))
            # They have as many to make up for, and no broadcast is to wait for those.
            await asyncio.sleep(CATCH_UP * (time.monotonic() - began))
        for herd in (self.ours, self.bare):
            await herd.hush()
        return taken


@contextlib.asynccontextmanager
async def rivals(most: int, processes: int, *, in_flight: int, heartbeat_seconds: float) -> AsyncIterator[Rivals]:
    """Start both for so many connections. Gateways ping everybody within `heartbeat_seconds`; nobody when it is 0."""
    async with contextlib.AsyncExitStack() as stack:

        async def herd(name: str, server: Server, *, first: int) -> Herd:
            generators = [await stack.enter_async_context(swarm(first + n, core=None)) for n in range(processes)]
            return Herd(
                name,
                await stack.enter_async_context(server.start(most)),
                generators,
                most_each=-(-most // processes),
                in_flight=in_flight,
                heartbeat_seconds=heartbeat_seconds,
            )

        environment = {} if heartbeat_seconds else {"CAUSERIE_HEARTBEAT_SECONDS": _NEVER}
        gateways = gateway(processes, pinned=False, author_apart=True, environment=environment)
        ours = await herd("gateway", gateways, first=0)
        frame_bytes = await _a_frame(ours)
        floors = floor(PAYLOAD + "." * max(0, frame_bytes - PAYLOAD_BYTES), processes=processes)
        bare = await herd("floor", floors, first=processes)
        for one in (ours, bare):
            await one.begin()
        yield Rivals(ours, bare, frame_bytes)


async def _a_frame(herd: Herd) -> int:
    """How many bytes a client gets of a broadcast."""
    await herd.grow(1)
    await herd.listen()
    await herd.broadcast()
    size = await herd.frame_bytes()
    await herd.hush()
    await herd.leave()
    return size


@contextlib.contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
