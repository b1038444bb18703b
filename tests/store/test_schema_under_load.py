"""The schema is worked on while people write and read: nobody fails, nobody waits long, no row is ever out of sight."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from causerie.domain.ids import ConversationId
from causerie.store import Store, log, messages, migrate, partitions
from causerie.store.ddl import SchemaError
from tests.store.conftest import a_conversation, a_draft
from tests.support.fault_proxy import Delay, fault_loop
from tests.support.stores import execute
from tests.support.waiting import eventually
from tests.support.writers import Writers

NOVEMBER = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
LONGEST_WAIT_SECONDS = 1.0
"""What the work may cost anybody, beyond what the machine and this process cost everybody."""


class Clock:
    """A clock in the test's hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def url(empty_database_url: str) -> str:
    await migrate.up(empty_database_url)
    return empty_database_url


def later_migration(folder: Path) -> Path:
    """Our migrations, and one more that changes a table everybody writes to."""
    assert migrate.FOLDER is not None
    for path in migrate.FOLDER.glob("*.sql"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "900000_later.up.sql").write_text("ALTER TABLE messages ADD mood text, ADD CHECK (mood <> 'bad');")
    (folder / "900000_later.down.sql").write_text("ALTER TABLE messages DROP mood;")
    return folder


async def more(writers: Writers, count: int) -> None:
    """Wait until so many more messages are posted and somebody has read meanwhile."""
    posts, reads = writers.count + count, writers.reads + count // 10
    await eventually(lambda: writers.count >= posts and writers.reads >= reads, timeout_seconds=30)


async def waiting_locks(url: str, which: str) -> int:
    """How many sessions wait for such a lock now."""
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {which}")
        return count
    finally:
        await connection.close()


async def unharmed(writers: Writers) -> None:
    await writers.verify()
    assert writers.slowest_seconds < LONGEST_WAIT_SECONDS + writers.bystander_seconds


async def beside(writers: Writers, work: Awaitable[object]) -> None:
    """Do `work` in the middle of writing and reading."""
    async with writers.at_work():
        await more(writers, 100)
        await work
        await more(writers, 100)


async def test_partitions_are_made_while_messages_are_posted(url: str) -> None:
    await partitions.ensure(url, now=NOVEMBER, months_ahead=0, weeks_ahead=0)
    writers = Writers(url, Clock(NOVEMBER))

    await beside(writers, partitions.ensure(url, now=NOVEMBER, months_ahead=12, weeks_ahead=20))

    await unharmed(writers)


async def test_a_filled_default_is_repaired_while_it_is_written_to(url: str) -> None:
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(4_000, at=[NOVEMBER - timedelta(days=45), NOVEMBER])

    async def repair() -> None:
        done = await partitions.ensure(url, now=NOVEMBER)
        assert set(done.repaired) == {"messages", "events", "send_keys"}

    await beside(writers, repair())

    await unharmed(writers)
    assert not (await partitions.check(url, now=NOVEMBER)).short


async def test_nobody_waits_for_the_way_between_a_repair_and_the_database(url: str) -> None:
    await partitions.ensure(url, now=NOVEMBER)
    await execute(url, *(f"DROP TABLE messages_{month}" for month in ("y2026m11", "y2026m12", "y2027m01", "y2027m02")))
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(100, at=[NOVEMBER])

    with fault_loop() as loop:
        proxy = loop.proxy(url)
        proxy.suffer(Delay(0.03))
        await beside(writers, partitions.ensure(proxy.url, now=NOVEMBER))

    await unharmed(writers)
    assert writers.slowest_seconds < 0.8 + writers.bystander_seconds
    assert (await partitions.check(url, now=NOVEMBER)).default_rows == 0


async def test_a_repair_for_which_everybody_would_wait_too_long_is_given_up_and_loses_nothing(url: str) -> None:
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(100, at=[NOVEMBER])
    await execute(
        url,
        "CREATE FUNCTION dawdle() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); END'",
        "CREATE EVENT TRIGGER dawdle ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION dawdle()",
    )

    async with writers.at_work():
        await more(writers, 20)
        with pytest.raises(SchemaError, match="swap messages_default: .* takes longer than 600 ms|fills faster"):
            await partitions.ensure(url, now=NOVEMBER, months_ahead=0, patience_seconds=3.0)
        await more(writers, 20)

    await unharmed(writers)
    assert (await partitions.check(url, now=NOVEMBER)).default_rows == 3 * writers.count


