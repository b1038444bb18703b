"""The platform as one benchmark needs it: stores of its own on loopback, services as processes, all gone at the end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
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
            services = Services(environment, home)
            try:
                yield Stage(stores, services, home)
            finally:
                services.kill_all()


async def seed_groups(database_url: str, groups: int, size: int) -> list[tuple[UUID, list[str]]]:
    """Write groups with their members straight into the tables: a benchmark measures what comes after."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            rows = await connection.fetch(
                "INSERT INTO conversations (type, created_by, last_seq) "
                "SELECT 'group', 'g' || n || 'u0', 1 FROM generate_series(1, $1::int) n RETURNING id, created_by",
                groups,
            )
            seeded = [(row["id"], [row["created_by"][:-1] + str(place) for place in range(size)]) for row in rows]
            members = [(group, user) for group, users in seeded for user in users]
            ids, users = [group for group, _ in members], [user for _, user in members]
            await connection.execute(
                "INSERT INTO users (id, display_name) SELECT u, u FROM unnest($1::text[]) u", users
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


def run(measure: Callable[[Stage], Awaitable[Report]], *, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Run one benchmark on uvloop and publish its report; it is ended when it exceeds its time."""

    async def bounded() -> Report:
        async with asyncio.timeout(START_SECONDS + limit_seconds), stage() as platform:
            return await measure(platform)

    uvloop.run(bounded()).publish()
