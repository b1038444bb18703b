"""A crowd of readers takes the pool, but never all of it."""

import asyncio

import asyncpg

from causerie.store import Store
from causerie.store.store import RESERVED_CONNECTIONS
from tests.store.conftest import a_conversation, a_draft
from tests.support.waiting import eventually

CONNECTIONS = 5
READ_SECONDS = 60.0
"""A read is given so long that none ends before the test lets it."""


async def test_a_post_does_not_wait_behind_a_crowd_of_reads(database_url: str) -> None:
    store = await Store.connect(database_url, announce=lambda events: None, max_size=CONNECTIONS)
    group = await a_conversation(store)
    await store.posts.submit(a_draft(group))
    gate = await asyncpg.connect(database_url)
    await gate.execute("SELECT pg_advisory_lock(7)")

    async def read() -> None:
        async with store.connection(deadline_seconds=READ_SECONDS) as connection:
            await connection.execute("SELECT pg_advisory_lock_shared(7)")

    async def the_crowd_is_in() -> bool:
        waiting: int = await gate.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
        )
        return waiting >= CONNECTIONS - RESERVED_CONNECTIONS

    reads = [asyncio.create_task(read()) for _ in range(50)]
    await eventually(the_crowd_is_in)
    await store.posts.submit(a_draft(group))

    assert not any(reading.done() for reading in reads)
    for reading in reads:
        reading.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    await gate.close()
    await store.close()
