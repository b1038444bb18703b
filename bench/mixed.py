"""Everything at once: pairs, groups and a large channel talk while connections come and go; then each of it alone.

    python -m bench.mixed --rounds 4 --seconds 5

Two gateways and a worker carry all of it at modest fixed rates.  Who is not to speak stays connected, so that only what
is done differs.  Rounds are interleaved and what is compared is of one round, for the machine of one minute is not that
of the next.  The cost is processor time of gateways and worker, without what they use while nobody does anything: each
of those alone would be charged with it.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cores import cpu_nanoseconds, cpu_of_family
from bench.generator import Clients, Durations, Swarm, swarm
from bench.people import ROOM, WELCOME, clients, speech, values
from bench.reconnect import FIRST
from bench.report import Cell, Report
from bench.stage import PROSE, Stage, run, seed

GATEWAYS = 2
KINDS = {"direct": (501, 2, 400.0), "group": (101, 10, 80.0), "channel": (1, 1_000, 2.0)}
"""How many conversations of so many members, and messages a second in all of them.  Odd numbers of conversations put
members on the gateways by turns, though whoever speaks next does so in the next conversation."""
CHURN = 25.0
"""How many come in a second, and how many go."""
CONNECTS_PER_SECOND = 1_000.0
SETTLE_SECONDS = 1.5
WARM_SECONDS = 1.0
SPARE_SECONDS = 60.0
"""To begin, and to end."""
SPEECH = speech(PROSE[: 200 - 21])
FOLLOW = ((WELCOME, '{"id":1,"op":"subscribe","conversation_id":"%w"}'), ('{"id":1,"ok":true', ""))
CROWD = "people"
"""What each generator calls its clients."""
MIXED = "all at once"
COLUMNS = (
    *("what", "people", "a second", "deliveries/s"),
    *("p50 ms alone", "p50 ms mixed", "x p50", "x p50 of rounds"),
    *("p99 ms alone", "p99 ms mixed", "x p99", "x p99 of rounds"),
    *("us each alone", "us each mixed", "x us", "x us of rounds"),
    "whole",
)


@dataclass(frozen=True)
class Done:
    """What one part did in one stretch, a second: messages or arrivals, and deliveries. Whole is without trouble."""

    rate: float
    deliveries: float
    took: Durations
    trouble: str


@dataclass
class Talk:
    """Conversations of one kind, in which everybody hears what is said, the speaker too."""

    name: str
    people: int
    generator: Swarm
    expected: int = 0

    async def go(self, seconds: float) -> Done:
        _, members, rate = KINDS[self.name]
        talked = await self.generator.talk(
            CROWD,
            CROWD,
            SPEECH,
            seconds=seconds,
            warm_seconds=WARM_SECONDS,
            rate=rate,
            in_flight=512,
            each=members,
            timed_one_in=1,
        )
        # What is delivered again may come when the talk is over: all talks so far are counted.
        seen = (await self.generator.report())["groups"][CROWD]["deliveries"]
        self.expected += talked.expected
        trouble = (
            f"{talked.refused} refused, {talked.unanswered} unanswered, {seen} of {self.expected} so far delivered"
        )
        return Done(
            talked.measured_accepted / talked.seconds,
            talked.measured_delivered / talked.seconds,
            talked.arrived,
            "" if talked.is_whole and seen == self.expected else trouble,
        )


@dataclass
class Churn:
    """People who come and sync at a steady rate while as many go.

    A generator does one thing at a time: the first of two opens, the other closes what it opened in the stretch before.
    """

    name: str
    people: int
    turns: list[tuple[Swarm, Clients]]
    ports: Sequence[int]

    async def go(self, seconds: float) -> Done:
        (coming, comers), (going, _) = self.turns
        self.turns.reverse()
        count = round(CHURN * (WARM_SECONDS + seconds))
        opening = coming.connect(CROWD, comers, self.ports, count, rate=CHURN)
        came, _ = await asyncio.gather(opening, self.see_out(going, count))
        closed = (await going.report())["groups"][CROWD]["closed"]
        trouble = f"{came.ready} of {count} came, {closed} were closed by the server {came.trouble}"
        return Done(came.ready / came.seconds, 0.0, came.welcomed, trouble if closed or came.ready < count else "")

    async def see_out(self, going: Swarm, count: int) -> None:
        for _ in range(count):
            await asyncio.gather(going.close(CROWD, gently=True, count=1), asyncio.sleep(1 / CHURN))


Part = Talk | Churn


@dataclass(frozen=True)
class Stretch:
    """What those did who took part, and the cores that gateways and worker, and all processes, used meanwhile."""

    done: Mapping[str, Done]
    services: float
    everything: float


async def stretch(parts: Sequence[Part], pids: Sequence[int], seconds: float) -> Stretch:
    """All of these at once."""
    going = asyncio.gather(*(part.go(seconds) for part in parts))
    await asyncio.sleep(WARM_SECONDS)
    began, services, everything = time.monotonic_ns(), cpu_nanoseconds(pids), cpu_of_family()
    await asyncio.sleep(seconds)
    services, everything = cpu_nanoseconds(pids) - services, cpu_of_family() - everything
    passed = time.monotonic_ns() - began
    done = {part.name: one for part, one in zip(parts, await going, strict=True)}
    return Stretch(done, services / passed, everything / passed)


async def connect(generator: Swarm, people: Clients, ports: Sequence[int], count: int) -> None:
    came = await generator.connect(CROWD, people, ports, count, rate=CONNECTS_PER_SECOND)
    if came.ready < count:
        raise SystemExit(f"only {came.ready:,} of {count:,} connected: {came.trouble}")


async def talk(platform: Stage, kind: str, generator: Swarm, ports: Sequence[int]) -> Talk:
    """Everybody of a kind is connected."""
    count, members, _ = KINDS[kind]
    names = [[f"{kind}-{n}-{place}" for place in range(members)] for n in range(count)]
    seeded = await seed(platform.stores.database_url, kind, names)
    lines = [(users[place], [one]) for place in range(members) for one, users in zip(seeded, names, strict=True)]
    script = FOLLOW if kind == "channel" else ((WELCOME, ""),)
    people = clients(values(platform, kind, lines), talking=True, script=script)
    await connect(generator, people, ports, len(lines))
    return Talk(kind, len(lines), generator)


async def churn(platform: Stage, generators: Sequence[Swarm], ports: Sequence[int], count: int) -> Churn:
    """So many of the last generator are connected, and as many of the first come next."""
    turns = []
    for number, generator in enumerate(generators):
        users = [f"comer-{number}-{n}" for n in range(count)]
        # Everybody has a conversation with his neighbour: a sync has something to look at.
        await seed(platform.stores.database_url, "direct", [users[n : n + 2] for n in range(0, count - 1, 2)])
        lines = values(platform, f"comers{number}", [(user, []) for user in users])
        turns.append((generator, clients(lines, script=FIRST)))
    await connect(*turns[-1], ports, count)
    return Churn("come and go", len(turns) * count, turns, ports)


def beside(alone: Sequence[float], mixed: Sequence[float]) -> list[Cell]:
    """Medians of the rounds, that of their ratios, and how far these are apart."""
    ratios = [one / other if other else float("nan") for one, other in zip(mixed, alone, strict=True)]
    return [median(alone), median(mixed), median(ratios), f"{min(ratios):.2f}–{max(ratios):.2f}"]


def cost(stretches: Sequence[Stretch], rest: Stretch) -> float:
    """Microseconds of gateways and worker for each delivery; for each arrival where there are none."""
    done = [one for taken in stretches for one in taken.done.values()]
    used = sum(taken.services - rest.services for taken in stretches)
    return 1e6 * used / max(1.0, sum(one.deliveries for one in done) or sum(one.rate for one in done))


def row_of(part: Part, rounds: Sequence[Mapping[str, Stretch]], rest: Stretch) -> list[Cell]:
    alone, mixed = ([taken[name].done[part.name] for taken in rounds] for name in (part.name, MIXED))
    trouble = next((one.trouble for one in (*alone, *mixed) if one.trouble), "")
    return [
        part.name,
        part.people,
        median(one.rate for one in mixed),
        median(one.deliveries for one in mixed),
        *beside([one.took.p50_ms for one in alone], [one.took.p50_ms for one in mixed]),
        *beside([one.took.p99_ms for one in alone], [one.took.p99_ms for one in mixed]),
        *(median(cost([taken[part.name]], rest) for taken in rounds), "–", "–", "–"),
        f"NO: {trouble}" if trouble else "yes",
    ]


async def measure(platform: Stage, seconds: float, count: int) -> Report:
    gateways = [await platform.services.start("gateway", port=None, **ROOM) for _ in range(GATEWAYS)]
    worker = await platform.services.start("worker")
    ports, pids = [gateway.port for gateway in gateways], [service.pid for service in (*gateways, worker)]
    async with contextlib.AsyncExitStack() as stack:
        swarms = [await stack.enter_async_context(swarm(n, core=None)) for n in range(len(KINDS) + 2)]
        parts: list[Part] = [await talk(platform, kind, swarms.pop(), ports) for kind in KINDS]
        parts.append(await churn(platform, swarms, ports, round(CHURN * (WARM_SECONDS + seconds))))
        await asyncio.sleep(SETTLE_SECONDS)
        rest = await stretch([], pids, seconds)
        # Before the first is measured everybody has spoken: whatever is made then stays.
        await stretch(parts, pids, seconds)
        loads = {part.name: [part] for part in parts} | {MIXED: parts}
        rounds: list[Mapping[str, Stretch]] = []
        for number in range(count):
            order = [*loads] if number % 2 == 0 else [*loads][::-1]
            rounds.append({name: await stretch(loads[name], pids, seconds) for name in order})
    rows = [row_of(part, rounds, rest) for part in parts]
    mixed = [taken[MIXED] for taken in rounds]
    apart = [cost([taken[part.name] for part in parts], rest) for taken in rounds]
    costs = beside(apart, [cost([taken], rest) for taken in mixed])
    people, rate, heard = (sum(float(row[place]) for row in rows) for place in (1, 2, 3))
    whole = next((row[-1] for row in rows if row[-1] != "yes"), "yes")
    rows.append([MIXED, round(people), rate, heard, *["–"] * 8, *costs, whole])
    return Report(
        "mixed",
        f"everything at once over {GATEWAYS} gateways and a worker, beside each of it alone, all on this machine",
        COLUMNS,
        rows,
        notes=(
            f"medians of {count} interleaved rounds, {seconds:g} s of each; x: mixed over alone in the same round",
            "from a member's frame to a member's socket, every delivery is timed; come and go: from SYN to synced",
            "us: processor time of gateways and worker for a delivery, or for who comes and who goes; all at once: of "
            f"all over all deliveries, beside the sum of each alone; {rest.services:.3f} cores at rest are taken off",
            f"cores used when all is at once: {median(one.services for one in mixed):.2f} by gateways and worker, "
            f"{median(one.everything for one in mixed):.2f} with stores and generators",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Everything at once, beside each of it alone.")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each stretch")
    arguments = parser.parse_args()
    # At rest, and all once before; then in every round each kind, who come and go, and all at once.
    stretches = 2 + arguments.rounds * (len(KINDS) + 2)
    run(
        lambda platform: measure(platform, arguments.seconds, arguments.rounds),
        limit_seconds=SPARE_SECONDS + stretches * (arguments.seconds + 2 * WARM_SECONDS),
    )


if __name__ == "__main__":
    main()
