"""End to end into one channel: from a member's frame to the socket of every subscriber, everything on this machine.

    python -m bench.channel --members 1000
    python -m bench.channel --members 50000 --gateways 4 --rates 2 4 --bursts 1

At a steady rate, which waits for nobody, it is seen how long a message takes; in a closed loop, where the next burst
leaves when all but a few have been read by everybody, how many deliveries a second there are.  Members beyond what
one process may hold are split over several gateways and generators; the first generator's are those that are timed.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from uuid import UUID

from bench.generator import Swarm, swarm
from bench.people import ROOM, WELCOME, Meter, clients, reader, values
from bench.report import Cell, Report
from bench.servers.server import PAYLOAD
from bench.stage import Stage, run, seed

BUDGET = 150_000
DEFAULT_MEMBERS = 1_000
LIMIT_SECONDS = 240.0
EACH_GENERATOR = 17_000
"""Connections of one process, with files left for other things."""
AUTHOR = "author"
CONNECTS_PER_SECOND = 2_000.0
SETTLE_SECONDS = 1.5
QUIET_SECONDS = 10.0
COLUMNS = (
    "load",
    "deliveries/s",
    "messages/s",
    "delivered",
    "expected",
    "whole",
    "p50 ms",
    "p99 ms",
    "max ms",
    "gateways",
    "us per delivery",
)


def shares_of(members: int) -> list[int]:
    """How many members each generator plays."""
    count = -(-members // EACH_GENERATOR)
    return [members // count + (n < members % count) for n in range(count)]


def sentence(channel: UUID) -> str:
    return f'{{"id":1%n,"op":"send","conversation_id":"{channel}","client_id":"channel-%n","content":"{PAYLOAD}"}}'


class Channel:
    """The subscribers as their generators see them."""

    def __init__(self, generators: Sequence[Swarm], members: int, meter: Meter) -> None:
        self._generators = generators
        self._members = members
        self._meter = meter

    async def delivered(self) -> tuple[int, dict[str, float], str]:
        """What all of them got since the last reset, how long the timed ones waited, and what went wrong."""
        reports = await asyncio.gather(*(generator.report() for generator in self._generators))
        seen = sum(report["groups"]["readers"]["deliveries"] for report in reports)
        groups = [group for report in reports for group in report["groups"].values()]
        trouble = next((group["trouble"] for group in groups if group["trouble"]), "")
        return seen, reports[0]["latency"], trouble

    async def reset(self) -> None:
        await asyncio.gather(*(generator.reset() for generator in self._generators))

    async def until(self, expected: int) -> tuple[int, dict[str, float], str]:
        """Wait until everything has arrived or nothing more does."""
        loop = asyncio.get_running_loop()
        moved_at, last = loop.time(), -1
        while True:
            seen, latency, trouble = await self.delivered()
            if seen != last:
                moved_at, last = loop.time(), seen
            if seen >= expected or loop.time() > moved_at + QUIET_SECONDS:
                return seen, latency, trouble
            await asyncio.sleep(0.05)

    async def steady(self, text: str, rate: float, seconds: float) -> list[Cell]:
        await self.reset()
        count = max(1, round(rate * seconds))
        loop = asyncio.get_running_loop()
        self._meter.edge()
        began = loop.time()
        await self._generators[0].send("author", text, rate=rate, count=count)
        expected = count * self._members
        seen, latency, trouble = await self.until(expected)
        elapsed = loop.time() - began
        self._meter.edge()
        return self._row(f"{rate:g} a second", seen, expected, elapsed, trouble, latency)

    async def flood(self, text: str, burst: int, window: int, seconds: float) -> list[Cell]:
        """The closed loop looks at the first generator's members; the others' are waited for at the end."""
        await self.reset()
        loop = asyncio.get_running_loop()
        self._meter.edge()
        began = loop.time()
        pumped = await self._generators[0].pump(
            "author", "readers", text, copies=burst, messages=burst, window=window, seconds=seconds, warm_seconds=0.0
        )
        expected = pumped.bursts * burst * self._members
        seen, _, trouble = await self.until(expected)
        elapsed = loop.time() - began
        self._meter.edge()
        load = f"{burst} at once, closed loop"
        return self._row(load, seen, expected, elapsed, trouble, asdict(pumped.latency))

    def _row(
        self, load: str, seen: int, expected: int, seconds: float, trouble: str, latency: dict[str, float]
    ) -> list[Cell]:
        used = self._meter.used.of("gateways")
        return [
            load,
            seen / seconds,
            seen / self._members / seconds,
            seen,
            expected,
            "yes" if seen == expected and not trouble else f"NO {trouble}",
            latency["p50_ms"],
            latency["p99_ms"],
            latency["max_ms"],
            used / seconds,
            1e6 * used / max(1, seen),
        ]


async def measure(platform: Stage, arguments: argparse.Namespace) -> Report:
    members = arguments.members
    everybody = [AUTHOR, *map(reader, range(members))]
    (channel,) = await seed(platform.stores.database_url, "channel", [everybody])
    lines = values(platform, "readers", [(reader(n), []) for n in range(members)])
    subscribe = f'{{"id":1,"op":"subscribe","conversation_id":"{channel}"}}'
    following = clients(lines, script=[(WELCOME, subscribe), ('{"id":1,"ok":true', "")])
    publisher = replace(clients(values(platform, "author", [(AUTHOR, [])])), counted='{"id":1', failing='"ok":false')
    gateways = [await platform.services.start("gateway", port=None, **ROOM) for _ in range(arguments.gateways)]
    workers = [await platform.services.start("worker")]
    ports = [gateway.port for gateway in gateways]
    meter = Meter(gateways=gateways, workers=workers)
    rows: list[Sequence[Cell]] = []
    async with contextlib.AsyncExitStack() as stack:
        shares = shares_of(members)
        generators = [await stack.enter_async_context(swarm(n, core=None)) for n in range(len(shares))]
        await generators[0].connect("author", publisher, ports[:1], 1)
        rate = CONNECTS_PER_SECOND / len(shares)
        arrived = await asyncio.gather(
            *(
                generator.connect("readers", following, ports, share, rate=rate, first_value=sum(shares[:n]))
                for n, (generator, share) in enumerate(zip(generators, shares, strict=True))
            ),
        )
        if lost := members - sum(one.ready for one in arrived):
            trouble = next((one.trouble for one in arrived if one.trouble), "")
            raise SystemExit(f"{lost:,} of {members:,} did not connect: {trouble}")
        await asyncio.sleep(SETTLE_SECONDS)
        subscribers = Channel(generators, members, meter)
        text = sentence(channel)
        for _ in range(arguments.rounds):
            rows += [await subscribers.steady(text, rate, arguments.seconds) for rate in arguments.rates]
            rows += [
                await subscribers.flood(text, burst, arguments.window, arguments.seconds) for burst in arguments.bursts
            ]
    return Report(
        "channel" if members == DEFAULT_MEMBERS else f"channel_{members}",
        f"one channel of {members:,} subscribers over {len(gateways)} gateways, all on this machine",
        COLUMNS,
        rows,
        notes=(
            f"budget at 1,000 members: >= {BUDGET:,} deliveries/s; whole: every message reached every subscriber once",
            f"all of them connected and subscribed in {max(one.seconds for one in arrived):.1f} s",
            "a message is timed from the author's frame to a subscriber's socket",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="One channel, end to end.")
    parser.add_argument("--members", type=int, default=DEFAULT_MEMBERS)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--rates", type=float, nargs="*", default=[100.0, 150.0], help="messages a second")
    parser.add_argument("--bursts", type=int, nargs="*", default=[1, 4, 16], help="messages at once, in a closed loop")
    parser.add_argument("--window", type=int, default=6, help="bursts under way")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    most = 20_000 * arguments.gateways
    if arguments.members >= most:
        parser.error(f"{arguments.gateways} gateways have room for {most:,} connections")
    run(lambda platform: measure(platform, arguments), limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    main()
