"""How late the event loop runs its timers: the first sign of a process with too much to do."""

import asyncio

from causerie.telemetry.catalogue.process import EVENT_LOOP_LAG_SECONDS

SAMPLE_EVERY_SECONDS = 0.1
WINDOW_SECONDS = 10.0


class WorstOfLate:
    """The largest value of this window and the one before, so that no scrape misses a stall."""

    def __init__(self, *, now: float) -> None:
        self._window_began = now
        self._before = 0.0
        self._current = 0.0

    def observe(self, value: float, *, now: float) -> None:
        self._turn(now)
        self._current = max(self._current, value)

    def worst(self, *, now: float) -> float:
        self._turn(now)
        return max(self._before, self._current)

    def _turn(self, now: float) -> None:
        windows = int((now - self._window_began) // WINDOW_SECONDS)
        if windows > 0:
            self._before = self._current if windows == 1 else 0.0
            self._current = 0.0
            self._window_began += windows * WINDOW_SECONDS


async def sample_loop_lag() -> None:
    """Keep `causerie_event_loop_lag_seconds` true, until cancelled."""
    loop = asyncio.get_running_loop()
    lag = WorstOfLate(now=loop.time())
    EVENT_LOOP_LAG_SECONDS.read = lambda: lag.worst(now=loop.time())
    try:
        while True:
            due = loop.time() + SAMPLE_EVERY_SECONDS
            await asyncio.sleep(SAMPLE_EVERY_SECONDS)
            now = loop.time()
            lag.observe(max(0.0, now - due), now=now)
    finally:
        EVENT_LOOP_LAG_SECONDS.read = None
