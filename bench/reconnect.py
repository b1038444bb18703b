"""Everybody is reset at once and comes back: how long until all are synced, what it asks of PostgreSQL, who notices.

    python -m bench.reconnect --clients 10000 --window 15

Every client of two gateways loses its connection by a reset in the same moment, waits a random share of the jitter
window as our own clients do, connects, authenticates and asks `sync` from its own cursor; a gateway that is asked by
too many answers 503 with a time, and the pace of handshakes stays as it is set by default.  Statements are counted on
their way from the gateways to PostgreSQL, by a relay.  Meanwhile others, on the same gateways, go on talking.
"""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bench.generator import Returned, Talked, swarm
from bench.people import ROOM, WELCOME, Meter, author, clients, reader, speech, values
from bench.report import Cell, Report
from bench.stage import PROSE, Stage, run, seed
from causerie.settings import GatewaySettings
from tests.support.relay import Relay
from tests.support.statements import Statements

GATEWAYS = 2
FIRST_RATE = 800.0
"""A second over both gateways: below their pace, so that nobody has to come twice at first."""
TALKERS = 100
BUDGET_SECONDS = 30.0
BUDGET_STATEMENTS = 3
PATIENCE_SECONDS = 10.0
SETTLE_SECONDS = 2.0
LIMIT_SECONDS = 280.0

SYNCED = '{"id":2,"ok":true'
FIRST = ((WELCOME, '{"id":2,"op":"sync"}'), (SYNCED, ""))
AGAIN = ((WELCOME, '{"id":2,"op":"sync","cursor":"%k"}'), (SYNCED, ""))


@dataclass(frozen=True)
class Told:
    """What one stretch of talking was like, and what the gateways asked of PostgreSQL meanwhile."""

    talked: Talked
    statements: int
    seconds: float


@contextlib.asynccontextmanager
async def counted(url: str) -> AsyncIterator[tuple[str, Statements]]:
    """A way to PostgreSQL on which statements are counted."""
    relay = Relay(url)
    statements = Statements(relay)
    await relay.start()
    try:
        yield relay.url, statements
    finally:
        await relay.cut()


async def measure(platform: Stage, arguments: argparse.Namespace) -> Report:
    count, window = arguments.clients, arguments.window
    url = platform.stores.database_url
    direct = await seed(url, "direct", [(author(n), reader(n)) for n in range(TALKERS)])
    # Everybody of the herd has a conversation with his neighbour: a sync has something to look at.
    herd = [f"herd{n}" for n in range(count)]
    await seed(url, "direct", [tuple(herd[n : n + 2]) for n in range(0, count - 1, 2)])
    lines = values(platform, "herd", [(user, []) for user in herd])
    speakers = values(platform, "authors", [(author(n), [direct[n]]) for n in range(TALKERS)])
    listeners = values(platform, "readers", [(reader(n), []) for n in range(TALKERS)])
    pace = arguments.pace
    async with contextlib.AsyncExitStack() as stack:
        relayed, statements = await stack.enter_async_context(counted(url))
        settings = ROOM | {"CAUSERIE_HANDSHAKES_PER_SECOND": str(pace), "DATABASE_URL": relayed}
        gateways = [await platform.services.start("gateway", port=None, **settings) for _ in range(GATEWAYS)]
        workers = [await platform.services.start("worker")]
        ports = [gateway.port for gateway in gateways]
        meter = Meter(gateways=gateways, workers=workers)
        crowd = await stack.enter_async_context(swarm(0, core=None))
        others = await stack.enter_async_context(swarm(1, core=None))
        await others.connect("authors", clients(speakers, talking=True), ports, TALKERS, rate=200.0)
        await others.connect("readers", clients(listeners), ports[::-1], TALKERS, rate=200.0)
        came = await crowd.connect(
            "herd", clients(lines, script=FIRST), ports, count, rate=min(FIRST_RATE, 0.8 * GATEWAYS * pace)
        )
        if came.ready < count:
            raise SystemExit(f"only {came.ready:,} of {count:,} connected: {came.trouble}")
        await asyncio.sleep(SETTLE_SECONDS)

        async def talk(seconds: float) -> Talked:
            await others.reset()
            text = speech(PROSE[:100])
            return await others.talk(
                "authors", "readers", text, seconds=seconds, warm_seconds=0.0, rate=arguments.rate, in_flight=TALKERS
            )

        loop = asyncio.get_running_loop()
        rows: list[tuple[Cell, ...]] = []
        notes: list[str] = []
        lost = 0
        for _ in range(arguments.rounds):
            counted_before = statements.count
            before = await talk(arguments.before)
            usual = (statements.count - counted_before) / arguments.before

            meter.edge()
            counted_before = statements.count
            began = loop.time()
            talking = asyncio.create_task(talk(window + arguments.after))
            back = await crowd.again("herd", AGAIN, window_seconds=window, limit_seconds=window + 2 * BUDGET_SECONDS)
            asked, elapsed = statements.count - counted_before, loop.time() - began
            meter.edge()
            during = await talking
            lost, lost_before = (await crowd.report())["groups"]["herd"]["closed"], lost
            rows += [
                _row_of_herd(back, lost - lost_before, max(0.0, asked - usual * elapsed), asked),
                _row("others before", before),
                _row("others during it", during),
            ]
            notes += [
                f"statements of the others: {usual:.0f} a second; troubled: {back.trouble or 'none'}; cores used "
                f"meanwhile: {meter.used.shares(elapsed)}; delivered to the others before {_told(before)}, during it "
                f"{_told(during)}"
            ]
            print(f"{back.back:,} of {count:,} back in {back.seconds:.1f} s", flush=True)
    return Report(
        "reconnect",
        f"{count:,} clients of {GATEWAYS} gateways come back within a jitter window of {window:g} s",
        COLUMNS,
        rows,
        notes=(
            f"budget: all back within {window + BUDGET_SECONDS:g} s, <= {BUDGET_STATEMENTS} statements each; "
            f"a gateway takes {pace} handshakes a second",
            "statements: all on the wire from the gateways to PostgreSQL, BEGIN and COMMIT too; those of the others "
            "are taken off in the first of the two columns",
            "postponed: told to come later by a 503; troubled: other failures",
            f"the others: {arguments.rate:g} sends a second from {TALKERS} people",
            *notes,
        ),
    )


