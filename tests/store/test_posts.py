"""Drafts become messages: numbered without a hole, once per key, whatever else goes on."""

import asyncio

import asyncpg
import pytest

from causerie.domain.conversation import ConversationType
from causerie.domain.errors import Forbidden, IdempotencyConflict, InvalidRequest, NotFound
from causerie.domain.event import Event
from causerie.domain.ids import ConversationId, MessageId
from causerie.domain.message import Posted
from causerie.store import Store, log, members
from tests.store.conftest import ANN, BEN, CAT, a_conversation, a_draft, no_conversation, overslept


async def test_concurrent_posts_leave_no_gap_in_seq(store: Store, group: ConversationId) -> None:
    posted = await asyncio.gather(*(store.posts.submit(a_draft(group, text=str(n))) for n in range(500)))

    assert [one.message.seq for one in posted] == list(range(2, 502))
    assert [one.message.number for one in posted] == list(range(1, 501))
    assert sorted(one.message.id for one in posted) == [one.message.id for one in posted]


async def test_two_stores_posting_to_the_same_conversations_leave_no_gap(store: Store, database_url: str) -> None:
    other = await Store.connect(database_url, announce=lambda events: None)
    groups = [await a_conversation(store) for _ in range(5)]

    posted = await asyncio.gather(
        *(pod.posts.submit(a_draft(group)) for _ in range(100) for group in groups for pod in (store, other))
    )
    await other.close()

    for group in groups:
        seqs = sorted(one.message.seq for one in posted if one.message.conversation_id == group)
        assert seqs == list(range(2, 202))


async def test_what_has_committed_is_announced_in_order(
    store: Store, group: ConversationId, announced: list[Event]
) -> None:
    await asyncio.gather(*(store.posts.submit(a_draft(group)) for _ in range(50)))

    assert [event.seq for event in announced] == list(range(1, 52))
    assert await log.events_between(store, group, 0) == announced


async def test_the_same_key_many_times_at_once_makes_one_message(store: Store, database_url: str) -> None:
    other = await Store.connect(database_url, announce=lambda events: None)
    group = await a_conversation(store)

    posted = await asyncio.gather(
        *(pod.posts.submit(a_draft(group, client_id="k1")) for _ in range(16) for pod in (store, other))
    )
    await other.close()

    assert all(one.message == posted[0].message for one in posted)
    assert sum(not one.replayed for one in posted) == 1
    assert await count(store, "messages") == 1


async def test_the_same_key_at_once_in_many_conversations_makes_one_message(store: Store) -> None:
    groups = [await a_conversation(store) for _ in range(10)]

    outcomes = await asyncio.gather(
        *(store.posts.submit(a_draft(group, client_id="k1")) for group in groups), return_exceptions=True
    )

    assert sum(isinstance(outcome, Posted) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IdempotencyConflict) for outcome in outcomes) == 9
    assert await count(store, "messages") == 1


async def test_a_key_names_one_body(store: Store, group: ConversationId) -> None:
    await store.posts.submit(a_draft(group, client_id="k1"))

    with pytest.raises(IdempotencyConflict):
        await store.posts.submit(a_draft(group, text="something else", client_id="k1"))
    assert not (await store.posts.submit(a_draft(group, BEN, client_id="k1"))).replayed


async def test_strangers_and_absent_conversations_are_refused_alike(store: Store, group: ConversationId) -> None:
    with pytest.raises(NotFound):
        await store.posts.submit(a_draft(group, CAT))
    with pytest.raises(NotFound):
        await store.posts.submit(a_draft(no_conversation()))


async def test_a_stranger_of_a_channel_is_told_to_join(store: Store) -> None:
    channel = await a_conversation(store, ANN, type=ConversationType.CHANNEL)

    with pytest.raises(Forbidden):
        await store.posts.submit(a_draft(channel, CAT))


async def test_a_reply_must_name_a_message_of_the_conversation(store: Store, group: ConversationId) -> None:
    elsewhere = (await store.posts.submit(a_draft(await a_conversation(store)))).message
    here = (await store.posts.submit(a_draft(group))).message

    with pytest.raises(InvalidRequest):
        await store.posts.submit(a_draft(group, reply_to_id=elsewhere.id))
    with pytest.raises(InvalidRequest):
        await store.posts.submit(a_draft(group, reply_to_id=MessageId(no_conversation())))
    reply = await store.posts.submit(a_draft(group, BEN, reply_to_id=here.id))
    assert reply.message.reply_to_id == here.id


