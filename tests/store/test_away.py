"""PostgreSQL away: an answer within three seconds, nothing promised, and nothing to restart when it is back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from causerie.domain.errors import Unavailable
from causerie.domain.message import Posted
from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from causerie.store import Store, log, migrate
from causerie.store.store import DEADLINE_SECONDS
from tests.store.conftest import ANN, BEN, a_conversation, a_draft, overslept
from tests.support.fault_proxy import HalfOpen, fault_loop
from tests.support.processes import frozen
from tests.support.relay import relay_to


@pytest.fixture
async def server(stores_home: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL of this test's own, to be killed and frozen."""
    home = stores_home / "to-be-killed"
    home.mkdir(mode=0o755, exist_ok=True)
    postgres = Postgres(home, Ports(home / "ports"))
    await postgres.start()
    yield postgres
    await postgres.stop()


async def test_a_frozen_server_gets_an_answer_in_time_and_is_used_again_when_it_thaws(server: Postgres) -> None:
    await migrate.up(server.url)
    store = await Store.connect(server.url, announce=lambda events: None, max_size=4)
    group = await a_conversation(store, ANN, BEN)
    await store.posts.submit(a_draft(group))

    with frozen(server.process.pid):
        sleeper = asyncio.create_task(overslept())
        began = time.monotonic()
        outcomes = await asyncio.gather(
            *(store.posts.submit(a_draft(group, text=str(n), client_id=f"k{n}")) for n in range(20)),
            log.load_audience(store, group, 0),
            a_conversation(store, ANN, BEN),
            return_exceptions=True,
        )
        took = time.monotonic() - began

    assert took < 3.0 + await sleeper
    assert all(getattr(outcome, "status", None) == 503 for outcome in outcomes)
    again = [await _until_it_is_back(store, a_draft(group, text=str(n), client_id=f"k{n}")) for n in range(20)]
    assert sorted(one.message.content for one in again) == sorted(str(n) for n in range(20))
    assert [event.seq for event in await log.events_between(store, group, 0)] == list(range(1, 23))
    await store.close()


async def test_a_server_that_freezes_in_mid_transaction_gets_an_answer_in_time(server: Postgres) -> None:
    await migrate.up(server.url)
    store = await Store.connect(server.url, announce=lambda events: None)
    group = await a_conversation(store, ANN, BEN)

    with contextlib.ExitStack() as ice:
        began = time.monotonic()
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable):
                async with store.transaction() as tx:
                    await tx.connection.execute("UPDATE conversations SET last_seq = last_seq + 7 WHERE id = $1", group)
                    ice.enter_context(frozen(server.process.pid))
                    await tx.connection.execute("SELECT 1")
        took = time.monotonic() - began

    assert took < 3.0
    # What it had begun holds no lock against those who come after, and took no effect.
    posted = await _until_it_is_back(store, a_draft(group))
    assert posted.message.seq == 2
    await store.close()


async def test_a_server_that_freezes_while_a_connection_is_made_ready_gets_an_answer_in_time(database_url: str) -> None:
    async with relay_to(database_url) as relay:
        store = await Store.connect(relay.url, announce=lambda events: None, max_size=4)
        await relay.cut()
        await relay.start()
        relay.freezes_at = b"BEGIN"

        began = time.monotonic()
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable):
                await store.ping()
        assert time.monotonic() - began < 3.0

        relay.freezes_at = None
        relay.thaw()
        await store.ping()
        await store.close()


async def test_connections_that_all_went_silent_at_once_cost_one_deadline_and_not_one_each(database_url: str) -> None:
    with fault_loop() as loop:
        wire = loop.proxy(database_url)
        store = await Store.connect(wire.url, announce=lambda events: None, max_size=5)
        async with contextlib.AsyncExitStack() as held:
            for _ in range(5):
                await held.enter_async_context(store.connection("lease"))

        wire.suffer(HalfOpen())
        with pytest.raises(Unavailable):
            await store.ping()
        began = time.monotonic()
        for _ in range(5):
            await store.ping()

        assert wire.hits == 5
        assert time.monotonic() - began < DEADLINE_SECONDS
        await store.close()


async def _until_it_is_back(store: Store, draft: object) -> Posted:
    for _ in range(20):
        try:
            return await store.posts.submit(draft)
        except Unavailable:
            continue
    raise AssertionError("PostgreSQL did not come back")


async def test_a_store_waits_for_its_schema(empty_database_url: str) -> None:
    connecting = asyncio.create_task(Store.connect(empty_database_url, announce=lambda events: None))
    done, _ = await asyncio.wait([connecting], timeout=0.5)
    assert not done

    await migrate.up(empty_database_url)

    store = await asyncio.wait_for(connecting, 5)
    assert store.epoch
    await store.close()
