"""The order of what one client asked: ops take effect in the order sent.

Sends may be under way together, because the store keeps their order; anything else waits for all before it and
lets nothing past.  Exists only while something is under way.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_WAITING = 1_000
"""Twice what the flood rule lets in while the slowest op answers."""


@dataclass(frozen=True, slots=True)
class Job:
    """`start` begins the work; its future, if any, is done with the work. `together`: it may pass nobody, but not
    wait for others of its kind either."""

    start: Callable[[], "asyncio.Future[Any] | None"]
    together: bool


class Pipeline:
    """Jobs of one client, first in first out."""

    __slots__ = ("_alone", "_on_idle", "_under_way", "_waiting")

    def __init__(self, on_idle: Callable[[], None]) -> None:
        """`on_idle` is called whenever everything pushed has ended."""
        self._on_idle = on_idle
        self._waiting: deque[Job] = deque()
        self._under_way: set[asyncio.Future[Any]] = set()
        self._alone = False

    def push(self, job: Job) -> bool:
        """Begin the job now or in its turn; False when too many wait."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(job)
        self._pump()
        return True

    def drop(self) -> None:
        """Forget what has not begun; what has goes on to its end."""
        self._waiting.clear()

    def _pump(self) -> None:
        while self._waiting and not self._alone:
            job = self._waiting[0]
            if self._under_way and not job.together:
                return
            self._waiting.popleft()
            future = job.start()
            if future is not None:
                self._under_way.add(future)
                self._alone = not job.together
                future.add_done_callback(self._landed)
        if not self._under_way and not self._waiting:
            self._on_idle()

    def _landed(self, future: "asyncio.Future[Any]") -> None:
        self._under_way.discard(future)
        self._alone = False
        self._pump()
