"""What has drifted from the messages and the log is seen, put right, and told to its readers."""

import asyncio

import asyncpg
import pytest

from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import MessageType
from causerie.store import Store, horizons, partitions
from causerie.store.reconcile import Reconciled, reconcile
from causerie.store.sync import sync
from tests.cli.command import causerie
from tests.store.conftest import ANN, BEN, a_conversation, a_draft
from tests.support.stores import execute


async def run(url: str, *, repair: bool = False) -> Reconciled:
    return await reconcile(url, repair=repair, rest=0)


async def talk(store: Store, group: ConversationId, *senders: UserId) -> None:
    for sender in senders:
        await store.posts.submit(a_draft(group, sender))


async def unread(store: Store, user: UserId) -> object:
    return (await horizons.unread(store, user))["total"]


@pytest.fixture
async def written(store: Store) -> ConversationId:
    """Events 2 to 7 are messages; Ben has read as far as 4, which he wrote himself."""
    group = await a_conversation(store)
    await talk(store, group, ANN, ANN, BEN, ANN, ANN, ANN)
    return group


async def test_a_platform_that_only_worked_has_no_drift(store: Store, database_url: str) -> None:
    for _ in range(5):
        group = await a_conversation(store)
        await talk(store, group, ANN, BEN, ANN)
        await store.posts.submit(a_draft(group, type=MessageType.SYSTEM))
        await horizons.mark_read(store, BEN, group, 3)
        await talk(store, group, ANN)
        await horizons.mark_read(store, BEN, group, 99)
    await a_conversation(store)

    found = await run(database_url)

    assert found.drifts == []
    assert found.lines() == ["6 conversations, 0 drifts"]


