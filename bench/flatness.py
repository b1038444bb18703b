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
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from bench.generator import Swarm, Talked, swarm
from bench.people import ROOM, Meter, Used, author, clients, reader, speech, values
from bench.records import told_unevenness
from bench.report import Cell, Report
from bench.stage import PROSE, Stage, run, seed
from tests.support.services import Service

PEOPLE = 1_000
"""Authors, and as many readers: each author has so many conversations as it takes."""
WRITERS = 20
GATEWAYS = 2
CONNECTS_PER_SECOND = 1_000.0
SETTLE_SECONDS = 1.5
LIMIT_SECONDS = 280.0
BUDGET = 0.2
POSTS = 'db_client_operation_duration_seconds_count{db_operation_name="post"'
FILLING = PROSE[: 200 - 21]
COLUMNS = (
    "active conversations",
    "load",
    "sends/s",
    "deliveries/s",
    "sends per commit",
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


@dataclass(frozen=True)
class Sample:
    """One load at one size. `commits` are the transactions that everything accepted took."""

    talked: Talked
    used: Used
    receivers: int
    commits: float

    def cost(self, *parts: str) -> float:
        """Microseconds for each frame delivered."""
        return 1e6 * self.used.of(*parts) / max(1, self.talked.measured_accepted * self.receivers)


async def commits(gateways: Sequence[Service]) -> float:
    """Transactions of posts so far, as the gateways count them."""
    pages = await asyncio.gather(*(gateway.metrics() for gateway in gateways))
    lines = [line for page in pages for line in page.splitlines() if line.startswith(POSTS)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def listen(
    generator: Swarm, meter: Meter, gateways: Sequence[Service], conversations: int, **load: float
) -> Sample:
    """Authors and readers both get what is said in their conversations, so a message is two deliveries."""
    await generator.reset()
    before = await commits(gateways)
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
    return Sample(talked, meter.used, 2, await commits(gateways) - before)


def row_of(conversations: int, load: str, samples: Sequence[Sample], middle: float) -> list[Cell]:
    costs = [sample.cost("gateways", "workers") for sample in samples]
    talks = [sample.talked for sample in samples]
    broken = [talked for talked in talks if not talked.is_whole]
    told = "".join(
        f"NO: {one.refused} refused, {one.unanswered} unanswered, {one.delivered} of {one.expected} delivered"
        for one in broken[:1]
    )
    rate = median(talked.measured_accepted / talked.seconds for talked in talks)
    return [
        conversations,
        load,
        rate,
        rate * samples[0].receivers,
        median(sample.talked.accepted / max(1.0, sample.commits) for sample in samples),
        median(costs),
        median(sample.cost("gateways") for sample in samples),
        median(sample.cost("workers") for sample in samples),
        median(costs) / middle if middle else "–",
        f"{min(costs):.0f}–{max(costs):.0f}",
        told or "yes",
        median(talked.answered.p50_ms for talked in talks),
        median(talked.answered.p99_ms for talked in talks),
        median(talked.arrived.p50_ms for talked in talks),
        median(talked.arrived.p99_ms for talked in talks),
    ]


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
        await listen(
            generator, meter, gateways, most, seconds=most / arguments.rate, rate=arguments.rate, in_flight=512
        )
        for number in range(arguments.rounds):
            for size in sizes if number % 2 == 0 else sizes[::-1]:
                samples[size].append(await listen(generator, meter, gateways, size, **load))
        active = await listen(generator, meter, gateways, most, seconds=arguments.seconds, rate=0.0, in_flight=512)
        await generator.reset()
        before = await commits(gateways)
        crowded = await generator.talk(
            "writers",
            "writers",
            speech(FILLING),
            seconds=arguments.seconds,
            window=arguments.hot_window,
            each=WRITERS,
            on_edge=meter.edge,
        )
        meeting = Sample(crowded, meter.used, WRITERS, await commits(gateways) - before)
    costs = [median(sample.cost("gateways", "workers") for sample in samples[size]) for size in sizes]
    middle = median(costs)
    steady = f"{arguments.rate:g} a second"
    rows = [row_of(size, steady, samples[size], middle) for size in sizes]
    rows.append(row_of(most, "closed loop", [active], 0.0))
    rows.append(row_of(1, f"closed loop, {WRITERS} writers", [meeting], 0.0))
    return Report(
        "flatness",
        f"cost of a delivery, {2 * PEOPLE:,} people over {GATEWAYS} gateways",
        COLUMNS,
        rows,
        notes=(
            f"budget: flat within {100 * BUDGET:.0f} % of the middle; it is {told_unevenness(costs)}",
            f"medians of {arguments.rounds} interleaved rounds of {arguments.seconds:g} s at {steady}; cost is what "
            "gateways and worker used of a processor, for sending too, over frames delivered",
            "x middle: beside the median of the sizes; the more sends to a commit, the cheaper is each",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of a delivery over the number of active conversations.")
    parser.add_argument("--conversations", type=int, nargs="+", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--rate", type=float, default=3_000.0, help="sends a second")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hot-window", type=int, default=8, help="sends unanswered of each of the writers")
    arguments = parser.parse_args()
    run(lambda platform: measure(platform, arguments), limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    main()
