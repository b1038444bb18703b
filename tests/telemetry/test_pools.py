"""What is told of the pool of PostgreSQL, and of the drafts that wait for it."""

import asyncio
import time
from contextvars import ContextVar, copy_context

from causerie import telemetry
from causerie.domain.message import Posted
from causerie.store import Store
from tests.store.conftest import a_conversation, a_draft
from tests.support.waiting import eventually


def shown() -> tuple[float, float, float]:
    """Connections used and idle, and who waits."""
    states = {state: read() for state, read in telemetry.POOL_CONNECTIONS.reads.items()}
    assert telemetry.POOL_WAITING.read is not None
    return states["used"], states["idle"], telemetry.POOL_WAITING.read()


async def test_who_waits_for_a_connection_is_seen_and_how_long_he_waited(database_url):
    store = await Store.connect(database_url, announce=lambda events: None, max_size=1)
    waits, waited = sum(telemetry.POOL_WAIT_SECONDS.series[""].counts), telemetry.POOL_WAIT_SECONDS.series[""].sum
    assert shown() == (0, 1, 0)

    async with store.connection():
        waiting = [asyncio.create_task(store.ping()) for _ in range(2)]
        began = time.monotonic()
        await eventually(lambda: shown() == (1, 0, 2) and time.monotonic() > began + 0.1)
    await asyncio.gather(*waiting)

    assert shown() == (0, 1, 0)
    assert sum(telemetry.POOL_WAIT_SECONDS.series[""].counts) == waits + 3
    assert telemetry.POOL_WAIT_SECONDS.series[""].sum > waited + 0.2
    assert telemetry.POOL_MAX.value == 1
    await store.close()


async def test_who_gives_up_waiting_waits_no_more(database_url):
    store = await Store.connect(database_url, announce=lambda events: None, max_size=1)
    failures = telemetry.STORE_FAILURES.values["postgresql"]

    async with store.connection():
        waiting = asyncio.create_task(store.ping())
        await eventually(lambda: shown() == (1, 0, 1))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert shown() == (1, 0, 0)

    assert telemetry.STORE_FAILURES.values["postgresql"] == failures
    await store.close()


async def test_a_commit_takes_nothing_over_from_the_requests_in_it(database_url):
    """Their trace among it: every later commit would stand in the trace of the first."""
    request: ContextVar[str | None] = ContextVar("request", default=None)
    committed_in: list[str | None] = []
    store = await Store.connect(database_url, announce=lambda events: committed_in.append(request.get()))
    group = await a_conversation(store)
    committed_in.clear()

    def asked(name: str) -> "asyncio.Future[Posted]":
        request.set(name)
        return store.posts.submit(a_draft(group))

    await asyncio.gather(*(copy_context().run(asked, name) for name in ("first", "second")))

    assert set(committed_in) == {None}
    assert (telemetry.POSTS_QUEUED.read(), telemetry.POSTS_IN_FLIGHT.read()) == (0, 0)
    await store.close()
