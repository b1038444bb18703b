"""What a delivery costs when the same messages are spread over ever more conversations, and when they meet in one.

    python -m bench.flatness --conversations 10 100 1000 10000 --rounds 3

The same people are connected every time and the same number of messages is sent a second; only the number of
conversations they go to differs.  The cost is processor time of gateways and worker for each frame delivered.  Rounds
are interleaved, for the machine of one minute is not that of the next.  Then, in a closed loop: one conversation in
which 20 people write at once, and 10,000 that are all active.
"""

import argparse
import asyncio
from collections.abc import Sequence
from statistics import median
from uuid import UUID

from bench.generator import Swarm, Talked, swarm
from bench.people import ROOM, Meter, Used, author, clients, reader, seed, speech, values
from bench.records import unevenness
from bench.report import Cell, Report
from bench.stage import PROSE, Stage, run

PEOPLE = 1_000
"""Authors, and as many readers: each author has so many conversations as it takes."""
WRITERS = 20
GATEWAYS = 2
CONNECTS_PER_SECOND = 1_000.0
SETTLE_SECONDS = 1.5
LIMIT_SECONDS = 280.0
BUDGET = 0.2
FILLING = PROSE[: 200 - 21]
COLUMNS = (
    "active conversations",
    "load",
    "sends/s",
    "deliveries/s",
    "us per delivery",
    "us gateways",
    "us worker",
    "x middle",
    "spread",
    "whole",
    "ack p50 ms",
    "ack p99 ms",
    "delivered p50 ms",
    "delivered p99 ms",
)
Sample = tuple[Talked, Used]