async def test_a_bad_row_falls_out_alone(store: Store, group: ConversationId) -> None:
    # PostgreSQL has no NUL in text: the edge refuses it, so here it stands for whatever the edge has missed.
    drafts = [a_draft(group, text="a\0b" if n == 5 else str(n)) for n in range(10)]

    outcomes = await asyncio.gather(*(store.posts.submit(draft) for draft in drafts), return_exceptions=True)

    good = [outcome for outcome in outcomes if isinstance(outcome, Posted)]
    assert [one.message.content for one in good] == [str(n) for n in range(10) if n != 5]
    assert [one.message.seq for one in good] == list(range(2, 11))
    assert isinstance(outcomes[5], asyncpg.PostgresError)


async def test_a_conversation_locked_by_others_does_not_hold_up_the_rest(store: Store, group: ConversationId) -> None:
    free = await a_conversation(store)
    async with store.transaction() as tx:
        await tx.connection.fetch("SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE", group)
        held = store.posts.submit(a_draft(group))
        await asyncio.gather(*(store.posts.submit(a_draft(free)) for _ in range(5)))
        assert not held.done()

    assert (await held).message.seq == 2


async def test_a_draft_that_waits_too_long_is_refused_and_not_written(store: Store, group: ConversationId) -> None:
    async with store.transaction(deadline_seconds=10) as tx:
        await tx.connection.fetch("SELECT 1 FROM conversations WHERE id = $1 FOR UPDATE", group)
        sleeper = asyncio.create_task(overslept())
        loop = asyncio.get_running_loop()
        start = loop.time()
        waiting = [store.posts.submit(a_draft(group, text=str(n))) for n in range(3)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        took = loop.time() - start
        assert took < 3.0 + await sleeper

    assert all(getattr(outcome, "status", None) == 503 for outcome in outcomes)


async def test_a_former_member_cannot_post(store: Store, group: ConversationId) -> None:
    async with store.transaction() as tx:
        await members.end(tx, group, BEN, seq=2)

    with pytest.raises(NotFound):
        await store.posts.submit(a_draft(group, BEN))


async def test_posting_moves_the_authors_own_read_mark(store: Store, group: ConversationId) -> None:
    await asyncio.gather(*(store.posts.submit(a_draft(group, ANN)) for _ in range(3)))

    async with store.connection() as connection:
        marks = await connection.fetch("SELECT user_id, seq, number FROM read_horizons ORDER BY user_id")
    assert [tuple(mark) for mark in marks] == [("ann", 4, 3), ("ben", 1, 0)]


async def test_nothing_is_acknowledged_before_its_commit(store: Store, group: ConversationId) -> None:
    async with store.connection() as connection:
        # A commit that fails at the last moment, as on a full disk.
        await connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'not this one'; END $$;"
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW WHEN (NEW.content = 'doomed') EXECUTE FUNCTION refuse()"
        )

    with pytest.raises(asyncpg.PostgresError):
        await store.posts.submit(a_draft(group, text="doomed"))

    assert await count(store, "messages") == 0
    assert (await store.posts.submit(a_draft(group))).message.seq == 2


async def test_two_pods_with_the_same_keys_in_any_order_never_deadlock(store: Store, database_url: str) -> None:
    other = await Store.connect(database_url, announce=lambda events: None)
    mine, others = [await a_conversation(store) for _ in range(20)], [await a_conversation(store) for _ in range(20)]

    async with store.connection() as connection:
        # So slowly that the two batches of a turn are surely under way together.
        await connection.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;"
            "CREATE TRIGGER dawdle BEFORE INSERT ON send_keys FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )

    for turn in range(3):
        keys = [f"{turn}-{n}" for n in range(20)]
        await asyncio.gather(
            *(store.posts.submit(a_draft(group, client_id=key)) for group, key in zip(mine, keys, strict=True)),
            *(other.posts.submit(a_draft(g, client_id=key)) for g, key in zip(others, keys[::-1], strict=True)),
            return_exceptions=True,
        )
    await other.close()

    assert await count(store, "messages") == 3 * 20
    async with store.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        statistics = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert await connection.fetchval(statistics) == 0


async def count(store: Store, table: str) -> int:
    async with store.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