async def test_a_row_of_another_month_that_comes_while_the_swap_waits_is_kept(url: str) -> None:
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(10, at=[NOVEMBER])
    reader = await asyncpg.connect(url)

    async with reader.transaction():
        await reader.execute("LOCK TABLE ONLY messages IN ACCESS SHARE MODE")
        repair = asyncio.create_task(partitions.ensure(url, now=NOVEMBER, months_ahead=0))
        which = "mode = 'AccessExclusiveLock' AND relation = 'messages'::regclass"
        await eventually(lambda: waiting_locks(url, which), timeout_seconds=30)
        await writers.fill(1, at=[NOVEMBER - timedelta(days=200)])
    done = await repair

    await reader.close()
    assert "messages_y2026m05" in done.created
    await writers.verify()


async def test_two_repairs_at_once_disturb_neither_each_other_nor_writers(url: str) -> None:
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(2_000, at=[NOVEMBER])

    await beside(writers, asyncio.gather(*(partitions.ensure(url, now=NOVEMBER) for _ in range(2))))

    await unharmed(writers)
    assert (await partitions.check(url, now=NOVEMBER)).default_rows == 0


async def test_a_month_begins_for_which_there_is_a_partition(url: str) -> None:
    await partitions.ensure(url, now=NOVEMBER, months_ahead=1, weeks_ahead=1)
    clock = Clock(NOVEMBER)
    writers = Writers(url, clock)

    async with writers.at_work():
        await more(writers, 100)
        clock.now = DECEMBER
        await more(writers, 100)

    await unharmed(writers)
    assert (await partitions.check(url, now=DECEMBER)).default_rows == 0


async def test_a_month_begins_for_which_there_is_none_and_the_next_run_puts_it_right(url: str) -> None:
    await partitions.ensure(url, now=NOVEMBER, months_ahead=0, weeks_ahead=1)
    clock = Clock(NOVEMBER)
    writers = Writers(url, clock)

    async with writers.at_work():
        await more(writers, 100)
        clock.now = DECEMBER
        await more(writers, 100)
        assert (await partitions.check(url, now=DECEMBER)).default_rows > 0
        await partitions.ensure(url, now=DECEMBER)
        await more(writers, 100)

    await unharmed(writers)
    assert not (await partitions.check(url, now=DECEMBER)).short


async def test_a_batch_on_its_way_over_midnight_does_not_fail_when_its_partition_is_attached(url: str) -> None:
    # The statement has chosen the default for its second row before there is a partition, and writes it afterwards.
    await partitions.ensure(url, now=NOVEMBER, months_ahead=0, weeks_ahead=1)
    gate, writer = await asyncpg.connect(url), await asyncpg.connect(url)
    await gate.execute("SELECT pg_advisory_lock(7)")
    batch = asyncio.create_task(
        writer.execute(
            "INSERT INTO messages (id, conversation_id, seq, number, sender_id, type, content, metadata, created_at)"
            " SELECT uuidv7(), uuidv7(), n, n, 'ann', 'text', 'hello', '{}',"
            " CASE n WHEN 1 THEN $1 ELSE $2::timestamptz END"
            " FROM generate_series(1, 2) n WHERE n = 1 OR pg_advisory_xact_lock(7) IS NOT NULL",
            NOVEMBER,
            DECEMBER,
        )
    )
    await eventually(lambda: waiting_locks(url, "locktype = 'advisory' AND objid = 7"))
    run = asyncio.create_task(partitions.ensure(url, now=DECEMBER))
    await eventually(lambda: run.done() or waiting_locks(url, "relation = 'messages'::regclass"))

    await gate.execute("SELECT pg_advisory_unlock(7)")
    await batch
    await run

    assert await gate.fetchval("SELECT count(*) FROM messages_y2026m12") == 1
    assert not (await partitions.check(url, now=DECEMBER)).short
    await gate.close()
    await writer.close()


async def test_old_partitions_leave_while_messages_are_posted(url: str) -> None:
    await partitions.ensure(url, now=NOVEMBER - timedelta(days=300), months_ahead=13, weeks_ahead=50)
    writers = Writers(url, Clock(NOVEMBER))

    async def retain() -> None:
        first = await partitions.retain(url, months=1, event_months=1, now=NOVEMBER)
        second = await partitions.retain(url, months=1, event_months=1, now=NOVEMBER)
        assert sorted(first.detached) == sorted(second.dropped)
        assert len(first.detached) > 20

    await beside(writers, retain())

    await unharmed(writers)


async def test_a_long_transaction_holds_up_the_upkeep_and_nobody_else(url: str) -> None:
    await partitions.ensure(url, now=NOVEMBER - timedelta(days=70), months_ahead=5, weeks_ahead=14)
    writers = Writers(url, Clock(NOVEMBER))
    reader = await asyncpg.connect(url)
    async with writers.at_work():
        async with reader.transaction():
            await reader.execute("SELECT count(*) FROM messages")
            run = asyncio.create_task(partitions.retain(url, months=1, now=NOVEMBER))
            await more(writers, 400)
            assert not run.done()
        done = await run
    await reader.close()

    assert "messages_y2026m09" in done.detached
    await unharmed(writers)