def _row_of_herd(back: Returned, lost: int, by_herd: float, asked: int) -> tuple[Cell, ...]:
    """`lost` were cut off again; of the statements `asked` meanwhile so many are `by_herd`."""
    away = back.wanted - back.back
    return (
        f"{back.wanted:,} reset at once",
        back.back,
        back.seconds,
        back.returned.p50_ms / 1000,
        back.returned.p99_ms / 1000,
        back.postponed,
        back.troubled,
        by_herd / back.wanted,
        asked / back.wanted,
        f"NO: {away} away, {lost} lost: {back.trouble}" if away or lost else "yes",
    )


def _row(what: str, talked: Talked) -> tuple[Cell, ...]:
    arrived = talked.arrived
    troubles = f"{talked.refused} refused, {talked.closed} closed, {talked.unanswered} unanswered"
    return (
        what,
        talked.accepted,
        talked.seconds,
        arrived.p50_ms / 1000,
        arrived.p99_ms / 1000,
        talked.refused,
        talked.closed,
        "–",
        "–",
        "yes" if talked.is_whole else f"NO: {troubles}; {talked.delivered} of {talked.expected} delivered",
    )


def _told(talked: Talked) -> str:
    return f"delivered p50 {talked.arrived.p50_ms:.1f}, p99 {talked.arrived.p99_ms:.1f} ms"


COLUMNS = (
    "who",
    "back, or sent",
    "seconds",
    "p50 s",
    "p99 s",
    "postponed, or refused",
    "troubled, or closed",
    "statements each",
    "with the others'",
    "whole",
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Everybody is reset at once and comes back.")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--window", type=float, default=8.0, help="seconds over which clients spread their return")
    parser.add_argument("--rate", type=float, default=50.0, help="sends a second of the others")
    parser.add_argument("--rounds", type=int, default=3, help="how often all are reset")
    parser.add_argument("--before", type=float, default=6.0, help="seconds the others are watched before")
    parser.add_argument("--after", type=float, default=12.0, help="seconds the others are watched beyond the window")
    parser.add_argument(
        "--pace", type=int, default=GatewaySettings().handshakes_per_second, help="handshakes a second of each gateway"
    )
    arguments = parser.parse_args()
    run(lambda platform: measure(platform, arguments), limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    main()
