"""An autovacuum that takes hours is no obstacle to the upkeep, nor to a migration, whoever runs them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from causerie.store import migrate, partitions
from tests.support.stores import a_database_name, execute
from tests.support.waiting import eventually
from tests.support.writers import Writers

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=150)
PASSWORD = "for this test alone"
# One page at a time, and a rest after each: the vacuum of a few thousand rows takes longer than any test.
ENDLESS = (
    "SET (autovacuum_vacuum_insert_threshold = 1, autovacuum_vacuum_insert_scale_factor = 0,"
    " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
)


@pytest.fixture
async def plain_url(postgres_server: str, empty_database_url: str) -> AsyncIterator[str]:
    """A schema whose owner is an ordinary role, as in production: it may set nothing that the whole server feels."""
    role, name = a_database_name("owner"), empty_database_url.rpartition("/")[2]
    await execute(
        postgres_server,
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
        f"ALTER DATABASE {name} OWNER TO {role}",
        "ALTER SYSTEM SET autovacuum_naptime = '1s'",
        "SELECT pg_reload_conf()",
    )
    place = urlsplit(empty_database_url)
    url = urlunsplit(place._replace(netloc=f"{role}:{PASSWORD.replace(' ', '%20')}@{place.hostname}:{place.port}"))
    await migrate.up(url)
    yield url
    await execute(
        postgres_server,
        "ALTER SYSTEM RESET autovacuum_naptime",
        "SELECT pg_reload_conf()",
        f"ALTER DATABASE {name} OWNER TO CURRENT_USER",
    )
    await execute(empty_database_url, f"REASSIGN OWNED BY {role} TO CURRENT_USER", f"DROP OWNED BY {role}")
    await execute(postgres_server, f"DROP ROLE {role}")


async def under_vacuum(server: str, table: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await eventually(
            lambda: connection.fetchval(
                "SELECT true FROM pg_stat_progress_vacuum WHERE relid = to_regclass($1) AND pid IN"
                " (SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')",
                table,
            ),
            timeout_seconds=60,
            what=f"an autovacuum of {table}",
        )
    finally:
        await connection.close()


async def test_an_old_month_leaves_though_it_is_being_vacuumed_and_nobody_waits_for_it(
    plain_url: str, empty_database_url: str
) -> None:
    await partitions.ensure(plain_url, now=OLD, months_ahead=8, weeks_ahead=30)
    await execute(plain_url, f"ALTER TABLE messages_y2026m06 {ENDLESS}")
    await Writers(plain_url, lambda: NOW).fill(4_000, at=[OLD])
    writers = Writers(plain_url, lambda: NOW)
    await under_vacuum(empty_database_url, "messages_y2026m06")

    async with writers.at_work():
        done = await partitions.retain(plain_url, months=1, now=NOW, patience_seconds=8)

    assert "messages_y2026m06" in done.detached
    assert writers.failures == []
    assert writers.slowest_seconds < 1 + writers.bystander_seconds


async def test_a_filled_default_is_repaired_though_it_is_being_vacuumed(
    plain_url: str, empty_database_url: str
) -> None:
    await execute(plain_url, f"ALTER TABLE messages_default {ENDLESS}")
    writers = Writers(plain_url, lambda: NOW)
    await writers.fill(4_000, at=[NOW])
    await under_vacuum(empty_database_url, "messages_default")

    done = await asyncio.wait_for(partitions.ensure(plain_url, now=NOW, patience_seconds=8), 60)

    assert done.repaired["messages"] == 4_000
    await writers.verify()
