"""A platform to write with, and nodes that listen, against the real PostgreSQL, NATS and Redis."""

from collections.abc import AsyncIterator

import pytest

from tests.worker.people import Town


@pytest.fixture
async def town(database_url: str, redis_url: str, nats_url: str) -> AsyncIterator[Town]:
    """People who write through actions, and nodes on which they sit. No worker runs yet."""
    town = await Town.build(database_url, redis_url, nats_url)
    yield town
    await town.close()
