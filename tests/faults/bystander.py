"""Somebody who asks, beside what is tried, for nothing of what is harmed: what he waits the machine costs everybody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from tests.support.services import Service, get

PAUSE_SECONDS = 0.05
COMMIT = "SELECT pg_logical_emit_message(true, 'bystander', '')"
"""It touches no table, and waits for the disk as every commit does."""


class Bystander:
    """`slowest_seconds` is what his slowest question took so far."""

    def __init__(self) -> None:
        self.slowest_seconds = 0.0
        self._ending = asyncio.Event()

    async def ask(self, question: Callable[[], Awaitable[object]]) -> None:
        """Again and again, until the end."""
        loop = asyncio.get_running_loop()
        while not self._ending.is_set():
            began = loop.time()
            # It counts as well: the machine may stand still meanwhile.
            await asyncio.sleep(PAUSE_SECONDS)
            await question()
            self.slowest_seconds = max(self.slowest_seconds, loop.time() - began)

    def end(self) -> None:
        self._ending.set()


@asynccontextmanager
async def standing_by(services: list[Service], database_url: str | None = None) -> AsyncIterator[Bystander]:
    """As long as the block, each of the services is asked for its health, and a database that is well for a commit."""
    bystander = Bystander()
    questions: list[Callable[[], Awaitable[object]]] = [
        partial(get, service.health_port, "/health") for service in services
    ]
    connection = await asyncpg.connect(database_url) if database_url else None
    if connection is not None:
        questions.append(partial(connection.execute, COMMIT))
    asking = [asyncio.create_task(bystander.ask(question)) for question in questions]
    try:
        yield bystander
    finally:
        bystander.end()
        await asyncio.gather(*asking)
        if connection is not None:
            await connection.close()
