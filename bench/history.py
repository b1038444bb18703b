"""A page of fifty messages at the API: from Redis, from PostgreSQL, beside the cheapest answer it has.

One connection asks one question after another, so a figure is the time of an answer and not of a queue.
`GET /health` is the floor: the same server, the same client, nothing read.  The three are asked by turns.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from bench.people import Meter, Used
from bench.report import Cell, Report, percentile
from bench.stage import PROSE, Stage, run, seed_groups
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import Draft
from causerie.store.store import Store

MESSAGES = 1_000
SECONDS = 2.0
"""Of each kind in each round."""
ROUNDS = 3
WARM_UP_REQUESTS = 100
PARTS = ("µs CPU: API", "Redis", "PostgreSQL")


class Asker:
    """One kept-alive connection that sends a prepared request and reads the whole answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Asker":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[bytes, int]:
        """The head of the answer and the bytes of its body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1"))
        return head, length


def a_get(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


@dataclass(frozen=True)
class Answers:
    """Sorted seconds of each, the bytes of the last, the share that said it came from the cache, and what all used."""

    took: Sequence[float]
    size: int
    hits: float
    used: Used

    @property
    def p50(self) -> float:
        return percentile(self.took, 0.5)

    def cost(self, part: str) -> float:
        """Microseconds of processor for an answer."""
        return 1e6 * self.used.of(part) / len(self.took)


def row_of(what: str, rounds: Sequence[Answers], floors: Sequence[float]) -> tuple[Cell, ...]:
    """`floors` are those of the same rounds."""
    return (
        what,
        1000 * median(answers.p50 for answers in rounds),
        1000 * median(percentile(answers.took, 0.99) for answers in rounds),
        median(answers.p50 / floor for answers, floor in zip(rounds, floors, strict=True)),
        *(median(answers.cost(part) for answers in rounds) for part in ("api", "redis and nats", "postgres")),
        f"{median(answers.hits for answers in rounds):.0%}",
        rounds[-1].size,
        sum(len(answers.took) for answers in rounds),
    )


async def timed(asker: Asker, requests: list[bytes], meter: Meter) -> Answers:
    size = 0
    for place in range(WARM_UP_REQUESTS):
        await asker.ask(requests[place % len(requests)])
    took: list[float] = []
    hits = 0
    meter.edge()
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        began = time.perf_counter()
        head, size = await asker.ask(requests[len(took) % len(requests)])
        took.append(time.perf_counter() - began)
        hits += b"x-cache: hit" in head.lower()
    meter.edge()
    return Answers(sorted(took), size, hits / len(took), meter.used)


async def seed(platform: Stage) -> tuple[UUID, list[str]]:
    """One conversation of a thousand messages, and who is in it."""
    [(group, users)] = await seed_groups(platform.stores.database_url, 1, 2)
    store = await Store.connect(platform.stores.database_url, announce=lambda events: None)
    for _ in range(MESSAGES // 100):
        drafts = [Draft(ConversationId(group), UserId(users[n % 2]), PROSE) for n in range(100)]
        await asyncio.gather(*map(store.posts.submit, drafts))
    await store.close()
    return group, users


def pages(group: UUID, token: str) -> tuple[bytes, list[bytes]]:
    """The newest page, and older ones: those are not kept in Redis; each is another so that none is special."""
    path = f"/v1/conversations/{group}/messages?limit=50"
    return a_get(path, token), [a_get(f"{path}&before_seq={seq}", token) for seq in range(300, 700, 7)]


async def measure(platform: Stage) -> Report:
    group, users = await seed(platform)
    api = await platform.services.start("api")
    asker, meter = await Asker.connect(api.port), Meter(api=[api])
    token = platform.token(users[0])
    newest, older = pages(group, token)
    kinds = {
        "GET /health (floor)": [a_get("/health", token)],
        "newest 50, from the cache": [newest],
        "an older 50, from PostgreSQL": older,
    }
    rounds = [{what: await timed(asker, requests, meter) for what, requests in kinds.items()} for _ in range(ROUNDS)]
    floors = [measured["GET /health (floor)"].p50 for measured in rounds]
    rows = [row_of(what, [measured[what] for measured in rounds], floors) for what in kinds]
    return Report(
        "history",
        f"a page of 50 messages of 200 B at the API, conversation of {MESSAGES:,}",
        ("what", "p50 ms", "p99 ms", "p50 / floor", *PARTS, "X-Cache: hit", "body bytes", "answers"),
        rows,
        notes=(
            f"medians of {ROUNDS} rounds of {SECONDS:g} s, by turns",
            "budget: p50 <= 3 ms from the cache, <= 10 ms from PostgreSQL",
            "µs CPU: for each answer, of the API, of Redis and NATS, and of PostgreSQL",
        ),
    )


if __name__ == "__main__":
    run(measure)
