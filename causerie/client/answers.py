"""Carrying out what the model asks: conversations loaded and gaps filled over the API, a few at a time."""

import asyncio
from collections.abc import Callable, Sequence

from causerie.client.backoff import Backoff
from causerie.client.errors import ClientError, Refused
from causerie.client.model import Ask, Load, Model
from causerie.client.rest import Rest

ATTEMPTS = 10
MAX_AT_ONCE = 4
PAGE = 100


class Answers:
    """Fetches for one model; `changed` is called whenever an answer went into it."""

    def __init__(self, model: Model, rest: Rest, random: Callable[[], float], changed: Callable[[], None]) -> None:
        self._model = model
        self._rest = rest
        self._random = random
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    def perform(self, asks: Sequence[Ask]) -> None:
        """Begin to answer; the model asks for a conversation only once at a time, so this is bounded by them."""
        for ask in asks:
            task = asyncio.create_task(self._answer(ask))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, ask: Ask) -> None:
        """Fetch until it succeeds; when it does not, or is cancelled, the next sync asks again."""
        backoff = Backoff(self._random)
        try:
            for _ in range(ATTEMPTS):
                try:
                    async with self._slots:
                        following = await self._fetch(ask)
                except ClientError as error:
                    await asyncio.sleep(backoff.failed(error.retry_after_seconds))
                    continue
                self.perform(following)
                self._changed()
                return
        except asyncio.CancelledError:
            self._model.failed(ask)
            raise
        self._model.failed(ask)

    async def _fetch(self, ask: Ask) -> list[Ask]:
        try:
            if not isinstance(ask, Load):
                page = await self._rest.events(ask.conversation_id, ask.after_seq, ask.epoch, PAGE)
                return self._model.filled(ask.conversation_id, page)
            # The view first: it says at which seq to go on, and what is fetched after it is never older.
            view = await self._rest.view(ask.conversation_id)
            members = await self._rest.members(ask.conversation_id)
            history = await self._rest.history(ask.conversation_id, limit=PAGE)
        except Refused as refusal:
            if refusal.code != "not_found":
                raise
            self._model.gone(ask.conversation_id)
            return []
        return self._model.loaded(view, members, history["items"])
