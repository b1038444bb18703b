"""A great many connections to several processes of one server: how they come, hear a broadcast, weigh, and leave.

Each process has a generator of its own, and so many processes are used as the connections need: few sit on one, as
they would.
Everything runs on all cores while connections come and go.  For a broadcast the servers get a core of their own
(`part`) and everything else shares the other, so that its time is theirs.  Its first delivery wakes the readers; after
it they look for the others, for whoever sleeps is woken at the expense of the server.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psutil

from bench.connections import Crowd, crowd_of
from bench.cores import cpu_nanoseconds, cpu_of_family, mix
from bench.generator import Swarm
from bench.kernel import Memory, memory
from bench.servers import Running, Unavailable
from loadtest.machine import KIB

FULL_SPEED = 1_000_000.0
BROADCAST_SECONDS = 60.0
LEAVE_SECONDS = 60.0
LEAVE_AT_ONCE = 500
"""Of one generator: who leaves is answered, and nobody is to wait so long for it that he cuts the connection."""
FILES_OF_POOLS = 16
"""Of one process: connections to the stores come and go."""
SETTLE_SECONDS = 3.0
TELL_SECONDS = 5.0
WARM_UP = 100
"""Of each process."""
AUTHOR = "author"
LOOK_EVERY_US = 100

T = TypeVar("T")


@dataclass(frozen=True)
class Broadcast:
    """One message to everybody, in seconds. `cpu` is that of the servers, without what they use at rest."""

    spread: float
    since_sent: float
    cpu: float
    wanted: int
    seen: int

    @property
    def cost(self) -> float:
        """Microseconds of a delivery."""
        return 1e6 * self.cpu / max(1, self.seen)


@dataclass(frozen=True)
class Growth:
    """How the last of so many connections came.

    `opening` is the processor time each of them took of the servers while they came, `opening_all` that of everything:
    stores, workers and generators too. In microseconds.
    """

    size: int
    came: Crowd
    opening: float
    opening_all: float


@dataclass(frozen=True)
class Weight:
    """What is there beyond the empty servers."""

    memory: Memory
    each_mib: Sequence[float]
    """Of each process."""


class Herd:
    """Those who come to one server. `name` tells its groups from those of another."""

    def __init__(
        self,
        name: str,
        up: Running,
        generators: Sequence[Swarm],
        *,
        most_each: int,
        in_flight: int,
        heartbeat_seconds: float = 0.0,
    ) -> None:
        """After `heartbeat_seconds` everybody has been pinged, if it pings at all."""
        self.name = name
        self._heartbeat_seconds = heartbeat_seconds
        self._grown_at = 0.0
        self.up = up
        self._generators = generators
        self._most_each = most_each
        self._in_flight = in_flight
        self._readers = f"{name} readers"
        self._author = f"{name} {AUTHOR}"
        self.size = 0
        """How many are there."""
        self._files = self._open_files()
        self._empty = memory(up.pids)
        self._each_empty = self._each()

    async def begin(self) -> None:
        """A first small wave, so that what is made lazily and once is not charged to the connections."""
        mix()
        await self._come([WARM_UP for _ in self.up.ports], f"{self.name} warm")
        await self._leave(f"{self.name} warm")
        await asyncio.sleep(SETTLE_SECONDS)
        self._files = self._open_files()
        self._empty = memory(self.up.pids)
        self._each_empty = self._each()

    async def grow(self, size: int) -> Growth:
        """Connect as many as are missing, as fast as they are taken.

        Raises:
            Unavailable: not all of them could connect.
        """
        mix()
        before, self.size = self.size, size
        there, wanted = self._shares(before), self._shares(size)
        missing = [one - other for one, other in zip(wanted, there, strict=True)]
        servers, everything = cpu_nanoseconds(self.up.pids), cpu_of_family()
        came = await self._telling(f"{self.name}, up to {size:,}", self._come(missing, self._readers, there))
        opening = (cpu_nanoseconds(self.up.pids) - servers) / 1e3 / (size - before)
        opening_all = (cpu_of_family() - everything) / 1e3 / (size - before)
        self._grown_at = time.monotonic()
        if came.failed:
            raise Unavailable(f"{came.failed:,} of {size - before:,} could not connect: {came.trouble}")
        return Growth(size, came, opening, opening_all)

    async def listen(self) -> None:
        """Let the author in."""
        ports = self.up.publisher_ports
        await self._generators[0].connect(self._author, self.up.publisher, ports, len(ports))
        await asyncio.sleep(SETTLE_SECONDS)
        for one in self._busy:
            await one.reset()

    async def broadcast(self, *, at_rest: float = 0.0) -> Broadcast:
        """Say something to all; `at_rest` are the cores that are used anyway."""
        busy = self._busy
        await asyncio.gather(
            *(one.watch(self._readers, limit_seconds=BROADCAST_SECONDS, beat_us=LOOK_EVERY_US) for one in busy)
        )
        before, sent = cpu_nanoseconds(self.up.pids), time.monotonic_ns()
        stations = len(self.up.publisher_ports)
        await self._generators[0].send(self._author, self.up.burst(1).text, rate=1e9, count=stations)
        seen = await asyncio.gather(*(one.arrived(limit_seconds=BROADCAST_SECONDS) for one in busy))
        used = (cpu_nanoseconds(self.up.pids) - before) / 1e9
        passed = (time.monotonic_ns() - sent) / 1e9
        last = max(one.last_ns for one in seen)
        first = min((one.first_ns for one in seen if one.first_ns), default=last)
        wanted, came = sum(one.wanted for one in seen), sum(one.seen for one in seen)
        return Broadcast((last - first) / 1e9, (last - sent) / 1e9, used - at_rest * passed, wanted, came)

    async def frame_bytes(self) -> int:
        """Of what was said so far, in the middle."""
        groups = [(await one.report())["groups"][self._readers] for one in self._busy]
        return round(sum(group["bytes"] for group in groups) / max(1, sum(group["frames"] for group in groups)))

    async def hush(self) -> None:
        """See the author out."""
        await self._generators[0].close(self._author, gently=True)

    async def at_rest(self) -> float:
        """Cores the servers use while nobody says anything."""
        began, before = time.monotonic(), cpu_nanoseconds(self.up.pids)
        await asyncio.sleep(SETTLE_SECONDS)
        return (cpu_nanoseconds(self.up.pids) - before) / 1e9 / (time.monotonic() - began)

    async def stay(self) -> None:
        """Until everybody has been pinged."""
        mix()
        rest = self._grown_at + self._heartbeat_seconds - time.monotonic()
        await self._telling(f"{self.name}, staying", asyncio.sleep(rest))

    def weigh(self) -> Weight:
        return Weight(memory(self.up.pids).since(self._empty), self._beyond(self._each()))

    async def lost(self) -> int:
        """Of those who were there, how many were cut off."""
        reports = [(await one.report())["groups"] for one in self._generators]
        return sum(groups[self._readers]["closed"] for groups in reports if self._readers in groups)

    async def leave(self, *, forgotten_seconds: float = 0.0) -> None:
        """All of them, and wait for as long as it may take to forget them."""
        mix()
        self.size = 0
        await self._telling(f"{self.name}, leaving", self._leave(self._readers))
        await self._telling(f"{self.name}, gone", asyncio.sleep(forgotten_seconds))

    @property
    def _busy(self) -> list[Swarm]:
        """The generators that have somebody connected."""
        shares = self._shares(self.size)
        return [one for one, share in zip(self._generators, shares, strict=True) if share]

    def _shares(self, size: int) -> list[int]:
        """How many of so many sit on each process: the next one only when those before it are full."""
        return [min(self._most_each, max(0, size - n * self._most_each)) for n in range(len(self.up.ports))]

    async def _come(self, counts: Sequence[int], group: str, there: Sequence[int] | None = None) -> Crowd:
        """So many to each process beside those who are `there`."""
        wanted = sum(1 for count in counts if count)
        coming = [
            generator.connect(
                group,
                self.up.readers,
                [port],
                counts[n],
                rate=FULL_SPEED,
                in_flight=max(1, self._in_flight // wanted),
                first_value=n * self._most_each + (there[n] if there else 0),
            )
            for n, (generator, port) in enumerate(zip(self._generators, self.up.ports, strict=True))
            if counts[n]
        ]
        return crowd_of(await asyncio.gather(*coming))

    async def _leave(self, group: str) -> None:
        async def drain(generator: Swarm) -> None:
            while await generator.close(group, gently=True, count=LEAVE_AT_ONCE):
                pass

        await asyncio.gather(*map(drain, self._generators))
        deadline = time.monotonic() + LEAVE_SECONDS
        while self._connected() > FILES_OF_POOLS * len(self.up.pids) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)

    def _each(self) -> list[int]:
        return [psutil.Process(pid).memory_info().rss for pid in self.up.pids]

    def _open_files(self) -> int:
        return sum(psutil.Process(pid).num_fds() for pid in self.up.pids)

    def _connected(self) -> int:
        """Files the servers did not have open at first, for all sockets of a machine may be anybody's."""
        return self._open_files() - self._files

    def _beyond(self, each: Sequence[int]) -> list[float]:
        return [(now - empty) / KIB / KIB for now, empty in zip(each, self._each_empty, strict=True)]

    async def _telling(self, what: str, work: Awaitable[T]) -> T:
        """Tell how it goes for as long as the work takes."""
        telling = asyncio.create_task(self._tell(what))
        try:
            return await work
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, what: str) -> None:
        began, before = time.monotonic(), self._connected()
        while True:
            await asyncio.sleep(TELL_SECONDS)
            there, seconds = self._connected(), time.monotonic() - began
            each = " ".join(f"{rss / KIB / KIB:.0f}" for rss in self._each())
            beside = "".join(
                f"; {name} {psutil.Process(pid).memory_info().rss / KIB / KIB:.0f}"
                for name, pid in self.up.beside.items()
            )
            print(
                f"{what}: {seconds:.0f} s, {there:,} connected, {(there - before) / seconds:+,.0f}/s; "
                f"MiB: {each}{beside}; kernel {memory(()).kernel / KIB / KIB:,.0f}",
                flush=True,
            )