async def test_a_migration_waits_for_a_long_transaction_and_makes_nobody_else_wait(url: str, tmp_path: Path) -> None:
    folder = later_migration(tmp_path)
    await partitions.ensure(url, now=NOVEMBER)
    writers = Writers(url, Clock(NOVEMBER))
    reader = await asyncpg.connect(url)

    async with writers.at_work():
        async with reader.transaction():
            await reader.execute("SELECT count(*) FROM messages")
            runs = asyncio.gather(*(migrate.up(url, folder=folder) for _ in range(3)))
            await more(writers, 300)
            assert not runs.done()
        applied = await runs
        await more(writers, 100)
        await migrate.down(url, folder=folder)
    await reader.close()

    assert sum(applied, []) == ["900000_later"]
    await unharmed(writers)


async def test_a_repair_carries_over_rows_deleted_and_edited_meanwhile(url: str) -> None:
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(8_000, at=[NOVEMBER])
    (posted,) = writers.posted.values()
    run = asyncio.create_task(partitions.ensure(url, now=NOVEMBER))
    connection = await asyncpg.connect(url)
    half, turns = len(posted) // 2, 0
    while not run.done():
        # Each half again from its beginning when a slow repair gives time for more: what is edited is never deleted.
        gone, edited = posted[turns % half][0], posted[half + turns % half][0]
        await connection.execute("DELETE FROM messages WHERE id = $1", gone)
        await connection.execute("UPDATE messages SET content = 'edited' WHERE id = $1", edited)
        turns += 1
    await run

    changed = min(turns, half)
    assert changed > 10
    assert await connection.fetchval("SELECT count(*) FROM messages") == len(posted) - changed
    assert await connection.fetchval("SELECT count(*) FROM messages WHERE content = 'edited'") == changed
    await connection.close()


async def test_a_connection_with_prepared_statements_goes_on_through_a_repair(url: str) -> None:
    connection = await asyncpg.connect(url)
    history = await connection.prepare("SELECT count(*) FROM messages WHERE conversation_id = $1")
    writers = Writers(url, Clock(NOVEMBER))
    await writers.fill(50, at=[NOVEMBER])
    (conversation,) = writers.posted
    for _ in range(6):
        # From the sixth time on the plan is a generic one, which names the partitions.
        assert await history.fetchval(conversation) == 50

    await partitions.ensure(url, now=NOVEMBER)

    assert await history.fetchval(conversation) == 50
    await execute(url, "DELETE FROM messages_y2026m11 WHERE seq = 1")
    assert await history.fetchval(conversation) == 49
    await connection.close()


async def test_the_store_goes_on_posting_and_reading_through_every_kind_of_work(url: str, tmp_path: Path) -> None:
    # No partition of the current month at first, so that the repair has something to do.
    await partitions.ensure(url, now=datetime.now(UTC) - timedelta(days=200))
    folder = later_migration(tmp_path)
    pods = [await Store.connect(url, announce=lambda events: None) for _ in range(2)]
    groups = [await a_conversation(pods[0]) for _ in range(6)]
    posted = dict.fromkeys(groups, 0)
    slowest_seconds = 0.0
    bystander = Writers(url, Clock(NOVEMBER))
    stop = asyncio.Event()

    async def talk(pod: Store, group: ConversationId) -> None:
        nonlocal slowest_seconds
        while not stop.is_set():
            began = time.monotonic()
            one = await pod.posts.submit(a_draft(group, client_id=str(uuid4())))
            slowest_seconds = max(slowest_seconds, time.monotonic() - began)
            posted[group] += 1
            newest = await messages.newest_before(pod, group, one.message.seq + 1, 1, 20)
            assert newest[-1].seq == one.message.seq
            assert len(newest) == min(20, posted[group])

    async def enough() -> None:
        wanted = {group: count + 20 for group, count in posted.items()}
        await eventually(lambda: all(posted[group] >= count for group, count in wanted.items()), timeout_seconds=30)

    async with bystander.at_work(posting=0, reading=0), asyncio.TaskGroup() as talking:
        for place, group in enumerate(groups):
            talking.create_task(talk(pods[place % 2], group))
        await enough()
        assert set((await partitions.ensure(url)).repaired) == {"messages", "events", "send_keys"}
        await enough()
        await migrate.up(url, folder=folder)
        await enough()
        assert (await partitions.retain(url, months=1)).detached
        assert (await partitions.retain(url, months=1)).dropped
        await migrate.down(url, folder=folder)
        await enough()
        stop.set()

    assert bystander.failures == []
    assert slowest_seconds < LONGEST_WAIT_SECONDS + bystander.bystander_seconds
    for group in groups:
        seqs = [event.seq for event in await log.events_between(pods[0], group, 0)]
        assert seqs == list(range(1, posted[group] + 2))
    for pod in pods:
        await pod.close()
