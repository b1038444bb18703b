"""100,000 connections on one machine: they come, stay, weigh something, hear broadcasts, go, and come once more.

    python -m bench.hundred_thousand --connections 100000 --gateways 6 --sizes 1000 10000 50000

The whole gateway, several processes of it: every client is another user with a signed token, follows one channel and
answers heartbeats; a broadcast is a message posted by a member, and goes the whole way.  Beside it as many floors with
as many connections get frames of the same size, by turns (`turns.py`).
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import psutil

from bench.herd import Growth, Weight
from bench.keep import NotKept, keep
from bench.limits import run
from bench.report import Cell, Report
from bench.turns import Rivals, Turn, rivals
from loadtest.machine import KIB

NAME = "hundred_thousand"
HEARTBEAT_SECONDS = 28.0
"""The gateway pings everybody every 25 s, some a little later."""
GIVE_BACK_SECONDS = 42.0
"""It looks every second whether most have left, and then waits for 30 s until their timers have run out."""
ENDS = 4
"""For each connection: two of it, and two of that to a floor."""
DELIVERIES_EACH = 50_000
"""At the least for each size, or the cost of one is not seen."""
COLUMNS = (
    "wave",
    "connections",
    "opened/s",
    "opening µs CPU",
    "with all",
    "upgraded p50 ms",
    "upgraded p99 ms",
    "following p50 ms",
    "following p99 ms",
    "sent to last ms",
    "first to last ms",
    "slowest ms",
    "floor first to last ms",
    "x floor time",
    "µs CPU",
    "floor µs CPU",
    "KiB RSS",
    "KiB private",
    "KiB kernel",
    "KiB kept",
    "cores at rest",
    "remark",
)


@dataclass(frozen=True)
class Step:
    """So many connections at once: how the last of them came, what broadcasts to all took."""

    growth: Growth
    turns: Sequence[Turn]


@dataclass(frozen=True)
class Wave:
    """All sizes, one after another. `grown` is with all connections, each pinged once; `kept` when they had gone."""

    number: int
    steps: Sequence[Step]
    grown: Weight
    kept: Weight
    at_rest: float
    lost: int


async def run_wave(two: Rivals, number: int, sizes: Sequence[int], broadcasts: int) -> Wave:
    ours, bare = two.ours, two.bare
    steps: list[Step] = []
    for size in sizes:
        growth = await two.grow(size)
        if size == sizes[-1]:
            await ours.stay()
            grown, at_rest = ours.weigh(), await ours.at_rest()
        step = Step(growth, await two.speak(max(broadcasts, DELIVERIES_EACH // size)))
        steps.append(step)
        print(
            f"wave {number}, {size:,}: {growth.came.rate:,.0f}/s at {growth.opening:,.0f} µs each; a broadcast "
            f"{median(turn.ours.spread / turn.bare.spread for turn in step.turns):.2f} x the floor's time",
            flush=True,
        )
    lost = await ours.lost()
    await bare.leave()
    await ours.leave(forgotten_seconds=GIVE_BACK_SECONDS)
    return Wave(number, steps, grown, ours.weigh(), at_rest, lost)


def rows_of(wave: Wave) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for step in wave.steps:
        growth, came, turns = step.growth, step.growth.came, step.turns
        missing = sum(turn.missing for turn in turns)
        troubles = [f"{missing:,} missing"] if missing else []
        weighed: list[Cell] = ["–"] * 5
        if step is wave.steps[-1]:
            grown = wave.grown.memory
            weighed = [
                grown.rss / growth.size / KIB,
                grown.private / growth.size / KIB,
                grown.kernel / ENDS / growth.size / KIB,
                wave.kept.memory.rss / growth.size / KIB,
                wave.at_rest,
            ]
            troubles += [f"{wave.lost:,} lost"] if wave.lost else []
        rows.append(
            [
                wave.number,
                growth.size,
                round(came.rate),
                growth.opening,
                growth.opening_all,
                came.upgraded_p50_ms,
                came.upgraded_p99_ms,
                came.welcomed_p50_ms,
                came.welcomed_p99_ms,
                1e3 * median(turn.ours.since_sent for turn in turns),
                1e3 * median(turn.ours.spread for turn in turns),
                1e3 * max(turn.ours.spread for turn in turns),
                1e3 * median(turn.bare.spread for turn in turns),
                median(turn.ours.spread / turn.bare.spread for turn in turns),
                median(turn.ours.cost for turn in turns),
                median(turn.bare.cost for turn in turns),
                *weighed,
                f"NOT WHOLE: {', '.join(troubles)}" if troubles else "",
            ]
        )
    return rows


def notes_of(waves: Sequence[Wave], sizes: Sequence[int], backlog: str, kernel_note: str) -> list[str]:
    each = [" ".join(f"{mib:.0f}" for mib in wave.grown.each_mib) for wave in waves]
    left = [" ".join(f"{mib:.1f}" for mib in wave.kept.each_mib) for wave in waves]
    rates = []
    for wave in waves:
        seconds = sum(step.growth.came.seconds for step in wave.steps)
        rates.append(f"{wave.steps[-1].growth.size / seconds:,.0f}/s")
    return [
        "every client: a token of his own, a handshake, the welcome, `subscribe` to the channel and its answer; "
        "opened/s counts those who have all that, as fast as they are taken, everything on all cores",
        "opening: processor time of the servers for each who came; with all: that of stores, worker and generators too",
        f"all {sizes[-1]:,} in each wave: {', '.join(rates)}; a process has the next connections when those before it "
        "are full",
        "first to last: from the first arrival of a broadcast to the last, over all generators, medians; servers on "
        "one core, all else on the other; sent to last: with the way through PostgreSQL, NATS and the worker",
        "x floor time: a broadcast of the gateways over that of the floors after it, while which the gateways are "
        "stopped; the median. Heartbeats of all go on meanwhile, in the time and in the µs CPU of the gateways",
        "half of the floors' connections come before those of the gateways and half after: in the kernel's table who "
        "came later is found first",
        "KiB: for each connection beyond the empty servers, after everybody was pinged; kernel: of one end; kept: "
        f"{GIVE_BACK_SECONDS:.0f} s after they left",
        f"MiB of each gateway beyond empty, wave by wave: {' | '.join(each)}; left: {' | '.join(left)}",
        f"{kernel_note}; {backlog}",
    ]


async def measure(arguments: argparse.Namespace, sizes: Sequence[int], backlog: str) -> Report:
    processes, most = arguments.gateways, sizes[-1]
    available = psutil.virtual_memory().available
    print(f"starting the stores, {processes} gateways and a worker; {most:,} members of a channel …", flush=True)
    in_flight = arguments.in_flight
    async with rivals(most, processes, in_flight=in_flight, heartbeat_seconds=HEARTBEAT_SECONDS) as two:
        waves = [await run_wave(two, number, sizes, arguments.broadcasts) for number in range(1, arguments.waves + 1)]
    kernel = waves[-1].grown.memory.kernel / KIB / KIB
    kernel_note = (
        f"kernel memory of both ends of all connections, the floors' too: {kernel:,.0f} MiB (slab and buffers of TCP); "
        f"available before: {available / KIB / KIB:,.0f} MiB"
    )
    return Report(
        NAME,
        f"{most:,} connections over {processes} gateways, broadcasts of {two.frame_bytes} bytes, beside as many floors",
        COLUMNS,
        [row for wave in waves for row in rows_of(wave)],
        notes_of(waves, sizes, backlog, kernel_note),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="100,000 connections on one machine.")
    parser.add_argument("--connections", type=int, default=100_000)
    parser.add_argument("--gateways", type=int, default=6, help="processes of the gateway, floors, and generators")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="smaller numbers to broadcast to on the way")
    parser.add_argument("--waves", type=int, default=2, help="how often all come and go")
    parser.add_argument("--broadcasts", type=int, default=9, help="for each size, at the least")
    parser.add_argument(
        "--in-flight", type=int, default=1_536, help="clients on their way at once: a crowd at six doors"
    )
    parser.add_argument("--limit", type=float, default=840.0, help="seconds after which it is given up")
    parser.add_argument("--record", action="store_true", help=f"keep the result in bench/results/{NAME}.json")
    arguments = parser.parse_args()
    sizes = sorted({*(size for size in arguments.sizes if size < arguments.connections), arguments.connections})
    run(
        lambda backlog: measure(arguments, sizes, backlog),
        2 * sizes[-1],
        2 * arguments.gateways,
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
