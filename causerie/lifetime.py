"""How a process of ours begins and ends: told by a signal, waiting for its database, with tasks beside its work."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from causerie.settings import StoreSettings
from causerie.store import Announce, Store


def told_to_end() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, told.set)
    return told


async def store_or_end(settings: StoreSettings, announce: Announce, told: asyncio.Event) -> Store | None:
    """Connect to PostgreSQL, waiting for it and its schema for as long as it takes; None when told to end first."""
    connecting = asyncio.create_task(
        Store.connect(
            settings.database_url,
            announce=announce,
            max_size=settings.database_connections,
            pooled=settings.database_pooled,
        )
    )
    await first_of(connecting, told)
    if not connecting.done():
        await ended(connecting)
        return None
    return await connecting


async def first_of(working: "asyncio.Task[Any]", told: asyncio.Event) -> None:
    """Wait until the work is done or the event is set."""
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run something endless beside the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await ended(task)


async def ended(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until they are over, however they end; None is one that never began."""
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
