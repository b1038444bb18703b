"""100,000 connections on one machine: they come, hear broadcasts, stay, weigh something, go, and come once more.

    python -m bench.hundred_thousand --connections 100000 --gateways 6 --sizes 1000 10000 50000

The whole gateway, several processes of it: every client is another user with a signed token, follows one channel and
answers heartbeats; a broadcast is a message posted by a member, and goes the whole way.  Beside it as many floors with
as many connections get frames of the same size.  They take turns, so each wave of one lies between two of the other.
"""

import argparse
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import psutil

from bench.cores import part
from bench.generator import swarm
from bench.herd import Broadcast, Growth, Herd, Weight
from bench.keep import NotKept, keep
from bench.limits import run
from bench.report import Cell, Report
from bench.servers.floor import floor
from bench.servers.gateway import gateway
from bench.servers.server import PAYLOAD, PAYLOAD_BYTES
from loadtest.machine import KIB

NAME = "hundred_thousand"
HEARTBEAT_SECONDS = 28.0
"""The gateway pings everybody every 25 s, some a little later."""
GIVE_BACK_SECONDS = 42.0
"""It looks every 5 s whether most have left, and then waits for 30 s until their timers have run out."""
DELIVERIES_EACH = 50_000
"""At the least for each size, or the cost of one is not seen."""
COLUMNS = (
    "server",
    "wave",
    "connections",
    "opened/s",
    "opening µs CPU",
    "with all",
    "upgraded p50 ms",
    "upgraded p99 ms",
    "following p50 ms",
    "following p99 ms",
    "first to last ms",
    "slowest ms",
    "x floor time",
    "sent to last ms",
    "µs CPU",
    "x floor CPU",
    "KiB RSS",
    "KiB private",
    "KiB kernel",
    "KiB kept",
    "beats cores",
    "remark",
)


@dataclass(frozen=True)
class Step:
    """So many connections at once: how the last of them came, what broadcasts to all took."""

    growth: Growth
    broadcasts: Sequence[Broadcast]
    frame_bytes: int

    @property
    def size(self) -> int:
        return self.growth.size

    def middle(self, figure: Callable[[Broadcast], float]) -> float:
        return median(map(figure, self.broadcasts))

    @property
    def missing(self) -> int:
        return sum(one.wanted - one.seen for one in self.broadcasts)


@dataclass(frozen=True)
class Wave:
    """One server with all sizes, one after another."""

    number: int
    steps: Sequence[Step]
    weight: Weight


async def take_step(herd: Herd, size: int, broadcasts: int) -> Step:
    growth = await herd.grow(size)
    part(herd.up.pids)
    await herd.listen()
    beats = await herd.beats()
    done = [await herd.broadcast(beats) for _ in range(broadcasts)]
    frame_bytes = await herd.frame_bytes()
    await herd.hush()
    return Step(growth, done, frame_bytes)


