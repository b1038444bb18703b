"""The platform as one benchmark needs it: stores of its own on loopback, services as processes, all gone at the end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import uvloop

from bench.report import Report
from causerie.domain.ids import UserId
from causerie.embedded import EmbeddedStores
from causerie.store import migrate, partitions
from causerie.tokens import issue
from tests.support.services import Services
from tests.support.stores import temporary_home

SECRET = secrets.token_urlsafe(32)
LIMIT_SECONDS = 60.0
"""No benchmark runs longer unless it says so, however badly it goes; starting the stores comes on top."""
START_SECONDS = 60.0

PROSE = (
    "The kettle is on and the kitchen is full of people who have not seen each other since spring, "
    "so nobody minds that the cake is late; ann says the train stood for an hour outside the town again."
)
"""200 bytes of text as people write it."""

# A user's own limits are for people; a generator stands for many of them.
UNLIMITED = {
    "CAUSERIE_HANDSHAKES_PER_SECOND": "1000000",
    "CAUSERIE_SENDS_PER_SECOND": "1000000",
    "CAUSERIE_SENDS_BURST": "1000000",
    "CAUSERIE_REQUESTS_PER_SECOND": "1000000",
}


class Stage:
    """Migrated stores, and services started on demand."""

    def __init__(self, stores: EmbeddedStores, services: Services, home: Path) -> None:
        self.stores = stores
        self.services = services
        self.home = home

    def token(self, user: str) -> str:
        return issue(SECRET, UserId(user), ttl_seconds=3600)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Start the stores in a temporary folder and migrate them."""
    with temporary_home() as home:
        async with EmbeddedStores(home) as stores:
            await migrate.up(stores.database_url)
            await partitions.ensure(stores.database_url, months_ahead=3)
            environment = stores.environment() | {"CAUSERIE_JWT_SECRET": SECRET, "LOG_LEVEL": "warning"} | UNLIMITED
            with Services(environment, home) as services:
                yield Stage(stores, services, home)


async def seed(database_url: str, kind: str, conversations: Sequence[Sequence[str]]) -> list[UUID]:
    """Write conversations with these members straight into the tables; the first of each has opened it.

    A benchmark measures what comes after.
    """
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            rows = await connection.fetch(
                "INSERT INTO conversations (type, created_by, last_seq, name) "
                "SELECT $1, u, 1, CASE WHEN $1 = 'channel' THEN u END FROM unnest($2::text[]) WITH ORDINALITY m (u, n) "
                "ORDER BY n RETURNING id",
                kind,
                [members[0] for members in conversations],
            )
            seeded: list[UUID] = [row["id"] for row in rows]
            pairs = [(one, user) for one, users in zip(seeded, conversations, strict=True) for user in users]
            ids, users = [one for one, _ in pairs], [user for _, user in pairs]
            await connection.execute(
                "INSERT INTO users (id, display_name) SELECT DISTINCT u, u FROM unnest($1::text[]) u "
                "ON CONFLICT DO NOTHING",
                users,
            )
            await connection.execute(
                "INSERT INTO conversation_participants (conversation_id, user_id, joined_seq) "
                "SELECT c, u, 1 FROM unnest($1::uuid[], $2::text[]) m (c, u)",
                ids,
                users,
            )
            await connection.execute(
                "INSERT INTO read_horizons (conversation_id, user_id, seq, number) "
                "SELECT c, u, 1, 0 FROM unnest($1::uuid[], $2::text[]) m (c, u)",
                ids,
                users,
            )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return seeded


async def seed_groups(database_url: str, groups: int, size: int) -> list[tuple[UUID, list[str]]]:
    """Groups of people who are in no other."""
    members = [[f"g{number}u{place}" for place in range(size)] for number in range(1, groups + 1)]
    return list(zip(await seed(database_url, "group", members), members, strict=True))


def run(measure: Callable[[Stage], Awaitable[Report]], *, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Run one benchmark on uvloop and publish its report; it is ended when it exceeds its time."""

    async def bounded() -> Report:
        async with asyncio.timeout(START_SECONDS + limit_seconds), stage() as platform:
            return await measure(platform)

    uvloop.run(bounded()).publish()
