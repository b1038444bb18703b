"""The queue in front of the log: drafts in, messages out, many to a transaction.

No timer forms a batch: what arrives while transactions are in flight forms the next one, so a lone
draft leaves at once and a flood leaves in large batches.  A conversation is in one transaction at a
time, first in first out, which keeps the order of its drafts.
"""

import asyncio
import logging
import time
from collections import deque
from contextvars import Context
from dataclasses import dataclass, field

import asyncpg

from causerie import telemetry
from causerie.domain.errors import CauserieError, Overloaded, Unavailable
from causerie.domain.ids import ConversationId
from causerie.domain.message import Draft, Posted
from causerie.store import post_batch
from causerie.store.post_batch import KeyTaken, Skipped
from causerie.store.transaction import Transact

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 2
MAX_BATCH = 256
MAX_QUEUED = 20_000
MAX_AGE_SECONDS = 2.0
ANSWER_SECONDS = 2.8
"""A draft is answered this long after it came, whatever PostgreSQL does."""
MAX_SKIPS = 2
"""A conversation whose lock was held by others this often waits for it in a transaction of its own."""
_SWEEP_SECONDS = 0.25


@dataclass(slots=True, eq=False)
class _Waiting:
    draft: Draft
    answer: asyncio.Future[Posted]
    since: float
    trace: str | None
    skips: int = 0