async def run_wave(herd: Herd, number: int, sizes: Sequence[int], arguments: argparse.Namespace) -> Wave:
    steps: list[Step] = []
    for size in sizes:
        step = await take_step(herd, size, max(arguments.broadcasts, DELIVERIES_EACH // size))
        steps.append(step)
        print(
            f"{herd.name}, wave {number}, {size:,}: {step.growth.came.rate:,.0f}/s at {step.growth.opening:,.0f} µs "
            f"each, first to last {1e3 * step.middle(lambda one: one.spread):,.1f} ms at "
            f"{step.middle(lambda one: one.cost):.2f} µs each",
            flush=True,
        )
    weight = await herd.weigh_and_leave()
    return Wave(number, steps, weight)


def rows_of(name: str, wave: Wave, base: Wave) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for step, beside in zip(wave.steps, base.steps, strict=True):
        spread, cost = step.middle(lambda one: one.spread), step.middle(lambda one: one.cost)
        base_spread, base_cost = beside.middle(lambda one: one.spread), beside.middle(lambda one: one.cost)
        growth, came = step.growth, step.growth.came
        troubles = [f"{step.missing:,} missing"] if step.missing else []
        weighed: list[Cell] = ["–"] * 5
        if step is wave.steps[-1]:
            weight = wave.weight
            weighed = [
                weight.grown.rss / step.size / KIB,
                weight.grown.private / step.size / KIB,
                weight.grown.kernel / step.size / 2 / KIB,
                weight.kept.rss / step.size / KIB,
                weight.beats_per_second,
            ]
            troubles += [f"{weight.lost:,} lost"] if weight.lost else []
        rows.append(
            [
                name,
                wave.number,
                step.size,
                round(came.rate),
                growth.opening,
                growth.opening_all,
                came.upgraded_p50_ms,
                came.upgraded_p99_ms,
                came.welcomed_p50_ms,
                came.welcomed_p99_ms,
                1e3 * spread,
                1e3 * max(one.spread for one in step.broadcasts),
                spread / base_spread if base_spread else "–",
                1e3 * step.middle(lambda one: one.since_sent),
                cost,
                cost / base_cost if base_cost else "–",
                *weighed,
                f"NOT WHOLE: {', '.join(troubles)}" if troubles else "",
            ]
        )
    return rows


def notes_of(waves: Sequence[Wave], sizes: Sequence[int], backlog: str, kernel_note: str) -> list[str]:
    each = [" ".join(f"{mib:.0f}" for mib in wave.weight.each_mib) for wave in waves]
    left = [" ".join(f"{mib:.1f}" for mib in wave.weight.each_kept_mib) for wave in waves]
    rates = []
    for wave in waves:
        seconds = sum(step.growth.came.seconds for step in wave.steps)
        rates.append(f"{wave.steps[-1].size / seconds:,.0f}/s")
    return [
        "every client: a token of his own, a handshake, the welcome, `subscribe` to the channel and its answer; "
        "opened/s counts those who have all that, as fast as they are taken, everything on all cores",
        "opening: processor time of the servers for each who came; with all: that of stores, worker and generators too",
        f"all {sizes[-1]:,} in each wave of the gateway: {', '.join(rates)}; a process has the next connections when "
        "those before it are full",
        "first to last: from the first arrival of a broadcast to the last, over all generators, median; servers on one "
        "core, all else on the other; sent to last: with the way through PostgreSQL, NATS and the worker",
        "µs CPU: of the servers, for each delivery, without what heartbeats use; the author's gateway is none of them; "
        "x floor: beside the floor of the wave",
        "KiB: for each connection beyond the empty servers, after everybody was pinged; kernel: of one end; kept: "
        f"{GIVE_BACK_SECONDS:.0f} s after they left",
        f"MiB of each gateway beyond empty, wave by wave: {' | '.join(each)}; left: {' | '.join(left)}",
        f"{kernel_note}; {backlog}",
    ]


async def measure(arguments: argparse.Namespace, sizes: Sequence[int], backlog: str) -> Report:
    processes, most = arguments.gateways, sizes[-1]
    each = -(-most // processes)
    async with contextlib.AsyncExitStack() as stack:
        generators = [await stack.enter_async_context(swarm(n, core=None)) for n in range(processes)]
        print(f"starting the stores, {processes} gateways and a worker; {most:,} members of a channel …", flush=True)
        up = await stack.enter_async_context(gateway(processes, pinned=False, author_apart=True).start(most))
        ours = Herd(
            "gateway",
            up,
            generators,
            most_each=each,
            in_flight=arguments.in_flight,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            give_back_seconds=GIVE_BACK_SECONDS,
        )
        await ours.begin()
        available = psutil.virtual_memory().available
        bare: Herd | None = None
        rows: list[list[Cell]] = []
        waves: list[Wave] = []
        for number in range(1, arguments.waves + 1):
            wave = await run_wave(ours, number, sizes, arguments)
            waves.append(wave)
            if bare is None:
                payload = PAYLOAD + "." * max(0, wave.steps[0].frame_bytes - PAYLOAD_BYTES)
                below = await stack.enter_async_context(floor(payload, processes=processes).start(most))
                bare = Herd("floor", below, generators, most_each=each, in_flight=arguments.in_flight)
                await bare.begin()
            base = await run_wave(bare, number, sizes, arguments)
            rows += rows_of("causerie gateway", wave, base) + rows_of("floor", base, base)
        kernel = waves[-1].weight.grown.kernel / KIB / KIB
        kernel_note = (
            f"kernel memory of both ends of all connections: {kernel:,.0f} MiB (slab and buffers of TCP); "
            f"available before: {available / KIB / KIB:,.0f} MiB"
        )
        frame = waves[0].steps[0].frame_bytes
        return Report(
            NAME,
            f"{most:,} connections over {processes} gateways, broadcasts of {frame} bytes, beside as many floors",
            COLUMNS,
            rows,
            notes_of(waves, sizes, backlog, kernel_note),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="100,000 connections on one machine.")
    parser.add_argument("--connections", type=int, default=100_000)
    parser.add_argument("--gateways", type=int, default=6, help="processes of the gateway, floors, and generators")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="smaller numbers to broadcast to on the way")
    parser.add_argument("--waves", type=int, default=2, help="how often all come and go")
    parser.add_argument("--broadcasts", type=int, default=5, help="for each size, at the least")
    parser.add_argument(
        "--in-flight", type=int, default=1_536, help="clients on their way at once: a crowd at six doors"
    )
    parser.add_argument("--limit", type=float, default=840.0, help="seconds after which it is given up")
    parser.add_argument("--record", action="store_true", help=f"keep the result in bench/results/{NAME}.json")
    arguments = parser.parse_args()
    sizes = sorted({*(size for size in arguments.sizes if size < arguments.connections), arguments.connections})
    run(
        lambda backlog: measure(arguments, sizes, backlog),
        sizes[-1],
        arguments.gateways,
        in_flight=arguments.in_flight,
        limit_seconds=arguments.limit,
    )
    if arguments.record:
        try:
            print(keep(NAME))
        except NotKept as error:
            raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
