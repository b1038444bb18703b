"""Which workers are alive as a node sees it, and which changes of seats all of them know.

First the seat, then the question: what is committed after every living worker knows a seat is pushed to it, and what
was committed before is found by asking.
"""

import asyncio
from collections.abc import Callable

WORKER_SILENCE_SECONDS = 3.5
"""Workers beat every second; one that has missed three is not waited for."""


class Settling:
    """Living workers, with the latest change of seats each has echoed."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}
        self._echoed: dict[str, int] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def workers(self) -> int:
        return len(self._heard_at)

    def heard(self, worker: str, *, now: float) -> None:
        self._heard_at[worker] = now

    def echoed(self, worker: str, counter: int, *, now: float) -> None:
        self._heard_at[worker] = now
        self._echoed[worker] = max(counter, self._echoed.get(worker, 0))
        self._wake()

    def left(self, worker: str) -> None:
        """It said goodbye."""
        self._heard_at.pop(worker, None)
        self._echoed.pop(worker, None)
        self._wake()

    def expire(self, *, now: float) -> None:
        for worker in [worker for worker, at in self._heard_at.items() if now - at > WORKER_SILENCE_SECONDS]:
            self.left(worker)

    def is_settled(self, counter: int) -> bool:
        return all(self._echoed.get(worker, 0) >= counter for worker in self._heard_at)

    async def settled(self, counter: int, *, timeout_seconds: float) -> bool:
        """Wait until every living worker knows the seats up to `counter`; False when that took too long."""
        if self.is_settled(counter):
            return True
        waiting = (counter, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiting[1]
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(waiting)
        return True

    def _wake(self) -> None:
        if self._waiting:
            known: Callable[[int], bool] = self.is_settled
            for counter, future in self._waiting:
                if not future.done() and known(counter):
                    future.set_result(None)
