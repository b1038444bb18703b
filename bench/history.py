"""A page of fifty messages at the API: from Redis, from PostgreSQL, beside the cheapest answer it has.

One connection asks one question after another, so a figure is the time of an answer and not of a queue.
`GET /health` is the floor: the same server, the same client, nothing read.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bench.people import Meter, Used
from bench.report import Report, percentile
from bench.stage import PROSE, Stage, run, seed_groups
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import Draft
from causerie.store.store import Store

MESSAGES = 1_000
SECONDS = 6.0
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

    def cost(self, part: str) -> float:
        """Microseconds of processor for an answer."""
        return 1e6 * self.used.of(part) / len(self.took)


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
    measured = {
        "GET /health (floor)": await timed(asker, [a_get("/health", token)], meter),
        "newest 50, from the cache": await timed(asker, [newest], meter),
        "an older 50, from PostgreSQL": await timed(asker, older, meter),
    }
    floor = percentile(measured["GET /health (floor)"].took, 0.5)
    rows = [
        (
            what,
            1000 * percentile(answers.took, 0.5),
            1000 * percentile(answers.took, 0.99),
            percentile(answers.took, 0.5) / floor,
            answers.cost("api"),
            answers.cost("redis and nats"),
            answers.cost("postgres"),
            f"{answers.hits:.0%}",
            answers.size,
            len(answers.took),
        )
        for what, answers in measured.items()
    ]
    return Report(
        "history",
        f"a page of 50 messages of 200 B at the API, conversation of {MESSAGES:,}",
        ("what", "p50 ms", "p99 ms", "p50 / floor", *PARTS, "X-Cache: hit", "body bytes", "answers"),
        rows,
        notes=(
            "budget: p50 <= 3 ms from the cache, <= 10 ms from PostgreSQL",
            "µs CPU: for each answer, of the API, of Redis and NATS, and of PostgreSQL",
        ),
    )


if __name__ == "__main__":
    run(measure)
