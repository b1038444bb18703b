"""Connections, transactions and the epoch: how everything else reaches PostgreSQL.

Every use of a connection ends within a deadline, because a frozen server neither answers nor
refuses: the connection is then terminated (asking it to close could wait forever) and the caller
gets `Unavailable`, which says that the outcome is unknown.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from time import perf_counter
from typing import Any

import asyncpg
import orjson

from causerie import telemetry
from causerie.domain.errors import Unavailable
from causerie.domain.event import Event
from causerie.store import migrate
from causerie.store.footing import Footing, OtherHistory, read_epoch
from causerie.store.posts import PostQueue
from causerie.store.transaction import Connection, Transaction, cut, open_transaction

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 2.5
"""How long one use of a connection may take, so that a client has its 503 within 3 s."""
CONNECT_SECONDS = 2.0
RETRY_CONNECT_SECONDS = 1.0
RESERVED_CONNECTIONS = 3
"""Of the pool, for what is no plain read: a crowd that comes back and asks what it missed must not stop posts."""
READ = "read"

_NAME = {"application_name": "causerie"}
_SESSION = {
    "transaction_timeout": "30s",
    "timezone": "UTC",
    # A plan is kept as long as its connection.  Made while a table was empty it would scan that table for good:
    # the admission of 128 drafts then takes 175 ms instead of 1.3.  Every statement here has an index to use.
    "enable_seqscan": "off",
    "jit": "off",
}

Announce = Callable[[Sequence[Event]], None]
"""Told of every durable event after its commit. It must not block and may lose what it is told."""

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    # A lock that was not to be had in time, and a standby that is asked for its timeline before it is promoted.
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.TransactionTimeoutError,
    OtherHistory,
)


class HeardConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg carries no types
    """Knows when its server was last heard of."""

    __slots__ = ("heard_at",)

    def heard(self) -> None:
        self.heard_at = perf_counter()


class Store:
    """The pool, the current epoch and the queue of posts. Make one with `connect`, end it with `close`."""

    def __init__(self, url: str, announce: Announce, *, pooled: bool = False) -> None:
        self._url = url
        self._announce = announce
        self._pooled = pooled
        self._footing: Footing | None = None
        self._pool: asyncpg.Pool
        self._readers: asyncio.Semaphore
        self._epoch = ""
        self._silent_since = 0.0
        """When the use began that a server left without an answer last."""
        self.cursor_key = b""
        self.posts = PostQueue(self.transaction)
        self._uses = 0
        """Who has a connection or waits for one."""
        self._used = 0

    @classmethod
    async def connect(
        cls, url: str, *, announce: Announce, min_size: int = 1, max_size: int = 10, pooled: bool = False
    ) -> "Store":
        """Open the pool, waiting for as long as it takes PostgreSQL and its schema to appear.

        `pooled`: the URL is a pooler that gives a connection for one transaction at a time.
        """
        store = cls(url, announce, pooled=pooled)
        store._readers = asyncio.Semaphore(max(1, max_size - RESERVED_CONNECTIONS))
        store._pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=max_size,
            timeout=CONNECT_SECONDS,
            init=store._prepare,
            connection_class=HeardConnection,
            reset=_leave_as_it_is,
            server_settings=_NAME if pooled else _NAME | _SESSION,
            **({"statement_cache_size": 0} if pooled else {}),
        )
        await store._pool
        store._show_pool()
        while True:
            try:
                await asyncio.gather(*(store.ping() for _ in range(min_size)))
                async with store.connection() as connection:
                    lacking = await migrate.pending(connection)
                    if not lacking:
                        store.cursor_key = await connection.fetchval("SELECT cursor_key FROM platform")
                        # The schema may be younger than the connection, and a part of the epoch's name.
                        store._stand_in(await read_epoch(connection))
                        return store
                log.warning("waiting for the schema", extra={"lacking": lacking})
            except (Unavailable, asyncpg.InvalidCatalogNameError) as away:
                log.warning("waiting for PostgreSQL", extra={"reason": str(away)})
            await asyncio.sleep(RETRY_CONNECT_SECONDS)

    async def close(self) -> None:
        """Let posts in flight finish, then drop every connection without waiting for the server."""
        await self.posts.close()
        self._pool.terminate()

    @property
    def epoch(self) -> str:
        """Names this history of the database; another one after a promotion or a restore.

        Made of what tells one database from another (`footing.py`), read whenever a connection is opened: whatever
        changes it also breaks every open connection. A pooler hides that, so there every transaction asks.
        """
        return self._epoch

    @asynccontextmanager
    async def connection(
        self, operation: str = READ, *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> AsyncIterator[Connection]:
        """Borrow a connection for at most `deadline_seconds`; `operation` is what the metrics call this use of it.

        Raises:
            Unavailable: PostgreSQL is away, frozen, read-only, full, or ended the transaction.
        """
        async with self._borrowed(operation, deadline_seconds) as connection:
            if not self._pooled:
                yield connection
                return
            async with self._opened(connection):
                yield connection

    @asynccontextmanager
    async def _borrowed(self, operation: str, deadline_seconds: float) -> AsyncIterator[Connection]:
        connection: Connection | None = None
        began = perf_counter()
        self._uses += 1
        try:
            async with asyncio.timeout(deadline_seconds), self._readers if operation == READ else nullcontext():
                connection = await self._acquire()
                self._used += 1
                telemetry.POOL_WAIT_SECONDS.record(perf_counter() - began)
                yield connection
                connection.heard()
        except _AWAY as error:
            telemetry.STORE_FAILURES.add("postgresql")
            if connection is not None and isinstance(error, TimeoutError | OtherHistory):
                cut(connection)
                if isinstance(error, TimeoutError):
                    self._silent_since = max(self._silent_since, began)
            raise Unavailable(f"PostgreSQL is away ({type(error).__name__}).") from error
        except asyncio.CancelledError:
            if connection is not None:
                cut(connection)
            raise
        finally:
            telemetry.db_operation("postgresql", operation, perf_counter() - began)
            self._uses -= 1
            if connection is not None:
                self._used -= 1
                await self._release(connection)

    async def _acquire(self) -> Connection:
        """A connection of the pool; those that have said nothing since another fell silent are not waited for.

        A server or a middle box that goes without a word takes all of them along; finding out costs a deadline each.
        """
        while True:
            connection = await self._pool.acquire()
            if connection.heard_at >= self._silent_since:
                return connection
            cut(connection)
            await self._release(connection)

    @asynccontextmanager
    async def transaction(
        self, operation: str = "write", *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> AsyncIterator[Transaction]:
        """Run a transaction; when it has committed, its events are announced.

        Raises:
            Unavailable: as `connection`; whether the transaction took effect is then unknown.
        """
        async with self._borrowed(operation, deadline_seconds) as connection:
            transaction = Transaction(connection)
            async with self._opened(connection):
                yield transaction
            self.announce(transaction.events)

    @asynccontextmanager
    async def _opened(self, connection: Connection) -> AsyncIterator[None]:
        async with open_transaction(connection):
            if self._footing is not None:
                await self._footing.take(connection)
            yield

    def announce(self, events: Sequence[Event]) -> None:
        """Tell whoever listens of events that have committed."""
        if events:
            self._announce(events)

    async def ping(self) -> None:
        """Raise `Unavailable` unless PostgreSQL answers."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    def _show_pool(self) -> None:
        pool = self._pool
        telemetry.POOL_MAX.value = pool.get_max_size()
        telemetry.POOL_WAITING.read = lambda: self._uses - self._used
        telemetry.POOL_CONNECTIONS.reads.update(
            idle=pool.get_idle_size, used=lambda: pool.get_size() - pool.get_idle_size()
        )

    async def _release(self, connection: Connection) -> None:
        try:
            await self._pool.release(connection, timeout=CONNECT_SECONDS)
        except _AWAY as error:
            log.warning("PostgreSQL connection lost", extra={"reason": type(error).__name__})

    async def _prepare(self, connection: Any) -> None:
        # In a transaction, for a pooler would hand each question to another server's connection.
        async with open_transaction(connection):
            await connection.set_type_codec(
                "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
            )
            epoch = await read_epoch(connection)
            if self._epoch not in ("", epoch) and await migrate.pending(connection):
                # Restored behind our back, by somebody who has not come to `causerie migrate up` yet.
                raise OtherHistory
        connection.heard()
        if self._epoch not in ("", epoch):
            log.warning("the database has another history now", extra={"epoch": epoch, "earlier_epoch": self._epoch})
        self._stand_in(epoch)

    def _stand_in(self, epoch: str) -> None:
        self._epoch = epoch
        self._footing = Footing(_SESSION, epoch) if self._pooled else None


async def _leave_as_it_is(connection: Connection) -> None:
    """Nothing here changes a session, so a connection goes back without the round trip that would reset it."""


_JSONB_VERSION = b"\x01"


def _encode_jsonb(value: object) -> bytes:
    return _JSONB_VERSION + orjson.dumps(value)


def _decode_jsonb(data: bytes) -> object:
    return orjson.loads(data[1:])
