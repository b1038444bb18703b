"""Everything through a pooler in transaction mode, which gives its few connections for one transaction at a time.

A statement that was prepared elsewhere, a setting that was said to another session, a lock that outlives its
transaction: each would show here, where a dozen connections of ours share four.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from causerie.domain.errors import Unavailable
from causerie.domain.ids import UserId
from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from causerie.store import Store
from causerie.store.sync import sync
from tests.faults.wired import WiredFleet, heals
from tests.journeys.fleet import people
from tests.journeys.test_one_stream import (  # noqa: F401 - collected here, they run through the pooler
    test_a_channel_is_followed_by_those_who_subscribe,
    test_every_device_of_a_user_sees_his_own_messages_and_read_marks,
    test_members_on_different_gateways_see_the_same_events_in_the_same_order,
    test_the_same_key_sixteen_times_at_once_through_every_door_is_one_message,
    test_what_happened_while_away_is_there_after_coming_back,
)
from tests.journeys.traffic import traffic
from tests.support.fault_proxy import FaultLoop
from tests.support.pgbouncer import pgbouncer
from tests.support.stores import running, running_migrated
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def pooler_url(home: Path, module_database_url: str) -> Iterator[str]:
    with pgbouncer(home, module_database_url) as url:
        yield url


@pytest.fixture(scope="module")
def database_of_fleet(pooler_url: str) -> str:
    return pooler_url


@pytest.fixture(scope="module")
def more_settings() -> dict[str, str]:
    return {"CAUSERIE_DATABASE_POOLED": "1"}


async def test_history_and_read_marks_are_the_same_through_a_pooler(fleet: WiredFleet):
    async with fleet.clients(*people("ann", "ben")) as [ann, ben]:
        chat = (await ann.open("direct", [ben.user]))["id"]
        sent = await asyncio.gather(*(ann.send(chat, str(number)) for number in range(60)))
        await ben.until(lambda model: chat in model.conversations and model.conversations[chat].last == 61)

        pages = await asyncio.gather(*(ben.history(chat, limit=25) for _ in range(20)))
        edited = await ann.edit(sent[-1]["id"], "edited")
        await ann.delete(sent[-2]["id"])
        await ben.read(chat, 30)

        assert all([one["content"] for one in page["items"]] == [str(n) for n in range(59, 34, -1)] for page in pages)
        assert edited["version"] == 2
        newest = (await ben.history(chat, limit=2))["items"]
        assert [(one["content"], one["is_deleted"]) for one in newest] == [("edited", False), ("", True)]
        assert (await ben.rest.view(chat))["unread_count"] == 31
    assert fleet.bugs() == []


async def test_connections_reset_behind_the_pooler_lose_nothing(fleet: WiredFleet, module_database_url: str):
    async with traffic(fleet) as flow:
        connection = await asyncpg.connect(module_database_url)
        for _ in range(3):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await flow.flowed(15)
        await connection.close()

        await heals(flow)
    assert fleet.bugs() == []


async def test_each_transaction_has_our_limits_and_no_other_client_of_the_pooler_has(pooler_url: str):
    store = await Store.connect(pooler_url, announce=lambda events: None, pooled=True)

    async with store.connection() as connection:
        limits = await connection.fetchrow("SELECT current_setting('transaction_timeout'), current_setting('jit')")
    await store.close()

    stranger = await asyncpg.connect(pooler_url, statement_cache_size=0)
    assert tuple(limits) == ("30s", "off")
    assert await stranger.fetchval("SELECT current_setting('transaction_timeout')") == "0"
    await stranger.close()


@pytest.fixture
def pair(home: Path) -> Iterator[tuple[Postgres, Postgres]]:
    ports = Ports(home / "pair.ports")
    with running_migrated(Postgres(home, ports, name="primary")) as primary:
        with running(Postgres(home, ports, name="standby", standby_of=primary.url)) as standby:
            yield primary, standby


@pytest.fixture
def hidden(pair: tuple[Postgres, Postgres], wires: FaultLoop, tmp_path_factory: pytest.TempPathFactory, home: Path):
    wire = wires.proxy(pair[0].url)
    folder = home / "hidden"
    folder.mkdir()
    with pgbouncer(folder, wire.url) as url:
        yield url, wire


async def test_a_promotion_hidden_by_the_pooler_is_another_history(pair, hidden):
    (primary, standby), (url, wire) = pair, hidden
    store = await Store.connect(url, announce=lambda events: None, pooled=True)
    epoch = store.epoch
    cursor = str((await sync(store, UserId("ann"), None))["next_cursor"])

    primary.kill()
    wire.point_to(standby.url)
    await standby.promote()

    async def synced() -> dict[str, object] | None:
        try:
            return await sync(store, UserId("ann"), cursor)
        except Unavailable:
            return None

    # Our own connections are those to the pooler: they never broke.
    assert (await eventually(synced))["recovered"] is False
    assert store.epoch != epoch
    await store.close()
