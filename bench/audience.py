"""What a delivery costs when ever more people listen, beside the floor's with as many.

    python -m bench.audience --sizes 1000 10000 100000 --gateways 6

The whole gateway and a floor, several processes of each, broadcast by turns (`turns.py`).  Nobody is pinged, for what
heartbeats cost is no part of a delivery; `hundred_thousand` has them.
"""

import argparse
from statistics import median

from bench.limits import run
from bench.records import told_unevenness
from bench.report import Cell, Report
from bench.turns import Rivals, Turn, rivals

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
    "remark",
)


async def row_of(two: Rivals, size: int, rounds: int) -> list[Cell]:
    await two.grow(size)
    at_rest = await two.ours.at_rest()
    each = max(1, DELIVERIES_EACH_ROUND // size)
    turns = await two.speak(rounds * each, at_rest=at_rest)
    by_round = [median(map(_ratio, turns[n * each : (n + 1) * each])) for n in range(rounds)]
    missing = sum(turn.missing for turn in turns)
    row: list[Cell] = [
        size,
        rounds,
        len(turns),
        median(turn.ours.cost for turn in turns),
        median(turn.bare.cost for turn in turns),
        median(map(_ratio, turns)),
        min(by_round),
        max(by_round),
        1e3 * median(turn.ours.spread for turn in turns),
        1e3 * median(turn.bare.spread for turn in turns),
        median(turn.ours.spread / turn.bare.spread for turn in turns),
        f"NOT WHOLE: {missing:,} missing" if missing else "",
    ]
    print(f"{size:,}: {row[3]:.2f} µs each beside {row[4]:.2f}", flush=True)
    return row


def _ratio(turn: Turn) -> float:
    return turn.ours.cost / turn.bare.cost


async def measure(arguments: argparse.Namespace, backlog: str) -> Report:
    processes, sizes = arguments.gateways, sorted(arguments.sizes)
    print(f"starting the stores, {processes} gateways, a worker, and as many floors …", flush=True)
    async with rivals(sizes[-1], processes, in_flight=arguments.in_flight, heartbeat_seconds=0.0) as two:
        rows = [await row_of(two, size, arguments.rounds) for size in sizes]
        frame_bytes = two.frame_bytes
    ratios = [float(row[COLUMNS.index("x floor CPU")]) for row in rows]
    return Report(
        "audience",
        f"cost of a delivery to {sizes[0]:,} to {sizes[-1]:,} over {processes} gateways, beside as many floors",
        COLUMNS,
        rows,
        notes=(
            f"x floor CPU, beside the middle of the sizes: {told_unevenness(ratios)}",
            "by turns: a broadcast of the gateways, one of the floors; medians of all, ratios of the two of a turn",
            "µs CPU: of the servers, for each delivery, without what they use at rest; the author's gateway is none of "
            "them; a process has the next connections when those before it are full",
            f"frames of {frame_bytes} bytes; no heartbeats; the gateways are stopped while the floors have their turn",
            "half of the floors' connections come before those of the gateways and half after: in the kernel's table "
            "who came later is found first",
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
