"""Which workers are alive as a node sees it, and which changes of seats all of them know.

First the seat, then the question: what is committed after every living worker knows a seat is pushed to it, and what
was committed before is found by asking.
"""

import asyncio
from heapq import heappop, heappush
from itertools import count

WORKER_SILENCE_SECONDS = 3.5
"""Workers beat every second; one that has missed three is not waited for."""
GATHERING_SECONDS = WORKER_SILENCE_SECONDS
"""When all have been silent, as when we were cut off, the others of before are waited for so long after the first is
heard again: one that could hear us all the while beats within it, and one that could not begins anew by itself."""


class Settling:
    """Living workers, with the latest change of seats each has echoed."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}
        self._echoed: dict[str, int] = {}
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        """A heap by counter: when everybody reconnects, thousands wait and each echo frees the first of them."""
        self._order = count()
        self._now = 0.0
        self._silent_since: dict[str, float] = {}
        self._missed: set[str] = set()
        """Workers known before all fell silent, until they are heard again."""
        self._gathered_at = 0.0

    @property
    def workers(self) -> int:
        return len(self._heard_at)

    def heard(self, worker: str, *, now: float) -> None:
        self._now = now
        if self._missed and not self._heard_at:
            self._gathered_at = now + GATHERING_SECONDS
        self._silent_since.pop(worker, None)
        self._missed.discard(worker)
        self._heard_at[worker] = now

    def echoed(self, worker: str, counter: int, *, now: float) -> None:
        self.heard(worker, now=now)
        self._echoed[worker] = max(counter, self._echoed.get(worker, 0))
        self._wake()

    def left(self, worker: str) -> None:
        """It said goodbye."""
        self._heard_at.pop(worker, None)
        self._missed.discard(worker)
        self._echoed.pop(worker, None)
        self._wake()

    def doubt(self, *, now: float) -> None:
        """We may have been deaf: silence that fell into it says nothing, so everybody is waited for anew."""
        self._heard_at = dict.fromkeys([*self._heard_at, *self._silent_since], now)
        self._silent_since.clear()

    def expire(self, *, now: float) -> None:
        silent = [worker for worker, at in self._heard_at.items() if now - at > WORKER_SILENCE_SECONDS]
        for worker in silent:
            self.left(worker)
        self._silent_since |= dict.fromkeys(silent, now)
        if silent and not self._heard_at:
            self._missed.update(self._silent_since)
        for worker in [worker for worker, at in self._silent_since.items() if now - at > GATHERING_SECONDS]:
            del self._silent_since[worker]
        if self._heard_at and now >= self._gathered_at:
            self._missed.clear()
        self._now = now
        self._wake()

    def is_settled(self, counter: int) -> bool:
        """Whether all workers know the seats up to `counter`; without a worker nobody does."""
        if not self._heard_at or self._missed:
            return False
        return all(self._echoed.get(worker, 0) >= counter for worker in self._heard_at)

    async def settled(self, counter: int, *, timeout_seconds: float) -> bool:
        """Wait until every living worker knows the seats up to `counter`; False when that took too long."""
        if self.is_settled(counter):
            return True
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (counter, next(self._order), waiting))
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiting
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        while self._waiting and (self._waiting[0][2].done() or self.is_settled(self._waiting[0][0])):
            _, _, waiting = heappop(self._waiting)
            if not waiting.done():
                waiting.set_result(None)
