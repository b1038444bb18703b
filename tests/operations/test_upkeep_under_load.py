"""The daily run puts everything right while 300 messages a second are sent: nobody is refused, nobody waits."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from websockets.asyncio.client import ClientConnection, connect

from causerie.domain.ids import ConversationId
from causerie.store import Store, partitions
from causerie.store.partitions.periods import EVENTS, MESSAGES, Rhythm
from causerie.store.reconcile import reconcile
from tests.gateway.client import Client, token_of
from tests.journeys.fleet import BRISK
from tests.operations import pages
from tests.store.conftest import a_conversation
from tests.support.services import Services
from tests.support.stores import execute

SECONDS = float(os.environ.get("PROOF_SECONDS", "4"))
"""How long at least; `make partitions-proof` takes a minute."""
ROWS = int(os.environ.get("PROOF_ROWS", "10000"))
"""In each default partition before anything is sent."""
RATE = 300
GROUPS = 6
LONGEST_WAIT_SECONDS = 1.0
ANSWER_SECONDS = 40.0

_FILL = """
WITH written AS (
    INSERT INTO messages (id, conversation_id, seq, number, sender_id, type, content, metadata, created_at)
    SELECT id, '{conversation}', n, n, 'ann', 'text', repeat('x', 200), '{{}}', uuid_extract_timestamp(id)
    FROM (SELECT n, uuidv7(interval '{shift}') AS id FROM generate_series(1, {rows}) n) made
    RETURNING id, conversation_id, seq, created_at
)
INSERT INTO events (conversation_id, seq, shard, kind, actor, message_id, created_at)
SELECT conversation_id, seq, 0, 'message.new', 'ann', id, created_at FROM written"""


@pytest.mark.timeout(600)
async def test_the_daily_run_repairs_everything_while_messages_are_sent(
    operator: dict[str, str], services: Services, database_url: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    expired = Rhythm.MONTH.back(now, 14)
    await partitions.ensure(database_url, now=expired.start, months_ahead=0, weeks_ahead=0)
    await execute(
        database_url,
        # What is sent now finds no partition either.
        *(
            f"DROP TABLE {table.partition(month)}"
            for table in (MESSAGES, EVENTS)
            for month in Rhythm.MONTH.ahead(now, 1)
        ),
        _FILL.format(conversation="0191c9c0-0000-7000-8000-000000000001", shift="-65 days", rows=ROWS),
        _FILL.format(
            conversation="0191c9c0-0000-7000-8000-000000000002",
            shift=f"-{(now - expired.start - timedelta(days=3)).days} days",
            rows=500,
        ),
    )
    assert (await partitions.check(database_url)).short
    gateway = await services.start("gateway", **BRISK)
    store = await Store.connect(database_url, announce=lambda events: None)
    groups = [await a_conversation(store) for _ in range(GROUPS)]
    await store.close()

    async with sending(gateway.ws_url, groups) as sends, bystander(gateway.ws_url, database_url) as standing_by:
        began = time.monotonic()
        await sends.more(RATE // 2)
        today = await pages.works(pages.block("partitions", "daily"), operator, tmp_path)
        await sends.more(RATE // 2)
        tomorrow = await partitions.retain(database_url, months=12)
        await sends.more(max(RATE // 2, int(RATE * (SECONDS - (time.monotonic() - began)))))

    # Where the machine itself stood still for a second a send is rightly refused, and sent again as clients do.
    stood_still = standing_by.slowest_seconds > LONGEST_WAIT_SECONDS
    assert stood_still or not sends.refusals, f"{len(sends.refusals)} refused, e.g. {sends.refusals[0]}"
    assert sends.slowest_seconds < LONGEST_WAIT_SECONDS + standing_by.slowest_seconds
    month = MESSAGES.partition(expired)
    assert f"created {MESSAGES.partition(Rhythm.MONTH.ahead(now, 1)[1])}" in today
    moved = re.search(r"moved (\d+) rows from the default into messages", today)
    assert moved is not None
    assert int(moved[1]) > ROWS, "what was sent lay in no default"
    assert f"detached {month}; the next run drops it" in today
    assert month in tomorrow.dropped
    report = await partitions.check(database_url)
    assert (report.short, report.default_rows) == (False, 0)
    await everything_is_there(database_url, groups, sends)
    assert (await reconcile(database_url, repair=False, rest=0)).drifts == []
    sys.stdout.write(
        f"{sends.count} messages at {sends.count / sends.lasted_seconds:.0f}/s, slowest {sends.slowest_seconds:.3f} s, "
        f"the machine's own slowest {standing_by.slowest_seconds:.3f} s, {ROWS} rows in default\n"
    )


class Sending:
    """What was sent and how it was answered."""

    def __init__(self, sockets: Sequence[ClientConnection], groups: Sequence[ConversationId]) -> None:
        self._sockets, self._groups = sockets, groups
        self._sent_at: dict[int, float] = {}
        self._is_over = False
        self.seqs: dict[ConversationId, list[int]] = {group: [] for group in groups}
        self._again: list[tuple[float, int]] = []
        self.refusals: list[Any] = []
        self.slowest_seconds = self.lasted_seconds = 0.0

    @property
    def count(self) -> int:
        return sum(map(len, self.seqs.values()))

    async def more(self, count: int) -> None:
        """Until so many more were answered."""
        wanted = self.count + count
        async with asyncio.timeout(ANSWER_SECONDS + 4 * count / RATE):
            while self.count < wanted:
                await asyncio.sleep(0.05)

    async def send(self) -> None:
        """At an even pace, whatever the answers do; a stall of ours is made up for."""
        began = time.monotonic()
        number = 0
        while not self._is_over or self._sent_at:
            while self._again and self._again[0][0] < time.monotonic():
                await self._say(self._again.pop(0)[1])
            while not self._is_over and number < RATE * (time.monotonic() - began):
                number += 1
                self._sent_at[number] = time.monotonic()
                await self._say(number)
            await asyncio.sleep(1 / RATE)
        self.lasted_seconds = time.monotonic() - began

    async def _say(self, number: int) -> None:
        place = number % len(self._groups)
        frame = {"id": number, "op": "send", "content": "hello", "client_id": f"key-{number}"}
        await self._sockets[place].send(json.dumps(frame | {"conversation_id": str(self._groups[place])}))

    async def listen(self, place: int) -> None:
        async for data in self._sockets[place]:
            answer = json.loads(data)
            if "ok" not in answer:
                continue
            if not answer["ok"]:
                self.refusals.append(answer)
                assert answer["error"]["retryable"]
                pause_seconds = answer["error"].get("retry_after_ms", 1000) / 1000
                self._again.append((time.monotonic() + pause_seconds, answer["id"]))
                continue
            waited_seconds = time.monotonic() - self._sent_at.pop(answer["id"])
            self.slowest_seconds = max(self.slowest_seconds, waited_seconds)
            self.seqs[self._groups[place]].append(answer["result"]["seq"])

    def stop(self) -> None:
        self._is_over = True


@asynccontextmanager
async def sending(url: str, groups: Sequence[ConversationId]) -> AsyncIterator[Sending]:
    """300 messages a second as long as the block runs; at its end every one is answered."""
    async with AsyncExitStack() as stack:
        headers = {"Authorization": f"Bearer {token_of('ann')}"}
        sockets = [
            await stack.enter_async_context(connect(f"{url}/ws", compression=None, additional_headers=headers))
            for _ in groups
        ]
        sends = Sending(sockets, groups)
        listening = [asyncio.create_task(sends.listen(place)) for place in range(len(groups))]
        pacing = asyncio.create_task(sends.send())
        try:
            yield sends
            sends.stop()
            async with asyncio.timeout(ANSWER_SECONDS):
                await pacing
        finally:
            for task in (pacing, *listening):
                task.cancel()
            await asyncio.gather(pacing, *listening, return_exceptions=True)


class Bystander:
    """The slowest commit of somebody who touches no table, and the slowest answer of the gateway that needs none."""

    slowest_seconds = 0.0

    async def ask(self, question: Callable[[], Awaitable[object]]) -> None:
        while True:
            began = time.monotonic()
            await question()
            await asyncio.sleep(0.02)
            self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)


@asynccontextmanager
async def bystander(url: str, database_url: str) -> AsyncIterator[Bystander]:
    """What the machine costs by itself."""
    seen = Bystander()
    connection = await asyncpg.connect(database_url)
    async with connect(
        f"{url}/ws", compression=None, additional_headers={"Authorization": f"Bearer {token_of('ben')}"}
    ) as socket:
        client = Client(socket)
        tasks = [
            asyncio.create_task(
                seen.ask(partial(connection.execute, "SELECT pg_logical_emit_message(true, 'by', '')"))
            ),
            asyncio.create_task(seen.ask(partial(client.do, "ping"))),
        ]
        try:
            yield seen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    await connection.close()


async def everything_is_there(url: str, groups: Sequence[ConversationId], sends: Sending) -> None:
    """Each message that was acknowledged, once, and its event."""
    connection = await asyncpg.connect(url)
    for group in groups:
        assert sorted(sends.seqs[group]) == list(range(2, len(sends.seqs[group]) + 2))
        for table in ("messages", "events"):
            stored = await connection.fetch(f"SELECT seq FROM {table} WHERE conversation_id = $1 AND seq > 1", group)
            assert sorted(row["seq"] for row in stored) == sorted(sends.seqs[group])
    moved = "SELECT count(*) FROM messages WHERE conversation_id = '0191c9c0-0000-7000-8000-000000000001'"
    assert await connection.fetchval(moved) == ROWS
    await connection.close()
