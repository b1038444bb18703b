"""The whole pipeline: sends a second from the client's frame to its only recipient, everything on this machine.

    python -m bench.pipeline --seconds 60 --gateways 2

Authors send to a reader each, over the gateways to the worker and back: transaction, hint, batch for a node, socket.
In a closed loop a bounded number of sends is unanswered, so the platform is as busy as it can be and no queue grows;
`--rate` asks for a steady rate instead.  At the end what was accepted must have arrived, neither more nor less.
"""

import argparse
import asyncio

from bench.generator import Talked, swarm
from bench.people import ROOM, Meter, Used, author, clients, reader, speech, values
from bench.report import Cell, Report
from bench.stage import PROSE, Stage, run, seed

BUDGET = 6_000
FILLING = PROSE[: 200 - 21]
SETTLE_SECONDS = 1.0
CONNECTS_PER_SECOND = 1_000.0


async def measure(platform: Stage, arguments: argparse.Namespace) -> Report:
    pairs = arguments.pairs
    direct = await seed(platform.stores.database_url, "direct", [(author(n), reader(n)) for n in range(pairs)])
    speakers = values(platform, "authors", [(author(n), [direct[n]]) for n in range(pairs)])
    listeners = values(platform, "readers", [(reader(n), []) for n in range(pairs)])
    gateways = [await platform.services.start("gateway", port=None, **ROOM) for _ in range(arguments.gateways)]
    workers = [await platform.services.start("worker") for _ in range(arguments.workers)]
    ports = [gateway.port for gateway in gateways]
    meter = Meter(gateways=gateways, workers=workers)
    async with swarm(core=None) as generator:
        # Readers sit on another gateway than their authors, if there is one.
        for group, kind, order in (
            ("authors", clients(speakers, talking=True), ports),
            ("readers", clients(listeners), ports[1:] + ports[:1]),
        ):
            came = await generator.connect(group, kind, order, pairs, rate=CONNECTS_PER_SECOND)
            if came.ready < pairs:
                raise SystemExit(f"only {came.ready:,} of {pairs:,} {group} connected: {came.trouble}")
        await asyncio.sleep(SETTLE_SECONDS)
        rounds: list[tuple[Talked, Used]] = []
        for _ in range(arguments.rounds):
            await generator.reset()
            talked = await generator.talk(
                "authors",
                "readers",
                speech(FILLING),
                seconds=arguments.seconds,
                warm_seconds=arguments.warm_seconds,
                rate=arguments.rate,
                in_flight=arguments.in_flight,
                window=arguments.window,
                on_edge=meter.edge,
            )
            rounds.append((talked, meter.used))
            print(f"{talked.measured_accepted / talked.seconds:,.0f} sends/s", flush=True)
    troubles = {talked.trouble for talked, _ in rounds if talked.trouble}
    return Report(
        "pipeline",
        f"sends a second with one recipient each, {pairs:,} pairs over {len(gateways)} gateways, all on this machine",
        (
            "seconds",
            "sends/s",
            "slowest second",
            "delivered/s",
            "accepted",
            "delivered",
            "refused",
            "whole",
            "ack p50 ms",
            "p99 ms",
            "delivered p50 ms",
            "delivered p99 ms",
        ),
        [_row(talked) for talked, _ in rounds],
        notes=(
            f"budget: >= {BUDGET:,}/s for 60 s; whole: everything accepted was delivered once to its recipient",
            f"{arguments.in_flight} sends unanswered at most; authors get each message too, on top of what is counted",
            *(f"cores used: {used.shares(talked.seconds)}" for talked, used in rounds),
            *(f"microseconds of processor for each send: {_cost(talked, used)}" for talked, used in rounds),
            *troubles,
        ),
    )


def _row(talked: Talked) -> tuple[Cell, ...]:
    return (
        talked.seconds,
        talked.measured_accepted / talked.seconds,
        talked.slowest_second,
        talked.measured_delivered / talked.seconds,
        talked.accepted,
        talked.delivered,
        talked.refused,
        "yes" if talked.is_whole else f"NO: {talked.unanswered} unanswered, {talked.closed} closed",
        talked.answered.p50_ms,
        talked.answered.p99_ms,
        talked.arrived.p50_ms,
        talked.arrived.p99_ms,
    )


def _cost(talked: Talked, used: Used) -> str:
    sends = max(1, talked.measured_accepted)
    return ", ".join(f"{part} {1e6 * seconds / sends:.0f}" for part, seconds in used.by_part.items())


def main() -> None:
    parser = argparse.ArgumentParser(description="Sends a second through everything.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-seconds", type=float, default=3.0)
    parser.add_argument("--pairs", type=int, default=1_000)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0, help="sends a second; without it as many as are answered")
    parser.add_argument("--in-flight", type=int, default=512, help="sends unanswered at most")
    parser.add_argument("--window", type=int, default=1, help="sends unanswered of one author at most")
    arguments = parser.parse_args()
    run(
        lambda platform: measure(platform, arguments),
        limit_seconds=arguments.rounds * (arguments.seconds + 15.0) + 75.0,
    )


if __name__ == "__main__":
    main()
