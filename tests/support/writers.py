"""People who write and read while the schema is worked on, straight in SQL and at a time the test chooses.

The store stamps rows with PostgreSQL's clock, which a test cannot move over the end of a month; these
writers do what its transaction does to the partitioned tables, at `clock()`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

_POST = """
WITH key AS (
    INSERT INTO send_keys (week, sender_id, client_id, message_id, digest)
    VALUES (date_trunc('week', $4::timestamptz AT TIME ZONE 'UTC')::date, 'ann', $1::uuid::text, $1, '')
), event AS (
    INSERT INTO events (conversation_id, seq, shard, kind, actor, message_id, created_at)
    VALUES ($2, $3, 0, 'message.new', 'ann', $1, $4)
)
INSERT INTO messages (id, conversation_id, seq, number, sender_id, type, content, metadata, created_at)
VALUES ($1, $2, $3, $3, 'ann', 'text', 'hello', '{}', $4)"""
_EDIT = "UPDATE messages SET content = 'edited', version = version + 1 WHERE id = $1 RETURNING version"
_HISTORY = "SELECT seq, version FROM messages WHERE conversation_id = $1 AND seq <= $2 ORDER BY seq"
_LOG = "SELECT count(*) FROM events WHERE conversation_id = $1 AND seq <= $2"
_KEYS = "SELECT count(*) FROM send_keys WHERE sender_id = 'ann' AND client_id = ANY($1)"

_READ_BACK = 400


class Writers:
    """`failures` and `slowest_seconds`, of one statement, are what the test asks about afterwards.

    `bystander_seconds` is the slowest commit of somebody who touches no table: what the machine costs by itself.
    """

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        self._url = url
        self.clock = clock
        self.posted: defaultdict[UUID, list[tuple[UUID, datetime]]] = defaultdict(list)
        self.edits: defaultdict[UUID, int] = defaultdict(int)
        self.reads = 0
        self.failures: list[str] = []
        self.slowest_seconds = 0.0
        self.bystander_seconds = 0.0

    @property
    def count(self) -> int:
        return sum(len(posted) for posted in self.posted.values())

    @asynccontextmanager
    async def at_work(self, *, posting: int = 4, reading: int = 2, pause_seconds: float = 0.001) -> AsyncIterator[None]:
        """So many people at it as long as the block runs."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self._work(self._post, stop, pause_seconds)) for _ in range(posting)]
        tasks += [asyncio.create_task(self._work(self._read, stop, pause_seconds)) for _ in range(reading)]
        tasks.append(asyncio.create_task(self._work(self._stand_by, stop, pause_seconds)))
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def fill(self, rows: int, *, at: Sequence[datetime]) -> None:
        """Post `rows` messages at once, spread over the times given."""
        connection = await asyncpg.connect(self._url)
        conversation = uuid4()
        for seq in range(1, rows + 1):
            message, moment = uuid4(), at[seq * len(at) // (rows + 1)]
            self.posted[conversation].append((message, moment))
        posted = self.posted[conversation]
        await connection.executemany(
            _POST, [(message, conversation, seq, moment) for seq, (message, moment) in enumerate(posted, 1)]
        )
        await connection.close()

    async def verify(self) -> None:
        """Every acknowledged row and edit is there, once."""
        connection = await asyncpg.connect(self._url)
        for conversation in list(self.posted):
            await self._compare(connection, conversation, len(self.posted[conversation]), exact_versions=True)
        assert await connection.fetchval("SELECT count(*) FROM messages") == self.count
        assert await connection.fetchval("SELECT count(*) FROM events") == self.count
        assert await connection.fetchval("SELECT count(*) FROM send_keys") == self.count
        await connection.close()
        assert self.failures == []

    async def _work(
        self, turn: Callable[[asyncpg.Connection, UUID], Awaitable[None]], stop: asyncio.Event, pause_seconds: float
    ) -> None:
        connection = await asyncpg.connect(self._url)
        conversation = uuid4()
        while not stop.is_set():
            try:
                await turn(connection, conversation)
            except (asyncpg.PostgresError, AssertionError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            await asyncio.sleep(pause_seconds)
        await connection.close()

    @asynccontextmanager
    async def _timed(self) -> AsyncIterator[None]:
        began = time.monotonic()
        yield
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    async def _post(self, connection: asyncpg.Connection, conversation: UUID) -> None:
        posted = self.posted[conversation]
        message, moment = uuid4(), self.clock()
        async with self._timed():
            await connection.execute(_POST, message, conversation, len(posted) + 1, moment)
        posted.append((message, moment))
        if len(posted) % 3 == 0:
            edited = posted[len(posted) // 2][0]
            async with self._timed():
                version = await connection.fetchval(_EDIT, edited)
            assert version is not None, "a message to edit was not found"
            self.edits[edited] += 1

    async def _read(self, connection: asyncpg.Connection, _conversation: UUID) -> None:
        if not self.posted:
            return
        self.reads += 1
        conversations = list(self.posted)
        conversation = conversations[self.reads % len(conversations)]
        await self._compare(connection, conversation, len(self.posted[conversation]))

    async def _stand_by(self, connection: asyncpg.Connection, _conversation: UUID) -> None:
        began = time.monotonic()
        await connection.execute("SELECT pg_logical_emit_message(true, 'bystander', '')")
        self.bystander_seconds = max(self.bystander_seconds, time.monotonic() - began)

    async def _compare(
        self, connection: asyncpg.Connection, conversation: UUID, upto: int, *, exact_versions: bool = False
    ) -> None:
        """What was acknowledged before the question must be in the answer."""
        posted = self.posted[conversation][:upto]
        edits = [1 + self.edits[message] for message, _ in posted]
        async with self._timed():
            rows = await connection.fetch(_HISTORY, conversation, upto)
        assert [row["seq"] for row in rows] == list(range(1, upto + 1)), "rows vanished from history or came twice"
        for row, known in zip(rows, edits, strict=True):
            assert row["version"] == known if exact_versions else row["version"] >= known, "an edit was undone"
        assert await connection.fetchval(_LOG, conversation, upto) == upto, "rows vanished from the log"
        keys = [str(message) for message, _ in posted[-_READ_BACK:]]
        assert await connection.fetchval(_KEYS, keys) == len(keys), "keys vanished"
