"""Idle connections and a storm of them: memory of each, and how fast a server takes those who come.

    python -m bench.connections --connections 5000 --rate 1000 --servers floor gateway
    python -m bench.connections --connections 100000 --processes 6 --rate 2000

Clients come at a rate, stay, and are weighed; they leave, and what does not go with them is weighed too; then all come
back at once, as fast as they are taken, with a bounded number on their way, and are cut off by a reset.  One process
may hold no more files than the system allows, so many connections want several servers and as many generators:
`--processes` is the number of both.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import uvloop

from bench.cores import cpu_seconds
from bench.generator import Connected, GeneratorFailed, Swarm, swarm
from bench.kernel import Memory, memory
from bench.native import NoCompiler
from bench.report import Cell, Report
from bench.servers import Running, Server, Unavailable
from bench.servers.floor import floor
from bench.servers.gateway import gateway
from loadtest.limits import SPARE_FILES, most_files
from loadtest.machine import KIB

WARM_UP = 100
SETTLE_SECONDS = 3.0
LEAVE_SECONDS = 15.0
FULL_SPEED = 1_000_000.0
BUDGET_KIB = 8


@dataclass(frozen=True)
class Crowd:
    """How the generators fared together."""

    ready: int
    failed: int
    seconds: float
    upgraded_p50_ms: float
    upgraded_p99_ms: float
    welcomed_p50_ms: float
    welcomed_p99_ms: float
    trouble: str

    @property
    def rate(self) -> float:
        return self.ready / self.seconds


@dataclass(frozen=True)
class Outcome:
    """One server. `grown` is what all connections added, `kept` what was still there after they had gone."""

    came: Crowd
    grown: Memory
    kept: Memory
    empty: Memory
    storms: Sequence[Crowd]
    storm_cpu: Sequence[float]


async def come(
    generators: Sequence[Swarm], up: Running, connections: int, *, rate: float, in_flight: int, group: str
) -> Crowd:
    """All of them, an equal share from each generator, to the servers by turns."""
    each = [connections // len(generators) + (n < connections % len(generators)) for n in range(len(generators))]
    shares = list(zip(generators, each, [sum(each[:n]) for n in range(len(each))], strict=True))
    done: list[Connected] = await asyncio.gather(
        *(
            generator.connect(
                group,
                up.idle or up.readers,
                up.ports,
                count,
                rate=rate / len(generators),
                in_flight=max(1, in_flight // len(generators)),
                first_value=first,
            )
            for generator, count, first in shares
        )
    )
    return crowd_of(done)


def crowd_of(done: Sequence[Connected]) -> Crowd:
    """What several generators found together; of percentiles the worst."""
    return Crowd(
        sum(one.ready for one in done),
        sum(one.failed for one in done),
        max(one.seconds for one in done),
        max(one.upgraded.p50_ms for one in done),
        max(one.upgraded.p99_ms for one in done),
        max(one.welcomed.p50_ms for one in done),
        max(one.welcomed.p99_ms for one in done),
        next((one.trouble for one in done if one.trouble), ""),
    )


async def leave(generators: Sequence[Swarm], up: Running, *, gently: bool, sockets_before: int) -> None:
    """Close all and wait until the kernel has no more sockets than before, for a bounded time."""
    await asyncio.gather(*(generator.close(gently=gently) for generator in generators))
    deadline = asyncio.get_running_loop().time() + LEAVE_SECONDS
    while memory(up.pids).sockets > sockets_before + 8 and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.1)


async def measure(server: Server, arguments: argparse.Namespace) -> Outcome:
    connections = arguments.connections
    async with contextlib.AsyncExitStack() as stack:
        up = await stack.enter_async_context(server.start(connections))
        generators = [await stack.enter_async_context(swarm(n)) for n in range(arguments.processes)]
        # A first wave, so that what is made lazily and once is not charged to the connections.
        await come(generators, up, WARM_UP, rate=FULL_SPEED, in_flight=arguments.in_flight, group="warm")
        await leave(generators, up, gently=True, sockets_before=0)
        await asyncio.sleep(SETTLE_SECONDS)
        empty = memory(up.pids)

        came = await come(generators, up, connections, rate=arguments.rate, in_flight=arguments.in_flight, group="idle")
        if came.ready < connections:
            raise Unavailable(f"only {came.ready:,} of {connections:,} connected: {came.trouble}")
        await asyncio.sleep(max(SETTLE_SECONDS, arguments.stay))
        grown = memory(up.pids).since(empty)
        reports = await asyncio.gather(*(generator.report() for generator in generators))
        if lost := sum(report["groups"]["idle"]["closed"] for report in reports):
            raise Unavailable(f"{lost:,} of {connections:,} were lost while idle")
        await leave(generators, up, gently=True, sockets_before=empty.sockets)
        await asyncio.sleep(SETTLE_SECONDS)
        kept = memory(up.pids).since(empty)

        storms, storm_cpu = [], []
        for number in range(arguments.rounds):
            before = cpu_seconds(up.pids)
            storm = await come(
                generators, up, connections, rate=FULL_SPEED, in_flight=arguments.in_flight, group=f"storm{number}"
            )
            storm_cpu.append((cpu_seconds(up.pids) - before) / storm.seconds)
            storms.append(storm)
            await leave(generators, up, gently=False, sockets_before=empty.sockets)
            await asyncio.sleep(SETTLE_SECONDS)
        return Outcome(came, grown, kept, empty, storms, storm_cpu)


def row_of(server: Server, arguments: argparse.Namespace, outcome: Outcome) -> list[Cell]:
    connections = arguments.connections
    came, storms = outcome.came, outcome.storms
    failed = sum(storm.failed for storm in storms)
    trouble = next((storm.trouble for storm in storms if storm.trouble), "")
    return [
        server.name,
        outcome.grown.rss / connections / KIB,
        outcome.grown.private / connections / KIB,
        outcome.grown.kernel / connections / 2 / KIB,
        outcome.kept.rss / connections / KIB,
        round(came.rate),
        came.welcomed_p50_ms,
        came.welcomed_p99_ms,
        round(median(storm.rate for storm in storms)),
        median(storm.welcomed_p99_ms for storm in storms),
        median(outcome.storm_cpu),
        f"{failed:,} refused in the storms: {trouble}" if failed else "",
    ]


async def compare(arguments: argparse.Namespace) -> Report:
    servers = [
        server
        for server in (floor(processes=arguments.processes), gateway(arguments.processes))
        if any(name in server.name for name in arguments.servers)
    ]
    rows: list[Sequence[Cell]] = []
    for server in servers:
        try:
            async with asyncio.timeout(arguments.limit):
                outcome = await measure(server, arguments)
        except (Unavailable, GeneratorFailed, TimeoutError) as error:
            rows.append([server.name, *["–"] * 10, str(error) or "took too long"])
            continue
        rows.append(row_of(server, arguments, outcome))
        print(f"{server.name}: {outcome.empty.rss / KIB / KIB:.0f} MiB before anybody came", flush=True)
    return Report(
        "connections",
        f"{arguments.connections:,} idle connections over {arguments.processes} processes, then all of them at once",
        (
            "server",
            "KiB RSS",
            "KiB private",
            "KiB kernel",
            "KiB kept",
            "opened/s",
            "welcome p50 ms",
            "p99 ms",
            "storm/s",
            "storm p99 ms",
            "storm cores",
            "remark",
        ),
        rows,
        notes=(
            f"KiB for each connection beyond the empty server; budget: <= {BUDGET_KIB} KiB RSS; kernel is of one end",
            "kept is what was left when all had gone",
            f"opened at {arguments.rate:,.0f}/s; storm: as fast as they are taken, {arguments.in_flight} on their way, "
            f"median of {arguments.rounds}; a welcome is timed from the SYN, the gateway's with a signed token each",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Idle connections, and a storm of them.")
    parser.add_argument("--connections", type=int, default=5_000)
    parser.add_argument("--rate", type=float, default=1_000.0, help="connections a second at first")
    parser.add_argument("--in-flight", type=int, default=256, help="clients on their way at once")
    parser.add_argument("--processes", type=int, default=1, help="servers, and generators")
    parser.add_argument("--stay", type=float, default=SETTLE_SECONDS, help="seconds between coming and weighing")
    parser.add_argument("--rounds", type=int, default=3, help="storms")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for each server")
    parser.add_argument("--servers", nargs="+", default=["floor", "gateway"])
    arguments = parser.parse_args()
    files = most_files()
    most = (files - SPARE_FILES) * arguments.processes
    if arguments.connections > most:
        parser.error(f"{arguments.processes} processes of {files:,} open files each hold {most:,} connections at most")
    try:
        uvloop.run(compare(arguments)).publish()
    except NoCompiler as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
