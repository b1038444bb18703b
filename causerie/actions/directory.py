"""Fills the directory from what tokens say, without making anybody wait for it."""

import asyncio
import logging

from causerie.domain.caller import Caller
from causerie.domain.errors import Unavailable
from causerie.domain.ids import UserId
from causerie.store import users
from causerie.store.store import Store

log = logging.getLogger(__name__)

MAX_WAITING = 1_000
MAX_REMEMBERED = 20_000
RETRY_SECONDS = 1.0

_Profile = tuple[str | None, str | None, str | None]


class Directory:
    """Writes each caller's profile once, and again when his token says something new.

    A profile that finds the queue full is met again with the caller's next request.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._met: dict[UserId, _Profile] = {}
        self._waiting: asyncio.Queue[Caller] = asyncio.Queue(MAX_WAITING)

    def meet(self, caller: Caller) -> None:
        """Note who was here; never blocks."""
        profile = (caller.display_name, caller.email, caller.kind)
        if self._met.get(caller.user) == profile or self._waiting.full():
            return
        if len(self._met) >= MAX_REMEMBERED:
            del self._met[next(iter(self._met))]
        self._met[caller.user] = profile
        self._waiting.put_nowait(caller)

    async def write(self) -> None:
        """Write those who were met, for as long as the process lives."""
        while True:
            caller = await self._waiting.get()
            while True:
                try:
                    await users.touch(self._store, caller)
                    break
                except Unavailable:
                    await asyncio.sleep(RETRY_SECONDS)
