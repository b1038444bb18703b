"""What each who comes in has unread. When everybody comes at once they are asked for together.

Whoever comes while a question is on its way waits for the next one: nobody waits for a timer, and PostgreSQL gets
one statement for a herd.
"""

import asyncio
import logging

from causerie.domain.errors import Unavailable
from causerie.domain.ids import UserId
from causerie.store import horizons
from causerie.store.store import Store

log = logging.getLogger(__name__)

MAX_USERS = 256
"""In one statement, which a single slow user must not hold up for all."""


class UnreadTotals:
    """Asks for one user at a time as long as they come one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: dict[UserId, asyncio.Future[int | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def of(self, user: UserId) -> int | None:
        """None while PostgreSQL is away: a socket may open without it."""
        answer = self._wanted.get(user)
        if answer is None:
            answer = self._wanted[user] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(answer)

    async def _ask(self) -> None:
        try:
            while self._wanted:
                users = list(self._wanted)[:MAX_USERS]
                answers = [self._wanted.pop(user) for user in users]
                await self._ask_for(users, answers)
        finally:
            self._asking = None

    async def _ask_for(self, users: list[UserId], answers: "list[asyncio.Future[int | None]]") -> None:
        totals: dict[UserId, int] | None = None
        try:
            totals = await horizons.unread_totals(self._store, users)
        except Unavailable:
            pass
        except Exception:  # the loop's edge: those who wait must not wait for ever
            log.exception("unread totals could not be read")
        for user, answer in zip(users, answers, strict=True):
            answer.set_result(None if totals is None else totals.get(user, 0))
