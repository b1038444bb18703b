"""How many posts a second the store takes, at rising concurrency, beside what PostgreSQL does at the least.

The generator is in the same process and waits for each answer before it posts the next on that lane, so
concurrency is the number of posts in flight.  The floors write into a table of the width of `messages`
without keys, counters or log: one row a transaction on 16 connections, and 256 rows a statement on two.
"""

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from uuid import UUID

import asyncpg

from bench.report import Report
from bench.stage import PROSE, Stage, run, seed_groups
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import Draft
from causerie.store.store import Store

LEVELS = (1, 16, 128, 512, 2_048)
SECONDS = 2.0
"""Of each level in each round."""
ROUNDS = 3
WARM_UP_SECONDS = 1.0
CONVERSATIONS = 4_000
FLOOR_CONNECTIONS = 16
FLOOR_ROWS = 256


class Lanes:
    """A number of posts kept in flight; each answer sends the next of its lane, to another conversation."""

    def __init__(self, store: Store, groups: list[tuple[UUID, list[str]]], count: int, name: str) -> None:
        """`name` is in the key of every post, and nobody else's."""
        self._name = name
        self._store = store
        self._groups = groups
        self._count = count
        self._sent = 0
        self._stopping = False
        self._idle = asyncio.Event()
        self._running = count
        self.answered = 0
        self.errors = 0

    async def run(self) -> tuple[float, float]:
        """Posts a second, and the mean milliseconds of one."""
        for lane in range(self._count):
            self._post(lane)
        await asyncio.sleep(WARM_UP_SECONDS)
        before, began = self.answered, time.perf_counter()
        await asyncio.sleep(SECONDS)
        rate = (self.answered - before) / (time.perf_counter() - began)
        self._stopping = True
        await self._idle.wait()
        return rate, 1000.0 * self._count / rate

    def _post(self, lane: int) -> None:
        self._sent += 1
        group, users = self._groups[(lane + self._sent * self._count) % len(self._groups)]
        draft = Draft(ConversationId(group), UserId(users[0]), PROSE, client_id=f"{self._name}-{self._sent}")
        answer = self._store.posts.submit(draft)
        answer.add_done_callback(lambda done: self._answered(lane, done))

    def _answered(self, lane: int, done: asyncio.Future[object]) -> None:
        self.answered += 1
        if done.exception() is not None:
            self.errors += 1
        if not self._stopping:
            self._post(lane)
            return
        self._running -= 1
        if self._running == 0:
            self._idle.set()


async def floor(url: str, *, connections: int, rows: int) -> float:
    """Rows a second of plain inserts."""
    pool = await asyncpg.create_pool(url, min_size=connections, max_size=connections)
    written = 0

    async def insert(until: float) -> None:
        nonlocal written
        texts = [PROSE] * rows
        async with pool.acquire() as connection:
            while time.perf_counter() < until:
                await connection.execute(
                    "INSERT INTO bench_floor (conversation_id, seq, sender_id, type, content, metadata, created_at) "
                    "SELECT uuidv7(), 1, 'ann', 'text', t, '{}', now() FROM unnest($1::text[]) t",
                    texts,
                )
                written += rows

    await pool.execute(
        "CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY DEFAULT uuidv7(), conversation_id uuid NOT NULL, "
        "seq bigint NOT NULL, sender_id text NOT NULL, type text NOT NULL, content text NOT NULL, "
        "metadata jsonb NOT NULL, created_at timestamptz NOT NULL)"
    )
    began = time.perf_counter()
    await asyncio.gather(*(insert(began + SECONDS) for _ in range(connections)))
    rate = written / (time.perf_counter() - began)
    await pool.close()
    return rate


@dataclass(frozen=True)
class Level:
    """What came of one level in one round."""

    rate: float
    mean_ms: float
    rows_each: float
    errors: int


async def at(level: int, store: Store, groups: list[tuple[UUID, list[str]]], number: int) -> Level:
    lanes = Lanes(store, groups, level, f"{number}-{level}")
    batches = store.posts.batches
    rate, mean_ms = await lanes.run()
    return Level(rate, mean_ms, lanes.answered / max(1, store.posts.batches - batches), lanes.errors)


async def measure(platform: Stage) -> Report:
    url = platform.stores.database_url
    groups = await seed_groups(url, CONVERSATIONS, 2)
    store = await Store.connect(url, announce=lambda events: None)
    singles: list[float] = []
    manies: list[float] = []
    found: dict[int, list[Level]] = {level: [] for level in LEVELS}
    for number in range(ROUNDS):
        singles.append(await floor(url, connections=FLOOR_CONNECTIONS, rows=1))
        manies.append(await floor(url, connections=2, rows=FLOOR_ROWS))
        for level in LEVELS:
            found[level].append(await at(level, store, groups, number))
    await store.close()
    single, many = median(singles), median(manies)
    rows: list[tuple[str, float, float, float, int]] = [
        (
            f"post, {level} in flight",
            median(one.rate for one in rounds),
            median(one.mean_ms for one in rounds),
            median(one.rows_each for one in rounds),
            sum(one.errors for one in rounds),
        )
        for level, rounds in found.items()
    ]
    best = max(row[1] for row in rows)
    return Report(
        "store_posts",
        "posts per second in the store, PostgreSQL on the same machine",
        ("what", "per second", "mean ms", "rows per commit", "errors"),
        [
            (f"floor: one row per transaction, {FLOOR_CONNECTIONS} connections", single, 1000.0 * 16 / single, 1.0, 0),
            (f"floor: {FLOOR_ROWS} rows per statement, 2 connections", many, 2000.0 * FLOOR_ROWS / many, 256.0, 0),
            *rows,
        ],
        notes=(
            f"medians of {ROUNDS} rounds in which everything has its turn for {SECONDS:g} s",
            f"budget: >= 15,000/s; best {best:,.0f}/s, {best / single:.1f} times one row per transaction, "
            f"{best / many:.2f} of the multi-row floor (a post writes key, message, event, head and read mark)",
        ),
    )


if __name__ == "__main__":
    run(measure)
