"""What every post updates stays heap-only (HOT): no index is touched, and the page makes room for itself."""

import asyncio

import asyncpg

from causerie.store import Store
from tests.store.conftest import a_conversation, a_draft
from tests.support.waiting import eventually

CONVERSATIONS = 50
ROUNDS = 60


async def test_posting_updates_conversations_and_read_marks_in_place(database_url: str) -> None:
    store = await Store.connect(database_url, announce=lambda events: None)
    groups = [await a_conversation(store) for _ in range(CONVERSATIONS)]
    for number in range(ROUNDS):
        await asyncio.gather(*(store.posts.submit(a_draft(group, text=str(number))) for group in groups))
    # A session reports what it did at its end.
    await store.close()
    connection = await asyncpg.connect(database_url)

    async def updates(table: str) -> tuple[int, int]:
        row = await connection.fetchrow(
            "SELECT n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = $1", table
        )
        return row["all"], row["hot"]

    async def reported() -> bool:
        return (await updates("conversations"))[0] >= CONVERSATIONS * ROUNDS

    await eventually(reported, timeout_seconds=20)
    shares = {table: (await updates(table)) for table in ("conversations", "read_horizons")}
    await connection.close()

    for table, (every, hot) in shares.items():
        assert every > 2_000, table
        assert hot / every >= 0.95, f"{table}: {hot} of {every} updates were HOT"


async def test_no_column_a_post_changes_is_indexed(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    indexed = await connection.fetch(
        "SELECT a.attname AS name FROM pg_index i JOIN pg_attribute a"
        " ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = 'conversations'::regclass"
    )
    await connection.close()

    changing = {"last_seq", "message_count", "last_message_seq", "last_activity_at", "last_month", "xid"}
    assert not {row["name"] for row in indexed} & changing
