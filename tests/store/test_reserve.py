"""A crowd of readers takes the pool, but never all of it."""

import asyncio
import time

from causerie.store import Store
from tests.store.conftest import a_conversation, a_draft

READ_SECONDS = 2.0
SOON_SECONDS = 1.0


async def test_a_post_does_not_wait_behind_a_crowd_of_reads(database_url: str) -> None:
    store = await Store.connect(database_url, announce=lambda events: None, max_size=5)
    group = await a_conversation(store)
    await store.posts.submit(a_draft(group))

    async def read() -> None:
        async with store.connection() as connection:
            await connection.execute(f"SELECT pg_sleep({READ_SECONDS})")

    reads = [asyncio.create_task(read()) for _ in range(50)]
    await asyncio.sleep(0)
    began = time.monotonic()
    await store.posts.submit(a_draft(group))

    assert time.monotonic() - began < SOON_SECONDS
    for reading in reads:
        reading.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    await store.close()
