"""Waiting for something to become true of a model, looked at whenever it changed instead of from time to time."""

import asyncio
from collections.abc import Callable


class Watchers:
    """Those who wait; without any, a look costs nothing."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._over: Exception | None = None

    async def until(self, holds: Callable[[], bool], timeout_seconds: float) -> None:
        """Raises `TimeoutError`, or what was given to `give_up`."""
        if holds():
            return
        if self._over is not None:
            raise self._over
        entry = (holds, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout_seconds):
                await entry[1]
        finally:
            self._waiting.remove(entry)

    def look(self) -> None:
        """Something has changed."""
        for holds, waiter in self._waiting:
            if not waiter.done() and holds():
                waiter.set_result(None)

    def resume(self) -> None:
        """Things may change again."""
        self._over = None

    def give_up(self, error: Exception) -> None:
        """Nothing will change any more."""
        self._over = error
        for _, waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(error)