@dataclass(slots=True)
class _Line:
    """The drafts of one conversation, oldest first; at most one batch of it is in flight."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    in_flight: bool = False


class PostQueue:
    """Bounded by rows and by age; beyond either a draft is refused as `overloaded`, and nothing was written."""

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._lines: dict[ConversationId, _Line] = {}
        self._ready: deque[ConversationId] = deque()
        self._queued = 0
        self._flights: set[asyncio.Task[None]] = set()
        self._take_off_due = False
        self._sweeper: asyncio.TimerHandle | None = None
        self.batches = 0
        telemetry.POSTS_QUEUED.read = lambda: self._queued
        telemetry.POSTS_IN_FLIGHT.read = lambda: len(self._flights)
        telemetry.POSTS_OLDEST_SECONDS.read = self._oldest_seconds

    def submit(self, draft: Draft) -> asyncio.Future[Posted]:
        """Queue a draft; its future gives the message after the commit.

        Cancelling the future does not undo the post.

        Raises (in the future):
            NotFound, Forbidden, IdempotencyConflict, InvalidRequest: the draft was refused.
            Overloaded: nothing was written.
            Unavailable: whether it was written is unknown; the same `client_id` may be sent again.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Posted] = loop.create_future()
        if self._queued >= MAX_QUEUED:
            answer.set_exception(Overloaded())
            return answer
        line = self._lines.get(draft.conversation_id)
        if line is None:
            line = self._lines[draft.conversation_id] = _Line()
        if not line.waiting and not line.in_flight:
            self._ready.append(draft.conversation_id)
        line.waiting.append(_Waiting(draft, answer, loop.time(), telemetry.traceparent()))
        self._queued += 1
        if len(self._flights) < MAX_IN_FLIGHT and not self._take_off_due:
            # Not at once: drafts of the same loop turn travel together.
            self._take_off_due = True
            loop.call_soon(self._take_off)
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)
        return answer

    async def close(self) -> None:
        """Wait until everything queued is answered."""
        while self._flights or self._take_off_due:
            if not self._flights:
                self._take_off()
                continue
            await asyncio.wait(self._flights)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _take_off(self) -> None:
        self._take_off_due = False
        while self._ready and len(self._flights) < MAX_IN_FLIGHT:
            batch: list[_Waiting] = []
            lines: list[ConversationId] = []
            alone = False
            while self._ready and len(batch) < MAX_BATCH:
                conversation_id = self._ready[0]
                line = self._lines[conversation_id]
                stubborn = line.waiting[0].skips >= MAX_SKIPS
                if stubborn and batch:
                    break
                self._ready.popleft()
                line.in_flight = True
                lines.append(conversation_id)
                while line.waiting and len(batch) < MAX_BATCH:
                    batch.append(line.waiting.popleft())
                if stubborn:
                    alone = True
                    break
            self._queued -= len(batch)
            # In a context of its own: a flight begins where an earlier one landed, and must not inherit its trace.
            flight = asyncio.get_running_loop().create_task(
                self._fly(batch, lines, wait_for_lock=alone), context=Context()
            )
            self._flights.add(flight)
            flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if not flight.cancelled() and flight.exception() is not None:
            log.error("a batch of posts ended in a bug", exc_info=flight.exception())
        self._take_off()

    async def _fly(self, batch: list[_Waiting], lines: list[ConversationId], *, wait_for_lock: bool) -> None:
        try:
            again = await self._write(batch, wait_for_lock=wait_for_lock)
        except (asyncpg.PostgresError, KeyTaken):
            # Something in one row: each goes alone, so that only the bad one falls out.
            again = []
            for waiting in batch:
                again += await self._write_alone(waiting)
        except CauserieError as refusal:
            again = []
            for waiting in batch:
                _refuse(waiting, refusal)
        except BaseException as bug:
            for waiting in batch:
                _refuse(waiting, bug)
            raise
        finally:
            for conversation_id in lines:
                self._lines[conversation_id].in_flight = False
        for waiting in reversed(again):
            self._lines[waiting.draft.conversation_id].waiting.appendleft(waiting)
        self._queued += len(again)
        for conversation_id in lines:
            if self._lines[conversation_id].waiting:
                self._ready.append(conversation_id)
            else:
                del self._lines[conversation_id]

    async def _write_alone(self, waiting: _Waiting) -> list[_Waiting]:
        try:
            return await self._write([waiting], wait_for_lock=True)
        except KeyTaken:
            return [waiting]
        except (asyncpg.PostgresError, CauserieError) as error:
            _refuse(waiting, error)
            return []

    async def _write(self, batch: list[_Waiting], *, wait_for_lock: bool) -> list[_Waiting]:
        """Write one batch, answer its drafts, and return those that must be tried again."""
        now = asyncio.get_running_loop().time()
        deadline = max(ANSWER_SECONDS - (now - min(waiting.since for waiting in batch)), 0.1)
        traces = [waiting.trace for waiting in batch if waiting.trace]
        with telemetry.span("commit posts", links=traces, kind=telemetry.SpanKind.CLIENT) as commit:
            if commit is not None:
                commit.annotate({"db.system.name": "postgresql", "db.operation.batch.size": len(batch)})
            async with self._transact("post", deadline_seconds=deadline) as tx:
                drafts = [waiting.draft for waiting in batch]
                outcomes = await post_batch.write(tx, drafts, wait_for_lock=wait_for_lock)
        self.batches += 1
        telemetry.POSTS_BATCH_SIZE.record(len(batch))
        again, fresh = [], 0
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Skipped):
                waiting.skips += outcome is Skipped.LOCKED
                again.append(waiting)
            elif isinstance(outcome, CauserieError):
                _refuse(waiting, outcome)
            else:
                fresh += not outcome.replayed
                if not waiting.answer.done():
                    waiting.answer.set_result(outcome)
        telemetry.MESSAGES_ACCEPTED.value += fresh
        return again

    def _oldest_seconds(self) -> float:
        # Asked perhaps by the thread that pushes metrics: the copy is made at once.
        since = [line.waiting[0].since for line in list(self._lines.values()) if line.waiting]
        return time.monotonic() - min(since) if since else 0.0

    def _sweep(self) -> None:
        """Refuse what has waited too long; the lines are short, as a draft older than 2 s is rare."""
        loop = asyncio.get_running_loop()
        oldest_allowed = loop.time() - MAX_AGE_SECONDS
        for line in self._lines.values():
            while line.waiting and line.waiting[0].since < oldest_allowed:
                _refuse(line.waiting.popleft(), Overloaded())
                self._queued -= 1
        self._ready = deque(conversation_id for conversation_id in self._ready if self._lines[conversation_id].waiting)
        for conversation_id in [key for key, line in self._lines.items() if not line.waiting and not line.in_flight]:
            del self._lines[conversation_id]
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep) if self._lines else None


def _refuse(waiting: _Waiting, error: BaseException) -> None:
    if waiting.answer.done():
        return
    if isinstance(error, asyncio.CancelledError):
        error = Unavailable("The server is stopping.")
    waiting.answer.set_exception(error)
