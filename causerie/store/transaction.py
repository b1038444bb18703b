"""One open transaction, as those who write into it see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias

import asyncpg

from causerie.domain.event import Event

Connection: TypeAlias = Any
"""A borrowed connection; asyncpg carries no types."""


class Transaction:
    """One open transaction and the events it has appended to the log so far."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[Event] = []


class Transact(Protocol):
    """Opens transactions whose events are announced once they have committed: `Store.transaction`."""

    def __call__(self, operation: str, *, deadline_seconds: float) -> AbstractAsyncContextManager[Transaction]: ...


@asynccontextmanager
async def open_transaction(connection: Connection) -> AsyncIterator[None]:
    """A transaction that asks a server nothing more once it was cut off: a frozen one never answers a rollback."""
    transaction = connection.transaction()
    try:
        await transaction.start()
        try:
            yield
        except asyncio.CancelledError:
            raise
        except BaseException:
            await transaction.rollback()
            raise
        await transaction.commit()
    except asyncio.CancelledError:
        # Also in the middle of BEGIN: the pool would ask a connection that it is still making ready to close.
        cut(connection)
        raise


def cut(connection: Connection) -> None:
    """End a connection without a word to the server; one that is ended already is left alone."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()
