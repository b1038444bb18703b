"""Changing tables beside running writers: short waits for locks, many tries.

A statement that waits for an exclusive lock makes every later writer of that table wait behind it.
So each attempt waits at most `LOCK_TIMEOUT_MS`, gives way, and comes back after a random pause.
Migrations and the upkeep of partitions both work this way.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

LOCK_TIMEOUT_MS = 300
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 2.0
"""A pause is between this and twice as long, at random: two who want the same lock must not meet again and again."""
PATIENCE_SECONDS = 120.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0

MIGRATIONS_LOCK = 1
PARTITIONS_LOCK = 2
_ADVISORY_SPACE = 0x63617573  # "caus": the first of the two numbers of our advisory locks

# Not the session's own limits: a migration may rightly take longer than a request.  PostgreSQL asks an
# autovacuum worker to step aside only after `deadlock_timeout`, a second by default, which a shorter wait for
# the lock never reaches; not every role may set it.
_PATIENCE = f"""
SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS};
SET LOCAL statement_timeout = 0;
SET LOCAL transaction_timeout = 0;
SELECT set_config('deadlock_timeout', '{LOCK_TIMEOUT_MS // 3}', true)
WHERE has_parameter_privilege('deadlock_timeout', 'SET')"""

T = TypeVar("T")


class SchemaError(Exception):
    """The schema could not be read or changed; the text is one line for the operator."""


@asynccontextmanager
async def connected(database: "str | Connection") -> "AsyncIterator[Connection]":
    """The given connection, or one of its own to the URL, closed at the end.

    Raises:
        SchemaError: PostgreSQL does not answer, or on a connection of its own anything PostgreSQL refuses.
    """
    if not isinstance(database, str):
        yield database
        return
    try:
        connection = await asyncpg.connect(database, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SchemaError(f"PostgreSQL cannot be reached: {one_line(error)}") from error
    try:
        yield connection
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SchemaError(one_line(error)) from error
    finally:
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()


async def patiently(
    connection: "Connection",
    change: Callable[[], Awaitable[T]],
    *,
    doing: str,
    patience_seconds: float = PATIENCE_SECONDS,
) -> T:
    """Run `change` in a transaction that gives up a lock it cannot have soon, and again until it can.

    Raises:
        SchemaError: it never got its locks within `patience_seconds`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            async with connection.transaction():
                await connection.execute(_PATIENCE)
                return await change()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if loop.time() >= deadline:
                waited = f"no lock within {patience_seconds:g} s"
                raise SchemaError(f"{doing}: {waited}; a long transaction holds it: {one_line(error)}") from error
            await asyncio.sleep(random.uniform(pause_seconds, 2 * pause_seconds))
            pause_seconds = min(pause_seconds * 1.5, MAX_PAUSE_SECONDS)


async def lock_for_transaction(connection: "Connection", lock: int) -> None:
    """Hold one of our advisory locks until the end of the transaction; waits as `lock_timeout` allows."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _ADVISORY_SPACE, lock)


@asynccontextmanager
async def locked(connection: "Connection", lock: int, *, doing: str, patience_seconds: float) -> AsyncIterator[None]:
    """Hold one of our advisory locks over several transactions; it ends with the connection at the latest.

    The connection is our own, so its limits for a single statement are lifted: this is no request.
    """

    async def take() -> None:
        await connection.execute("SELECT pg_advisory_lock($1, $2)", _ADVISORY_SPACE, lock)

    await patiently(connection, take, doing=doing, patience_seconds=patience_seconds)
    await connection.execute("SET statement_timeout = 0; SET transaction_timeout = 0")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1, $2)", _ADVISORY_SPACE, lock)


def one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    state = getattr(error, "sqlstate", None)
    return f"{text} ({state})" if state else text
