"""A database restored from a dump of another PostgreSQL: its positions mean nothing there until it has settled."""

import asyncio

import pytest

from causerie.domain.errors import Unavailable
from causerie.domain.ids import ConversationId
from causerie.store import Store, log, migrate
from causerie.store.log import current_position
from causerie.store.sync import sync
from tests.cli.command import causerie
from tests.store.conftest import ANN, BEN, a_conversation, a_draft
from tests.support.stores import a_database_name, execute, with_database

FUTURE = "((pg_current_xact_id()::text::bigint + 1000000)::text)::xid8"
TABLES = ("conversations", "conversation_participants", "read_horizons", "events")


async def bring_from_elsewhere(url: str, *, home: str) -> None:
    """Make a database look as a dump of a server does that has counted a million transactions more."""
    await execute(
        url,
        *(f"UPDATE {table} SET xid = {FUTURE}" for table in TABLES),
        f"UPDATE shards SET position = {FUTURE}",
        f"UPDATE platform SET home = {home}",
    )


async def a_written_database(url: str) -> tuple[ConversationId, str]:
    """A group with three messages, and Ben's cursor at its end."""
    store = await Store.connect(url, announce=lambda events: None)
    group = await a_conversation(store)
    for _ in range(3):
        await store.posts.submit(a_draft(group))
    cursor = str((await sync(store, BEN, None))["next_cursor"])
    await store.close()
    return group, cursor


@pytest.mark.parametrize("home", ["'another'", "NULL"])
async def test_after_a_restore_nothing_old_is_told_again_and_everything_new_is(database_url: str, home: str) -> None:
    group, cursor = await a_written_database(database_url)
    await bring_from_elsewhere(database_url, home=home)

    assert await migrate.up(database_url) == ["positions of this PostgreSQL"]
    store = await Store.connect(database_url, announce=lambda events: None)
    position = await current_position(store)
    posted = await store.posts.submit(a_draft(group))
    missed = await sync(store, BEN, cursor)
    again = await sync(store, BEN, str(missed["next_cursor"]))
    audience = await log.load_audience(store, group, position)
    tails = await log.tail(store, dict.fromkeys(range(64), position))
    await store.close()

    heads = [head for tail in tails.values() for head in tail.heads]
    assert heads == [(group, posted.message.seq)]
    assert audience is not None
    assert (audience.first_seq, audience.last_seq) == (posted.message.seq, posted.message.seq)
    assert [again[what] for what in ("events", "resets", "reads")] == [[], [], []]
    assert await migrate.up(database_url) == []


async def test_nobody_is_served_from_a_restored_database_before_it_has_settled(database_url: str) -> None:
    await a_written_database(database_url)
    await bring_from_elsewhere(database_url, home="'another'")

    starting = asyncio.create_task(Store.connect(database_url, announce=lambda events: None))
    assert await migrate.pending(database_url) == ["positions of this PostgreSQL"]
    elsewhere = {"REDIS_URL": "redis://127.0.0.1:1", "NATS_URL": "nats://127.0.0.1:1"}
    said = await causerie("doctor", DATABASE_URL=database_url, **elsewhere)
    assert "schema      the database came from another PostgreSQL; `causerie migrate up`" in said.out
    assert not starting.done()
    await migrate.up(database_url)

    await (await asyncio.wait_for(starting, 20)).close()


async def test_who_was_there_before_the_restore_refuses_until_it_has_settled(database_url: str) -> None:
    store = await Store.connect(database_url, announce=lambda events: None, max_size=1)
    earlier = store.epoch
    await bring_from_elsewhere(database_url, home="'another'")
    await execute(
        database_url,
        # What a restore does to the table, and to those who are connected.
        "CREATE TABLE restored (LIKE platform INCLUDING ALL); INSERT INTO restored SELECT * FROM platform;"
        " DROP TABLE platform; ALTER TABLE restored RENAME TO platform",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name = 'causerie'",
    )

    for _ in range(2):
        with pytest.raises(Unavailable):
            await store.ping()
    await migrate.up(database_url)
    await store.ping()

    assert store.epoch != earlier
    await store.close()


async def test_a_copy_beside_the_original_is_another_history(postgres_server: str, database_url: str) -> None:
    original = await Store.connect(database_url, announce=lambda events: None)
    epoch = original.epoch
    cursor = str((await sync(original, ANN, None))["next_cursor"])
    await original.close()

    name = a_database_name("beside")
    await execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {database_url.rpartition('/')[2]}")
    copy = await Store.connect(with_database(postgres_server, name), announce=lambda events: None)
    there, answer = copy.epoch, await sync(copy, ANN, cursor)
    await copy.close()
    await execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")

    assert there != epoch
    assert answer["recovered"] is False


async def test_who_waited_for_the_schema_names_the_history_as_all_others_do(empty_database_url: str) -> None:
    waiting = asyncio.create_task(Store.connect(empty_database_url, announce=lambda events: None))
    await migrate.up(empty_database_url)
    early = await asyncio.wait_for(waiting, 20)
    late = await Store.connect(empty_database_url, announce=lambda events: None)

    assert early.epoch == late.epoch
    await early.close()
    await late.close()