PLANTED = {
    "a counter that counts too much": "UPDATE conversations SET message_count = message_count + 5",
    "a counter that counts too little": "UPDATE conversations SET message_count = 1, last_message_seq = 2",
    "a head behind its log": "UPDATE conversations SET last_seq = 3",
    "a list that shows no last message": "UPDATE conversations SET last_month = '2031-01-01'",
    "a mark that counts too much": "UPDATE read_horizons SET number = 6 WHERE user_id = 'ben'",
    "a mark that counts too little": "UPDATE read_horizons SET number = 0 WHERE user_id = 'ben'",
    "a mark beyond the end": "UPDATE read_horizons SET seq = 4000 WHERE user_id = 'ann'",
    "numbers that jump": "UPDATE messages SET number = number + 7 WHERE seq > 5",
    "numbers that stand still": "UPDATE messages SET number = 3 WHERE seq = 5",
    "a month that begins too late": "UPDATE conversation_months SET first_seq = 6",
    "a month nobody knows of": "DELETE FROM conversation_months",
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
async def test_a_drift_is_reported_mended_and_gone(
    store: Store, written: ConversationId, database_url: str, planted: str
) -> None:
    tables = ("conversations", "read_horizons", "conversation_months", "messages")
    before = await state(database_url, tables)
    await execute(database_url, planted)
    drifted = await state(database_url, tables)

    looked = await run(database_url)
    assert [str(drift.conversation_id) for drift in looked.left] == [str(written)] * len(looked.left) != []
    assert await state(database_url, tables) == drifted

    mended = await run(database_url, repair=True)
    assert (mended.mended, mended.left) == (1, [])
    assert await state(database_url, tables) == before
    assert (await run(database_url)).drifts == []
    await talk(store, written, ANN)
    assert (await run(database_url)).drifts == []


async def state(url: str, tables: tuple[str, ...]) -> list[object]:
    """What the tables hold but for who wrote it last."""
    rows = "to_jsonb(t) - 'xid' - 'read_at'"
    connection = await asyncpg.connect(url)
    try:
        return [
            await connection.fetchval(f"SELECT jsonb_agg({rows} ORDER BY ({rows})::text) FROM {table} t")
            for table in tables
        ]
    finally:
        await connection.close()


async def test_unread_is_right_again_and_devices_learn_of_it(
    store: Store, written: ConversationId, database_url: str
) -> None:
    await execute(database_url, "UPDATE read_horizons SET number = 0 WHERE user_id = 'ben'")
    assert await unread(store, BEN) == 6
    cursor = str((await sync(store, BEN, None))["next_cursor"])

    await run(database_url, repair=True)

    assert await unread(store, BEN) == 3
    told = await sync(store, BEN, cursor)
    assert told["reads"] == [{"conversation_id": str(written), "user_id": "ben", "seq": 4}]


async def test_a_member_without_a_mark_gets_the_one_he_joined_with(
    store: Store, written: ConversationId, database_url: str
) -> None:
    await execute(database_url, "DELETE FROM read_horizons WHERE user_id = 'ben'")

    await run(database_url, repair=True)

    assert await unread(store, BEN) == 6
    assert (await run(database_url)).drifts == []


async def test_a_log_that_lost_its_end_is_reported_and_left_for_a_backup(
    store: Store, written: ConversationId, database_url: str
) -> None:
    await execute(database_url, "DELETE FROM messages WHERE seq = 7", "DELETE FROM events WHERE seq = 7")

    found = await run(database_url, repair=True)

    assert [str(drift) for drift in found.left] == [f"{written}: its head is 7, its log ends at 6: a part is lost"]
    assert await unread(store, BEN) == 2
    await talk(store, written, ANN)
    assert (await run(database_url)).drifts == []


async def test_what_retention_has_dropped_is_no_drift(store: Store, database_url: str) -> None:
    group = await a_conversation(store)
    await talk(store, group, ANN, BEN, ANN)
    await execute(
        database_url,
        # As if two of the three were of last year, and the log too.
        "DELETE FROM messages WHERE seq < 4",
        "DELETE FROM events",
        "UPDATE conversation_months SET first_seq = 4",
        "UPDATE read_horizons SET seq = 2, number = 1 WHERE user_id = 'ben'",
    )
    empty = await a_conversation(store)
    await talk(store, empty, ANN)
    await execute(database_url, f"DELETE FROM messages WHERE conversation_id = '{empty}'")

    assert (await run(database_url)).drifts == []


async def test_a_repair_while_people_talk_disturbs_nobody_and_leaves_nothing(store: Store, database_url: str) -> None:
    groups = [await a_conversation(store) for _ in range(4)]
    for group in groups:
        await talk(store, group, ANN, BEN)
    await execute(database_url, "UPDATE conversations SET message_count = message_count + 7, last_message_seq = 1")

    async def chatter(group: ConversationId) -> list[int]:
        return [(await store.posts.submit(a_draft(group))).message.seq for _ in range(40)]

    *seqs, first, second = await asyncio.gather(
        *map(chatter, groups), run(database_url, repair=True), run(database_url, repair=True)
    )

    assert seqs == [list(range(4, 44))] * 4
    assert first.left == second.left == []
    await run(database_url, repair=True)
    assert (await run(database_url)).drifts == []
    assert await unread(store, BEN) == 160


async def test_the_command_fails_on_a_drift_that_stays(written: ConversationId, database_url: str) -> None:
    await execute(database_url, PLANTED["a mark that counts too much"])

    said = await causerie("reconcile", DATABASE_URL=database_url)

    assert said.status == 1
    assert said.out.splitlines() == [
        f"{written}: a read mark at 4 counts 6 messages as read, there are 3 up to 4",
        "1 conversations, 1 drifts",
    ]


async def test_two_runs_follow_one_another(written: ConversationId, database_url: str) -> None:
    await execute(database_url, PLANTED["a mark that counts too much"])

    first, second = await asyncio.gather(run(database_url, repair=True), run(database_url, repair=True))

    assert sorted([first.mended, second.mended]) == [0, 1]


async def test_months_of_long_ago_are_looked_at_as_well(store: Store, database_url: str) -> None:
    group = await a_conversation(store)
    await talk(store, group, ANN)
    await execute(
        database_url,
        "INSERT INTO messages SELECT uuidv7(), conversation_id, 1, 0, sender_id, 'system', content, metadata, NULL,"
        " NULL, 1, false, '2025-03-05'::timestamptz FROM messages LIMIT 1",
        f"INSERT INTO conversation_months VALUES ('{group}', '2025-03-01', 99)",
    )

    found = await run(database_url, repair=True)

    assert [str(drift) for drift in found.drifts] == [f"{group}: its 2025-03 is said to begin at 99 and begins at 1"]
    await partitions.ensure(database_url)
    assert (await run(database_url)).drifts == []