async def listen(generator: Swarm, meter: Meter, conversations: int, **load: float) -> Sample:
    """Authors and readers both get what is said in their conversations, so a message is two deliveries."""
    await generator.reset()
    talked = await generator.talk(
        "authors",
        "readers",
        speech(FILLING),
        among=min(PEOPLE, conversations),
        words=max(1, conversations // PEOPLE),
        # Few people have to say as much as many.
        window=max(1, -(-512 // min(PEOPLE, conversations))),
        on_edge=meter.edge,
        seconds=load["seconds"],
        rate=load["rate"],
        in_flight=int(load["in_flight"]),
    )
    return talked, meter.used


def row_of(conversations: int, load: str, samples: Sequence[Sample], middle: float, receivers: int) -> list[Cell]:
    def cost(talked: Talked, used: Used, *parts: str) -> float:
        return 1e6 * used.of(*parts) / max(1, talked.measured_accepted * receivers)

    costs = [cost(*sample, "gateways", "workers") for sample in samples]
    broken = [talked for talked, _ in samples if not talked.is_whole]
    told = "".join(
        f"NO: {one.refused} refused, {one.unanswered} unanswered, {one.delivered} of {one.expected} delivered"
        for one in broken[:1]
    )
    rates = [talked.measured_accepted / talked.seconds for talked, _ in samples]
    return [
        conversations,
        load,
        median(rates),
        median(rates) * receivers,
        median(costs),
        median(cost(*sample, "gateways") for sample in samples),
        median(cost(*sample, "workers") for sample in samples),
        median(costs) / middle if middle else "–",
        f"{min(costs):.0f}–{max(costs):.0f}",
        told or "yes",
        median(talked.answered.p50_ms for talked, _ in samples),
        median(talked.answered.p99_ms for talked, _ in samples),
        median(talked.arrived.p50_ms for talked, _ in samples),
        median(talked.arrived.p99_ms for talked, _ in samples),
    ]


def cost_of(sample: Sample) -> float:
    talked, used = sample
    return 1e6 * used.of("gateways", "workers") / max(1, 2 * talked.measured_accepted)


async def settle(platform: Stage, most: int) -> tuple[list[UUID], UUID]:
    """Who talks to whom: conversation n is of author n and a reader he shares no other one with."""
    pairs = [(author(n % PEOPLE), reader((n * 7 + n // PEOPLE) % PEOPLE)) for n in range(most)]
    direct = await seed(platform.stores.database_url, "direct", pairs)
    (hot,) = await seed(platform.stores.database_url, "group", [[f"writer{n}" for n in range(WRITERS)]])
    return direct, hot


async def measure(platform: Stage, arguments: argparse.Namespace) -> Report:
    sizes: list[int] = arguments.conversations
    most = max(max(sizes), PEOPLE)
    direct, hot = await settle(platform, most)
    speakers = values(platform, "authors", [(author(n), direct[n::PEOPLE]) for n in range(PEOPLE)])
    listeners = values(platform, "readers", [(reader(n), []) for n in range(PEOPLE)])
    writers = values(platform, "writers", [(f"writer{n}", [hot]) for n in range(WRITERS)])
    gateways = [await platform.services.start("gateway", port=None, **ROOM) for _ in range(GATEWAYS)]
    workers = [await platform.services.start("worker")]
    ports = [gateway.port for gateway in gateways]
    meter = Meter(gateways=gateways, workers=workers)
    samples: dict[int, list[Sample]] = {size: [] for size in sizes}
    async with swarm(core=None) as generator:
        for group, kind, order, count in (
            ("authors", clients(speakers, talking=True), ports, PEOPLE),
            ("readers", clients(listeners), ports[::-1], PEOPLE),
            ("writers", clients(writers, talking=True), ports, WRITERS),
        ):
            came = await generator.connect(group, kind, order, count, rate=CONNECTS_PER_SECOND)
            if came.ready < count:
                raise SystemExit(f"only {came.ready:,} of {count:,} {group} connected: {came.trouble}")
        await asyncio.sleep(SETTLE_SECONDS)
        load = {"seconds": arguments.seconds, "rate": arguments.rate, "in_flight": 512}
        # Before the first is measured all conversations have been spoken in once: whatever is made then stays.
        await listen(generator, meter, most, seconds=most / arguments.rate, rate=arguments.rate, in_flight=512)
        for number in range(arguments.rounds):
            for size in sizes if number % 2 == 0 else sizes[::-1]:
                samples[size].append(await listen(generator, meter, size, **load))
        active = await listen(generator, meter, most, seconds=arguments.seconds, rate=0.0, in_flight=512)
        await generator.reset()
        crowded = await generator.talk(
            "writers",
            "writers",
            speech(FILLING),
            seconds=arguments.seconds,
            window=arguments.hot_window,
            each=WRITERS,
            on_edge=meter.edge,
        )
        meeting = crowded, meter.used
    costs = [median(map(cost_of, samples[size])) for size in sizes]
    middle = median(costs)
    steady = f"{arguments.rate:g} a second"
    rows = [row_of(size, steady, samples[size], middle, 2) for size in sizes]
    rows.append(row_of(most, "closed loop", [active], 0.0, 2))
    rows.append(row_of(1, f"closed loop, {WRITERS} writers", [meeting], 0.0, WRITERS))
    flat = f"within {100 * unevenness(costs):.0f} %" if len(costs) > 1 else "one size only"
    return Report(
        "flatness",
        f"cost of a delivery, {2 * PEOPLE:,} people over {GATEWAYS} gateways",
        COLUMNS,
        rows,
        notes=(
            f"budget: flat within {100 * BUDGET:.0f} % of the middle; it is {flat}",
            f"medians of {arguments.rounds} interleaved rounds of {arguments.seconds:g} s at {steady}; cost is what "
            "gateways and worker used of a processor, for sending too, over frames delivered",
            "x middle: beside the median of the sizes; in a closed loop larger batches make a message cheaper",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of a delivery over the number of active conversations.")
    parser.add_argument("--conversations", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--rate", type=float, default=1_500.0, help="sends a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hot-window", type=int, default=8, help="sends unanswered of each of the writers")
    arguments = parser.parse_args()
    run(lambda platform: measure(platform, arguments), limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    main()
