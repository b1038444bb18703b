"""What many ask PostgreSQL in one moment, asked together: after a deploy or a lost neighbour everybody comes at once.

Whoever asks while a question is on its way waits for the next one, and behind a herd others are waited for.  So one
alone is asked for at once, and PostgreSQL gets one statement for a herd.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from causerie.domain.errors import NotFound, Unavailable
from causerie.domain.ids import ConversationId, UserId
from causerie.store import horizons, members
from causerie.store.store import Store

log = logging.getLogger(__name__)

MAX_QUESTIONS = 256
"""In one statement, which a single slow one must not hold up for all."""
GATHER_SECONDS = 0.005
"""So long the next statement waits for each who was asked for in the last: it costs us as much as some twenty in it."""
MAX_GATHER_SECONDS = 0.05

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """Asks one question at a time as long as they come one at a time."""

    def __init__(self, ask: Callable[[Sequence[Q]], Awaitable[Mapping[Q, A]]]) -> None:
        """`ask` answers different questions; one it does not name has no answer."""
        self._ask = ask
        self._waiting: list[tuple[Q, asyncio.Future[A | None]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def answer(self, question: Q) -> A | None:
        """What is true at some moment after this was called.

        Raises:
            Unavailable: also for those whose question was still to be put, for they have waited as long by then.
        """
        answer: asyncio.Future[A | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())
        return await answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:MAX_QUESTIONS], self._waiting[MAX_QUESTIONS:]
                try:
                    answers = await self._ask(list(dict.fromkeys(question for question, _ in asked)))
                except Unavailable as error:
                    self._refuse(asked, str(error))
                except Exception:  # the loop's edge: those who wait must not wait for ever
                    log.exception("what many asked could not be answered")
                    self._refuse(asked, None)
                else:
                    for question, answer in asked:
                        if not answer.done():
                            answer.set_result(answers.get(question))
                    if len(asked) > 1:
                        await asyncio.sleep(min(len(asked) * GATHER_SECONDS, MAX_GATHER_SECONDS))
        finally:
            self._asking = None

    def _refuse(self, asked: "list[tuple[Q, asyncio.Future[A | None]]]", why: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        for _, answer in [*asked, *waiting]:
            if not answer.done():
                answer.set_exception(Unavailable(why))


class UnreadTotals:
    """What each who comes in has unread."""

    def __init__(self, store: Store) -> None:
        self._together = Together[UserId, int](partial(horizons.unread_totals, store))

    async def of(self, user: UserId) -> int | None:
        """None while PostgreSQL is away: a socket may open without it."""
        try:
            return await self._together.answer(user) or 0
        except Unavailable:
            return None


class Accesses:
    """What each who wants to follow a channel may read of it."""

    def __init__(self, store: Store) -> None:
        self._together = Together[tuple[UserId, ConversationId], members.Access](partial(members.accesses, store))

    async def of(self, user: UserId, conversation_id: ConversationId) -> members.Access:
        """
        Raises:
            NotFound: the user may not see it.
            Unavailable: as `Together.answer`.
        """
        access = await self._together.answer((user, conversation_id))
        if access is None:
            raise NotFound
        return access
