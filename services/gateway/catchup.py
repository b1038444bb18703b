"""What a client has missed, answered so that nothing falls between the answer and the events that follow it.

First the seat, then the question: an answer waits until every worker knows where the client sits, at most a quarter
of a second.  One that could not wait so long is checked again when the workers have caught up, and what is new by then
is pushed.  While NATS is away no worker can know anybody, so there is nothing to wait for and always a later check.

Until that check a worker may have told others of an event and not this client, who must not get the next one first.
So his live events are held from before the question is put to PostgreSQL until what is new has been pushed: whatever
was held then is either in the push or follows it without a hole.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from causerie import telemetry
from causerie.domain.caller import Caller
from causerie.domain.errors import CauserieError, NotFound
from causerie.domain.ids import ConversationId
from causerie.lifetime import ended
from causerie.protocol import commands, native
from causerie.protocol.websocket import text_frame
from causerie.seats import Node
from causerie.store import sync
from causerie.store.store import Store
from services.gateway.holding import COME_BACK
from services.gateway.lobby import Guest
from services.gateway.together import Accesses

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.25
LATE_SECONDS = 10.0
"""So long a check waits for workers that are there and do not echo; then it pushes what is new, and waits again."""
MAX_PAGES = 40
"""Pages pushed by one later check; a client that has missed more begins again."""
MAX_PUSHED = 100
"""Events of one channel pushed by a later check; more are a resync."""
MAX_PUSHED_BYTES = 512 * 1024
"""So are these: a reader's queue holds 1 MiB, and live events want their room."""
MAX_CHECKS_AT_ONCE = 32
"""Answers and checks that ask PostgreSQL at the same moment; the others wait for their turn."""

_Json = dict[str, Any]
Check = Callable[[], Awaitable[None]]


class CatchUp:
    """Answers `sync` and `subscribe`."""

    def __init__(self, store: Store, node: Node, accesses: Accesses) -> None:
        self._store = store
        self._node = node
        self._accesses = accesses
        self._checks: dict[tuple[Guest, ConversationId | None], asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(MAX_CHECKS_AT_ONCE)

    async def sync(self, guest: Guest, caller: Caller, command: commands.Sync) -> dict[str, object]:
        """One page of everything missed.

        Whoever only ends here what he began on another connection heard nothing of what came between: he begins anew.

        Raises:
            InvalidCursor: as `causerie.store.sync`.
        """
        query, store, user = command.query, self._store, caller.user
        began_here = guest.session.is_syncing or sync.begins(store, user, query.cursor)
        async with self._asked(guest, None) as later:
            channels = frozenset(guest.session.followed)
            async with self._turns:
                answer = await sync.sync(
                    store,
                    user,
                    query.cursor,
                    limit=query.limit,
                    positions=command.positions,
                    channels=channels,
                    elsewhere=not began_here,
                )
            later.append(partial(self._push_news, guest, caller, str(answer["next_cursor"])))
        guest.session.is_syncing = began_here and bool(answer["has_more"])
        return answer

    async def begin_following(self, guest: Guest, caller: Caller, channel: ConversationId) -> dict[str, object]:
        """Say from which position events follow.

        Raises:
            NotFound: the caller may not see the channel, or not any more.
        """
        async with self._asked(guest, channel) as later:
            may = await self._accesses.of(caller.user, channel)
            later.append(partial(self._push_log, guest, caller, channel, may.last_seq))
        return {"epoch": self._store.epoch, "seq": may.last_seq}

    async def stop(self) -> None:
        await ended(*self._checks.values())

    @asynccontextmanager
    async def _asked(self, guest: Guest, channel: ConversationId | None) -> AsyncIterator[list[Check]]:
        """Wait for the seat, then let the question be answered; how to check the answer later is put into the list."""
        later: list[Check] = []
        if await self._node.settled(guest.seat, timeout_seconds=SETTLE_SECONDS):
            yield later
            return
        guest.hold()
        try:
            yield later
        except BaseException:
            guest.let_go()
            raise
        self._check_later(guest, channel, later[0])

    def _check_later(self, guest: Guest, channel: ConversationId | None, check: Check) -> None:
        """One check per client and question: a newer one sees what the earlier would have."""
        key = (guest, channel)
        if (earlier := self._checks.pop(key, None)) is not None:
            earlier.cancel()
        task = asyncio.get_running_loop().create_task(self._check(guest, check))
        self._checks[key] = task
        task.add_done_callback(partial(self._checked, key))

    def _checked(self, key: tuple[Guest, ConversationId | None], done: "asyncio.Task[None]") -> None:
        if self._checks.get(key) is done:
            del self._checks[key]
        guest, _ = key
        guest.let_go()

    async def _check(self, guest: Guest, check: Check) -> None:
        try:
            is_settled = False
            while not is_settled and not guest.is_over:
                is_settled = await self._node.settled_at_last(guest.seat, timeout_seconds=LATE_SECONDS)
                if is_settled or self._node.workers:
                    async with self._turns:
                        if not guest.is_over:
                            await check()
        except NotFound:
            pass  # He was removed meanwhile.
        except CauserieError as error:
            # Nothing can be looked up now, so nothing can be promised: the client must ask again.
            log.warning("an answer could not be checked", extra={"code": error.code})
            guest.end(COME_BACK)
        except Exception:  # the loop's edge: whatever it was, nothing was pushed
            log.exception("an answer could not be checked")
            guest.end(COME_BACK)

    async def _push_news(self, guest: Guest, caller: Caller, cursor: str) -> None:
        began_here = False
        for _ in range(MAX_PAGES):
            channels = frozenset(guest.session.followed)
            began_here = began_here or sync.begins(self._store, caller.user, cursor)
            answer = await sync.sync(self._store, caller.user, cursor, channels=channels, elsewhere=not began_here)
            _push(guest, answer)
            if guest.is_over or not answer["has_more"]:
                return
            cursor = str(answer["next_cursor"])
        guest.end(COME_BACK)

    async def _push_log(self, guest: Guest, caller: Caller, channel: ConversationId, after_seq: int) -> None:
        log: _Json = await sync.conversation_events(
            self._store, caller.user, channel, after_seq=after_seq, epoch=self._store.epoch, limit=MAX_PUSHED
        )
        fits = len(orjson.dumps(log["events"])) <= MAX_PUSHED_BYTES
        if log["recovered"] and not log["has_more"] and fits:
            _push_events(guest, log["events"])
        else:
            _push_resync(guest, channel, epoch=log["epoch"], seq=log["last_seq"])


def _push(guest: Guest, answer: _Json) -> None:
    """Send what an answer would have held as the events it is made of."""
    _push_events(guest, answer["events"])
    for reset in answer["resets"]:
        if reset["reason"] != "not_subscribed":
            conversation_id = ConversationId(UUID(reset["conversation_id"]))
            _push_resync(guest, conversation_id, epoch=reset["epoch"], seq=reset["seq"])


def _push_events(guest: Guest, events: list[_Json]) -> None:
    for event in events:
        guest.tell(text_frame(orjson.dumps(event)))


def _push_resync(guest: Guest, conversation_id: ConversationId, *, epoch: str, seq: int) -> None:
    telemetry.RESYNCS.add()
    guest.tell(text_frame(native.encode_resync(conversation_id, epoch=epoch, seq=seq)))
