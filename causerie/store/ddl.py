"""Changing tables beside running writers: short waits for locks, many tries.

A statement that waits for an exclusive lock makes every later writer of that table wait behind it.
So each attempt waits at most `LOCK_TIMEOUT_MS`, gives way, and comes back after a random pause.
Migrations and the upkeep of partitions both work this way.  What the upkeep does while everybody waits is sent
`briefly`: as one message, else every statement's way there and back would be waited for by everybody.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import asyncpg

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

LOCK_TIMEOUT_MS = 300
HOLD_MS = 600
"""Longer than this nobody is made to wait `briefly`, the wait for the locks themselves included."""
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 2.0
"""A pause is between this and twice as long, at random: two who want the same lock must not meet again and again."""
PATIENCE_SECONDS = 120.0
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0

MIGRATIONS_LOCK = 1
PARTITIONS_LOCK = 2
RECONCILE_LOCK = 3
_ADVISORY_SPACE = 0x63617573  # "caus": the first of the two numbers of our advisory locks

# Not the session's own limits: a migration may rightly take longer than a request.
_PATIENCE = f"""
SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS};
SET LOCAL statement_timeout = 0;
SET LOCAL transaction_timeout = 0"""

# Tables of ours that somebody vacuums or analyzes.
_VACUUMED = """
SELECT l.relation::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND pg_has_role(c.relowner, 'USAGE')"""
# A little longer than PostgreSQL takes to ask an autovacuum to go.
_WAIT_FOR_VACUUM = """
SELECT set_config('lock_timeout', ((extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000)::int
                                   + 500)::text, true)"""

# The last is what asyncpg says when a connection is ended in the middle of its answer.
_BROKEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


T = TypeVar("T")


class SchemaError(Exception):
    """The schema could not be read or changed; the text is one line for the operator."""


class _TooLong(Exception):
    """A change was given up lest everybody wait for it longer."""


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
    except (*_BROKEN, ValueError) as error:
        raise SchemaError(f"PostgreSQL cannot be reached: {one_line(error)}") from error
    try:
        yield connection
    except _BROKEN as error:
        raise SchemaError(one_line(error)) from error
    finally:
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except _BROKEN:
            connection.terminate()


async def patiently(
    connection: "Connection",
    change: Callable[[], Awaitable[T]],
    *,
    doing: str,
    patience_seconds: float = PATIENCE_SECONDS,
) -> T:
    """Run `change` in a transaction that gives up a lock it cannot have soon, and again until it can.

    Autovacuum is asked to step aside when the first attempt has failed, see `_still_vacuum`.

    Raises:
        SchemaError: it never got its locks within `patience_seconds`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    has_failed = False
    while True:
        try:
            async with connection.transaction():
                if has_failed:
                    await _still_vacuum(connection)
                await connection.execute(_PATIENCE)
                return await change()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, _TooLong) as error:
            if loop.time() >= deadline:
                waited = f"no lock within {patience_seconds:g} s"
                raise SchemaError(f"{doing}: {waited}; a long transaction holds it: {one_line(error)}") from error
            await asyncio.sleep(random.uniform(pause_seconds, 2 * pause_seconds))
            pause_seconds = min(pause_seconds * 1.5, MAX_PAUSE_SECONDS)
            has_failed = True


async def briefly(connection: "Connection", *statements: str) -> None:
    """Run what locks others out, within `patiently` and as the last thing there, in one go and for `HOLD_MS` at most.

    Its commit does not wait for the disk, because everybody would: what they commit afterwards lies behind it in the
    log, so a crash that takes it takes nothing that was built on it.
    """
    began = time.monotonic()
    try:
        await connection.execute(
            f"SET LOCAL statement_timeout = {HOLD_MS}; SET LOCAL synchronous_commit = off;"
            f" DO $briefly$ BEGIN {'; '.join(statements)}; END $briefly$"
        )
    except asyncpg.QueryCanceledError as error:
        if time.monotonic() - began < HOLD_MS / 1000:
            raise  # by somebody who wants us to end
        raise _TooLong(f"it takes longer than {HOLD_MS} ms") from error


async def _still_vacuum(connection: "Connection") -> None:
    """Keep vacuum off our tables until the end of this transaction.

    PostgreSQL ends an autovacuum that is in somebody's way, but only after `deadlock_timeout`, a second by default:
    longer than anybody may be made to wait behind us, and a role of ours may not set it shorter.  So we first ask for
    the mode that vacuum itself holds, in which nobody who reads or writes waits for us.  A vacuum by hand, or one that
    keeps transaction ids from running out, goes on, and so do we without that table.
    """
    await connection.execute(_WAIT_FOR_VACUUM)
    for (table,) in await connection.fetch(_VACUUMED):
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE")
        except asyncpg.LockNotAvailableError:
            continue


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
