"""Partitions are made ahead, kept as told, reported; at a moved clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest

from causerie.store import ddl, migrate, partitions
from causerie.store.ddl import SchemaError
from tests.support.catalogue import schema_of
from tests.support.stores import execute
from tests.support.waiting import eventually
from tests.support.writers import Writers

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)


@pytest.fixture
async def url(empty_database_url: str) -> str:
    """A schema without a single partition but the defaults."""
    await migrate.up(empty_database_url)
    return empty_database_url


async def attached(url: str, table: str) -> dict[str, str]:
    """The partitions of a table and their bounds."""
    connection = await asyncpg.connect(url, server_settings={"timezone": "UTC"})
    rows = await connection.fetch(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = $1::text::regclass ORDER BY 1",
        table,
    )
    await connection.close()
    return dict(rows)


async def one(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


# ensure


async def test_the_current_period_and_those_ahead_are_made(url: str) -> None:
    done = await partitions.ensure(url, months_ahead=3, weeks_ahead=2, now=NOW)

    assert list(await attached(url, "messages")) == [
        "messages_default",
        "messages_y2026m11",
        "messages_y2026m12",
        "messages_y2027m01",
        "messages_y2027m02",
    ]
    assert (await attached(url, "events"))["events_y2026m12"] == (
        "FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')"
    )
    weeks = await attached(url, "send_keys")
    assert weeks["send_keys_y2026w47"] == "FOR VALUES FROM ('2026-11-16') TO ('2026-11-23')"
    assert len(done.created) == 4 + 4 + 3


async def test_a_second_run_changes_nothing(url: str) -> None:
    await partitions.ensure(url, now=NOW)
    before = await schema_of(url)

    assert await partitions.ensure(url, now=NOW) == partitions.Ensured()
    assert await schema_of(url) == before


async def test_two_runs_at_once_make_each_partition_once(url: str) -> None:
    first, second = await asyncio.gather(partitions.ensure(url, now=NOW), partitions.ensure(url, now=NOW))

    assert not set(first.created) & set(second.created)
    assert len(first.created) + len(second.created) == 11


async def test_a_partition_is_what_partition_of_would_have_made(url: str) -> None:
    await partitions.ensure(url, now=NOW)
    made = [line for line in await schema_of(url) if "2026m11" in line and not line.startswith("relation")]
    await execute(
        url,
        "DROP TABLE messages_y2026m11, events_y2026m11",
        "CREATE TABLE messages_y2026m11 PARTITION OF messages"
        " FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')",
        "CREATE TABLE events_y2026m11 PARTITION OF events"
        " FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')",
    )

    assert made == [line for line in await schema_of(url) if "2026m11" in line and not line.startswith("relation")]


async def test_partitions_are_vacuumed_and_frozen_by_inserts(url: str) -> None:
    await partitions.ensure(url, now=NOW)

    for name in ("messages_y2026m11", "events_y2026m11", "send_keys_y2026w47"):
        options = await one(url, f"SELECT reloptions FROM pg_class WHERE relname = '{name}'")
        assert "autovacuum_freeze_min_age=0" in options  # type: ignore[operator]
        assert "autovacuum_vacuum_insert_scale_factor=0" in options  # type: ignore[operator]


async def test_bounds_are_read_from_the_catalogue_whatever_names_and_time_zone_say(url: str) -> None:
    name = await one(url, "SELECT current_database()")
    await execute(
        url,
        f"ALTER DATABASE {name} SET timezone = 'America/New_York'",
        f"ALTER DATABASE {name} SET datestyle = 'SQL, DMY'",
        "CREATE TABLE autumn PARTITION OF messages FOR VALUES FROM (MINVALUE) TO ('2027-01-01 00:00:00+00')",
    )

    done = await partitions.ensure(url, now=NOW, months_ahead=2)

    assert [made for made in done.created if made.startswith("messages")] == ["messages_y2027m01"]
    assert await partitions.ensure(url, now=NOW, months_ahead=2) == partitions.Ensured()


async def test_a_partition_that_covers_half_a_month_is_told(url: str) -> None:
    await execute(url, "CREATE TABLE half PARTITION OF messages FOR VALUES FROM ('2026-11-10') TO ('2026-11-20')")

    with pytest.raises(SchemaError, match="half covers only a part of y2026m11 of messages"):
        await partitions.ensure(url, now=NOW)


async def test_a_table_of_somebody_else_is_never_attached(url: str) -> None:
    await execute(url, "CREATE TABLE messages_y2026m12 (LIKE messages)")

    with pytest.raises(SchemaError, match="messages_y2026m12 exists but is no partition of messages"):
        await partitions.ensure(url, now=NOW)


async def test_a_default_that_was_taken_away_is_given_back(url: str) -> None:
    await execute(url, "DROP TABLE events_default")

    await partitions.ensure(url, now=NOW)

    assert "events_default" in await attached(url, "events")


async def test_without_a_schema_the_command_to_run_is_named(empty_database_url: str) -> None:
    for run in (
        partitions.ensure(empty_database_url),
        partitions.retain(empty_database_url, months=12),
        partitions.check(empty_database_url),
    ):
        with pytest.raises(SchemaError, match="causerie migrate up"):
            await run


# the default partition


async def test_rows_in_the_default_come_to_partitions_of_their_own(url: str) -> None:
    writers = Writers(url, clock=lambda: NOW)
    await writers.fill(5_000, at=[datetime(2025, 2, 28, 23, tzinfo=UTC), NOW - timedelta(days=40), NOW, DECEMBER])

    done = await partitions.ensure(url, now=NOW)

    assert done.repaired == {"messages": 5_000, "events": 5_000, "send_keys": 5_000}
    assert {"messages_y2025m02", "messages_y2026m10", "messages_y2026m11", "messages_y2027m02"} < set(
        await attached(url, "messages")
    )
    assert not (await partitions.check(url, now=NOW)).short
    await writers.verify()
    assert await partitions.ensure(url, now=NOW) == partitions.Ensured()


async def test_log_positions_survive_a_repair(url: str) -> None:
    writers = Writers(url, clock=lambda: NOW)
    await writers.fill(100, at=[NOW])
    query = "SELECT md5(string_agg(events::text, ';' ORDER BY conversation_id, seq)) FROM events"
    before = await one(url, query)

    await partitions.ensure(url, now=NOW)

    assert await one(url, query) == before


async def test_a_repaired_default_is_kept_until_a_later_run_drops_it(url: str) -> None:
    await Writers(url, clock=lambda: NOW).fill(10, at=[NOW])
    await partitions.ensure(url, now=NOW)

    (kept,) = (await partitions.check(url, now=NOW)).tables[0].awaiting_drop
    done = await partitions.retain(url, months=12, now=NOW)

    assert kept.startswith("messages_default_emptied_")
    assert kept in done.dropped
    assert await one(url, f"SELECT to_regclass('{kept}')") is None
    assert await one(url, "SELECT count(*) FROM messages") == 10


async def test_what_a_killed_repair_left_is_cleared_by_the_next(url: str) -> None:
    writers = Writers(url, clock=lambda: NOW)
    await writers.fill(20_000, at=[NOW])
    run = asyncio.create_task(partitions.ensure(url, now=NOW))
    while await one(url, "SELECT to_regclass('messages_repairing_y2026m11')") is None:
        assert not run.done()
    await execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    with pytest.raises(SchemaError):
        await run
    assert await one(url, "SELECT to_regclass('messages_repair_log')") is not None

    await partitions.ensure(url, now=NOW)

    ours = [line for line in await schema_of(url) if line.startswith(("relation", "trigger", "function"))]
    assert not any("repair" in line for line in ours)
    await writers.verify()


# retain


async def test_old_partitions_are_detached_by_one_run_and_dropped_by_the_next(url: str) -> None:
    await partitions.ensure(url, now=datetime(2026, 6, 15, tzinfo=UTC), months_ahead=5, weeks_ahead=23)
    await Writers(url, clock=lambda: NOW).fill(8, at=[datetime(2026, 7, 1, tzinfo=UTC), NOW])

    first = await partitions.retain(url, months=4, event_months=2, now=NOW)

    assert [name for name in first.detached if not name.startswith("send_keys")] == [
        "messages_y2026m06",
        "events_y2026m06",
        "events_y2026m07",
        "events_y2026m08",
    ]
    assert list(await attached(url, "send_keys"))[:2] == ["send_keys_default", "send_keys_y2026w46"]
    assert first.dropped == []
    assert await one(url, "SELECT count(*) FROM events_y2026m07") == 4

    second = await partitions.retain(url, months=4, event_months=2, now=NOW)

    assert second.detached == []
    assert sorted(second.dropped) == sorted(first.detached)
    assert await one(url, "SELECT to_regclass('events_y2026m07')") is None


async def test_a_failed_run_that_is_tried_again_soon_drops_nothing_yet(url: str) -> None:
    await partitions.ensure(url, now=datetime(2026, 6, 15, tzinfo=UTC))
    night = partial(partitions.retain, url, months=1, now=NOW, drop_after=timedelta(hours=12))
    first = await night()

    again = await night()
    await execute(url, f"COMMENT ON TABLE messages_y2026m06 IS 'causerie: detached at {NOW - timedelta(days=9000)}'")
    tomorrow = await night()

    assert "messages_y2026m06" in first.detached
    assert (again.detached, again.dropped) == ([], [])
    assert tomorrow.dropped == ["messages_y2026m06"]


async def test_messages_are_kept_for_good_unless_told_otherwise(url: str) -> None:
    await partitions.ensure(url, now=datetime(2020, 1, 1, tzinfo=UTC))

    done = await partitions.retain(url, months=None, now=NOW)

    assert not [name for name in done.detached if name.startswith("messages")]


async def test_a_table_detached_by_hand_is_never_dropped(url: str) -> None:
    await partitions.ensure(url, now=datetime(2026, 6, 15, tzinfo=UTC))
    await execute(url, "ALTER TABLE messages DETACH PARTITION messages_y2026m06")

    await partitions.retain(url, months=1, now=NOW)
    await partitions.retain(url, months=1, now=NOW)

    assert await one(url, "SELECT to_regclass('messages_y2026m06')") is not None


async def test_two_runs_at_once_do_not_drop_what_the_other_just_detached(url: str) -> None:
    await partitions.ensure(url, now=datetime(2026, 6, 15, tzinfo=UTC))
    connection = await asyncpg.connect(url)
    waiting = set[int]()

    async def both_wait() -> bool:
        waiting.update(
            row["pid"]
            for row in await connection.fetch(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
        return len(waiting) == 2

    # Begun at once, whatever the machine makes of it: neither comes to its work before both have asked for it.
    async with ddl.locked(connection, ddl.PARTITIONS_LOCK, doing="hold", patience_seconds=1):
        runs = asyncio.gather(*(partitions.retain(url, months=1, now=NOW) for _ in range(2)))
        await eventually(both_wait)
    first, second = await runs
    await connection.close()

    assert first.dropped == second.dropped == []
    assert "messages_y2026m06" in first.detached + second.detached
    assert not set(first.detached) & set(second.detached)


async def test_what_somebody_left_half_detached_is_told_and_finished_and_left_to_him(url: str) -> None:
    await partitions.ensure(url, now=NOW)
    await half_detached(url, "messages_y2026m12")
    await execute(url, "CREATE TABLE messages_default (LIKE messages INCLUDING ALL)")
    await execute(url, "ALTER TABLE messages ATTACH PARTITION messages_default DEFAULT")
    report = await partitions.check(url, now=NOW)
    assert report.detach_pending == 1
    assert "half detached: messages_y2026m12" in report.lines()[0]

    first = await partitions.retain(url, months=1, now=NOW)
    second = await partitions.retain(url, months=1, now=NOW)

    assert first.finished == ["messages_y2026m12"]
    assert (second.finished, second.dropped) == ([], [])
    assert "messages_y2026m12" not in await attached(url, "messages")
    assert await one(url, "SELECT to_regclass('messages_y2026m12')") is not None
    assert (await partitions.check(url, now=NOW)).detach_pending == 0


async def half_detached(url: str, name: str) -> None:
    """Begin what only goes without a default, and end it while it waits for a reader."""
    await execute(url, "DROP TABLE messages_default")
    reader, impatient = await asyncpg.connect(url), await asyncpg.connect(url)
    async with reader.transaction():
        await reader.execute(f"SELECT count(*) FROM {name}")
        detaching = asyncio.create_task(impatient.execute(f"ALTER TABLE messages DETACH PARTITION {name} CONCURRENTLY"))
        is_begun = "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = $1::text::regclass"
        await eventually(lambda: detaching.done() or reader.fetchval(is_begun, name))
        await reader.execute("SELECT pg_cancel_backend($1)", impatient.get_server_pid())
        with pytest.raises(asyncpg.QueryCanceledError):
            await detaching
    await reader.close()
    await impatient.close()


@pytest.mark.parametrize("arguments", [{"months": 0}, {"months": 1, "event_months": 0}])
async def test_less_than_a_month_is_refused(url: str, arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one month"):
        await partitions.retain(url, **arguments)  # type: ignore[arg-type]


# check


async def test_a_fresh_schema_is_short_and_an_ensured_one_is_not(url: str) -> None:
    assert (await partitions.check(url, now=NOW)).short

    await partitions.ensure(url, now=NOW)
    report = await partitions.check(url, now=NOW)

    assert not report.short
    assert report.months_ahead == 3
    assert report.default_rows == 0
    assert report.lines() == [
        "messages: 3 months ahead, 0 rows in default: ok",
        "events: 3 months ahead, 0 rows in default: ok",
        "send_keys: 2 weeks ahead, 0 rows in default: ok",
        "ensure: last succeeded 2026-11-21 09:00:00 UTC",
        "retain: never succeeded yet",
    ]


async def test_the_new_month_is_no_alarm_before_the_days_run_but_a_missed_month_is(url: str) -> None:
    await partitions.ensure(url, now=NOW, weeks_ahead=20)

    assert not (await partitions.check(url, now=DECEMBER)).short

    report = await partitions.check(url, now=datetime(2027, 1, 2, tzinfo=UTC))
    assert report.short
    assert report.months_ahead == 1
    assert "more than 36 hours ago" in report.lines()[3]


async def test_a_missing_current_month_counts_nothing_ahead_of_it(url: str) -> None:
    await partitions.ensure(url, now=NOW)
    await execute(url, "DROP TABLE messages_y2026m11")

    report = await partitions.check(url, now=NOW)

    assert report.months_ahead == 0
    assert "the current month has no partition" in report.lines()[0]


async def test_rows_in_a_default_are_counted(url: str) -> None:
    await Writers(url, clock=lambda: NOW).fill(7, at=[NOW])

    report = await partitions.check(url, now=NOW)

    assert report.default_rows == 21
    assert "7 rows in default" in report.lines()[0]
