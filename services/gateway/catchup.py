"""What a client has missed, answered so that nothing falls between the answer and the events that follow it.

First the seat, then the question: an answer waits until every worker knows where the client sits, at most a quarter
of a second.  One that could not wait so long is checked again when the workers have caught up, and what is new by then
is pushed.  While NATS is away no worker can know anybody, so there is nothing to wait for and always a later check.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from causerie import telemetry
from causerie.domain.caller import Caller
from causerie.domain.errors import CauserieError, NotFound
from causerie.domain.ids import ConversationId
from causerie.protocol import commands, native
from causerie.protocol.close_codes import CloseCode
from causerie.protocol.websocket import text_frame
from causerie.seats import Node
from causerie.store import members, sync
from causerie.store.store import Store
from services.gateway.lobby import Guest
from services.gateway.session import End

SETTLE_SECONDS = 0.25
LATE_SECONDS = 10.0
"""A worker that has not echoed by then is dead, or has our seats from the list it asked for."""
MAX_PAGES = 20
"""Pages pushed by one later check; a client that has missed more begins again."""
MAX_PUSHED = 100
"""Events of one channel pushed by a later check; more are a resync."""
MAX_ANSWER_BYTES = 512 * 1024
"""Events in one answer, those added for positions included; a frame has room for 1 MiB."""
MAX_CHECKS_AT_ONCE = 32
"""Answers and checks that ask PostgreSQL at the same moment; the others wait for their turn."""
_COME_BACK = End(CloseCode.OVERLOAD, "cannot catch up", retry_after_seconds=1.0)

_Json = dict[str, Any]
Check = Callable[[], Awaitable[None]]


class CatchUp:
    """Answers `sync` and `subscribe`."""

    def __init__(self, store: Store, node: Node) -> None:
        self._store = store
        self._node = node
        self._checks: dict[tuple[Guest, ConversationId | None], asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(MAX_CHECKS_AT_ONCE)

    async def sync(self, guest: Guest, caller: Caller, command: commands.Sync) -> dict[str, object]:
        """One page of everything missed.

        Raises:
            InvalidCursor: as `causerie.store.sync`.
        """
        settled = await self._node.settled(guest.seat, timeout_seconds=SETTLE_SECONDS)
        channels = frozenset(guest.session.followed)
        query = command.query
        async with self._turns:
            answer = await sync.sync(self._store, caller.user, query.cursor, limit=query.limit, channels=channels)
            for position in command.positions:
                await self._add(answer, caller, position, query.limit)
        if not settled:
            self._check_later(guest, None, partial(self._push_news, guest, caller, str(answer["next_cursor"])))
        return answer

    async def begin_following(self, guest: Guest, caller: Caller, channel: ConversationId) -> dict[str, object]:
        """Say from which position events follow.

        Raises:
            NotFound: the caller may not see the channel, or not any more.
        """
        settled = await self._node.settled(guest.seat, timeout_seconds=SETTLE_SECONDS)
        may = await members.access(self._store, caller.user, channel)
        if not settled:
            self._check_later(guest, channel, partial(self._push_log, guest, caller, channel, may.last_seq))
        return {"epoch": self._store.epoch, "seq": may.last_seq}

    async def stop(self) -> None:
        checks = list(self._checks.values())
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)

    async def _add(self, answer: _Json, caller: Caller, position: commands.Position, limit: int) -> None:
        """Add what one conversation has behind `position`: its events, or a reset."""
        try:
            log: _Json = await sync.conversation_events(
                self._store,
                caller.user,
                position.conversation_id,
                after_seq=position.seq,
                epoch=position.epoch,
                limit=limit,
            )
        except NotFound:
            return
        name = str(position.conversation_id)
        answer["resets"] = [reset for reset in answer["resets"] if reset["conversation_id"] != name]
        fits = len(answer["events"]) + len(log["events"]) <= limit
        if log["recovered"] and not log["has_more"] and fits and _size(answer, log) <= MAX_ANSWER_BYTES:
            answer["events"] += log["events"]
        else:
            reason = "too_far_behind" if log["recovered"] else "not_recovered"
            reset = {"conversation_id": name, "epoch": log["epoch"], "seq": log["last_seq"], "reason": reason}
            answer["resets"].append(reset)

    def _check_later(self, guest: Guest, channel: ConversationId | None, check: Check) -> None:
        """One check per client and question: a newer one sees what the earlier would have."""
        key = (guest, channel)
        if (earlier := self._checks.pop(key, None)) is not None:
            earlier.cancel()
        task = asyncio.get_running_loop().create_task(self._check(guest, check))
        self._checks[key] = task
        task.add_done_callback(lambda done: self._checks.pop(key) if self._checks.get(key) is done else None)

    async def _check(self, guest: Guest, check: Check) -> None:
        try:
            while not guest.is_over:
                if await self._node.settled_or_given_up(guest.seat, timeout_seconds=LATE_SECONDS):
                    break
            async with self._turns:
                if not guest.is_over:
                    await check()
        except NotFound:
            pass  # He was removed meanwhile.
        except CauserieError:
            # Nothing can be looked up now, so nothing can be promised: the client must ask again.
            guest.end(_COME_BACK)

    async def _push_news(self, guest: Guest, caller: Caller, cursor: str) -> None:
        for _ in range(MAX_PAGES):
            channels = frozenset(guest.session.followed)
            answer = await sync.sync(self._store, caller.user, cursor, channels=channels)
            _push(guest, answer)
            if guest.is_over or not answer["has_more"]:
                return
            cursor = str(answer["next_cursor"])
        guest.end(_COME_BACK)

    async def _push_log(self, guest: Guest, caller: Caller, channel: ConversationId, after_seq: int) -> None:
        answer: _Json = {"events": [], "resets": []}
        position = commands.Position(channel, self._store.epoch, after_seq)
        await self._add(answer, caller, position, MAX_PUSHED)
        _push(guest, answer)


def _size(answer: _Json, log: _Json) -> int:
    return len(orjson.dumps(answer["events"])) + len(orjson.dumps(log["events"]))


def _push(guest: Guest, answer: _Json) -> None:
    """Send what an answer would have held as the events it is made of."""
    for event in answer["events"]:
        guest.deliver(text_frame(orjson.dumps(event)))
    for reset in answer["resets"]:
        if reset["reason"] == "not_subscribed":
            continue
        telemetry.RESYNCS.add()
        conversation_id = ConversationId(UUID(reset["conversation_id"]))
        frame = native.encode_resync(conversation_id, epoch=reset["epoch"], seq=reset["seq"])
        guest.deliver(text_frame(frame))
