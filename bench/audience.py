"""What a delivery costs when ever more people listen, beside the floor's with as many.

    python -m bench.audience --sizes 1000 10000 100000 --gateways 6

The whole gateway and a floor are up together, several processes of each, all on one core; everything else has the
other.  After each broadcast of one comes one of the other: the machine of one second is not that of the next, and
neither finds in the caches of the core what it left there.  While the floor has its turn the gateways are stopped, for
it has no heartbeats; theirs count in the time of their broadcasts, and not in the cost of a delivery.
"""

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cores import part
from bench.generator import swarm
from bench.herd import Broadcast, Herd
from bench.limits import run
from bench.records import unevenness
from bench.report import Cell, Report
from bench.servers.floor import floor
from bench.servers.gateway import gateway
from bench.servers.server import PAYLOAD, PAYLOAD_BYTES, Server

HEARTBEAT_SECONDS = 28.0
"""The gateway pings everybody every 25 s, some a little later."""
CATCH_UP_SECONDS = 1.0
"""After they were stopped."""
REST_SECONDS = 1.0
"""Before each round: what heartbeats cost changes with the time since their clients came."""
DELIVERIES_EACH_ROUND = 30_000
"""At the least, or the cost of one is not seen."""
COLUMNS = (
    "connections",
    "rounds",
    "broadcasts",
    "gateway µs CPU",
    "floor µs CPU",
    "x floor CPU",
    "lowest round",
    "highest round",
    "gateway first to last ms",
    "floor first to last ms",
    "x floor time",
    "beats cores",
    "remark",
)


@dataclass(frozen=True)
class Pair:
    """A broadcast of each."""

    ours: Broadcast
    bare: Broadcast

    def ratio(self, figure: Callable[[Broadcast], float]) -> float:
        return figure(self.ours) / figure(self.bare)

    @property
    def missing(self) -> int:
        return sum(one.wanted - one.seen for one in (self.ours, self.bare))


Round = Sequence[Pair]


def cost(one: Broadcast) -> float:
    return one.cost


def spread(one: Broadcast) -> float:
    return 1e3 * one.spread


@contextlib.contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def take_round(ours: Herd, bare: Herd, pairs: int) -> tuple[Round, float]:
    """Also the cores that heartbeats used."""
    await asyncio.sleep(CATCH_UP_SECONDS)
    beats = await ours.beats(REST_SECONDS)
    taken = []
    for _ in range(pairs):
        said = await ours.broadcast(beats)
        with stopped(ours.up.pids):
            taken.append(Pair(said, await bare.broadcast(0.0)))
    return taken, beats


async def a_frame(herd: Herd) -> int:
    """How many bytes the first client gets of a broadcast."""
    await herd.grow(1)
    await herd.listen()
    await herd.broadcast(0.0)
    size = await herd.frame_bytes()
    await herd.hush()
    return size


async def row_of(ours: Herd, bare: Herd, size: int, rounds: int) -> list[Cell]:
    for herd in (ours, bare):
        await herd.grow(size)
    part([*ours.up.pids, *bare.up.pids])
    for herd in (ours, bare):
        await herd.listen()
    taken = [await take_round(ours, bare, max(1, DELIVERIES_EACH_ROUND // size)) for _ in range(rounds)]
    for herd in (ours, bare):
        await herd.hush()
    pairs = [pair for some, _ in taken for pair in some]
    each_round = [median(pair.ratio(cost) for pair in some) for some, _ in taken]
    missing = sum(pair.missing for pair in pairs)
    row: list[Cell] = [
        size,
        rounds,
        len(pairs),
        median(cost(pair.ours) for pair in pairs),
        median(cost(pair.bare) for pair in pairs),
        median(pair.ratio(cost) for pair in pairs),
        min(each_round),
        max(each_round),
        median(spread(pair.ours) for pair in pairs),
        median(spread(pair.bare) for pair in pairs),
        median(pair.ratio(spread) for pair in pairs),
        median(beats for _, beats in taken),
        f"NOT WHOLE: {missing:,} missing" if missing else "",
    ]
    print(f"{size:,}: {row[3]:.2f} µs each beside {row[4]:.2f}", flush=True)
    return row


async def measure(arguments: argparse.Namespace, backlog: str) -> Report:
    processes, sizes = arguments.gateways, sorted(arguments.sizes)
    async with contextlib.AsyncExitStack() as stack:
        print(f"starting the stores, {processes} gateways, a worker, and as many floors …", flush=True)

        async def herd(name: str, server: Server, *, first: int, heartbeat_seconds: float) -> Herd:
            generators = [await stack.enter_async_context(swarm(first + n, core=None)) for n in range(processes)]
            up = await stack.enter_async_context(server.start(sizes[-1]))
            return Herd(
                name,
                up,
                generators,
                most_each=-(-sizes[-1] // processes),
                in_flight=arguments.in_flight,
                heartbeat_seconds=heartbeat_seconds,
            )

        gateways = gateway(processes, pinned=False, author_apart=True)
        ours = await herd("gateway", gateways, first=0, heartbeat_seconds=HEARTBEAT_SECONDS)
        frame_bytes = await a_frame(ours)
        floors = floor(PAYLOAD + "." * max(0, frame_bytes - PAYLOAD_BYTES), processes=processes)
        bare = await herd("floor", floors, first=processes, heartbeat_seconds=0.0)
        rows = [await row_of(ours, bare, size, arguments.rounds) for size in sizes]
    ratios = [float(row[COLUMNS.index("x floor CPU")]) for row in rows]
    flat = f"within {100 * unevenness(ratios):.0f} % of their middle" if len(ratios) > 1 else "one size only"
    return Report(
        "audience",
        f"cost of a delivery to {sizes[0]:,} to {sizes[-1]:,} over {processes} gateways, beside as many floors",
        COLUMNS,
        rows,
        notes=(
            f"x floor CPU: {flat}",
            "by turns: a broadcast of the gateways, one of the floors; medians of all, ratios of the two of a turn",
            "µs CPU: of the servers, for each delivery, without what heartbeats use; the author's gateway is none of "
            "them; a process has the next connections when those before it are full",
            f"frames of {frame_bytes} bytes; the gateways are stopped while the floors have their turn",
            backlog,
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of a delivery over the number of connections.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 3_000, 10_000, 30_000, 100_000])
    parser.add_argument("--gateways", type=int, default=6, help="processes of the gateway, and of the floor")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--in-flight", type=int, default=1_536, help="clients on their way at once")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which it is given up")
    arguments = parser.parse_args()
    run(
        lambda backlog: measure(arguments, backlog),
        2 * max(arguments.sizes),
        2 * arguments.gateways,
        in_flight=arguments.in_flight,
        limit_seconds=arguments.limit,
    )


if __name__ == "__main__":
    main()
