"""Leaving without a herd: the sockets are sent away evenly over a time, each told to come back elsewhere.

All at once they would all be back at once, on pods that have lost one of their number.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence

from causerie.protocol.close_codes import CloseCode
from services.gateway.lobby import Guest
from services.gateway.session import End

log = logging.getLogger(__name__)

MAX_PER_SECOND = 1_000
"""However short the drain, what the other gateways can take."""
STEP_SECONDS = 0.05
CATCH_UP = 1.5
"""Times the even pace, when our own loop stood still for a while: faster would be the herd that nobody wants."""
LONGEST_GAP_SECONDS = 0.25
"""So much of a standstill is made up for at once."""
MAX_RETRY_AFTER_SECONDS = 1.0
GONE_SECONDS = 8.0
"""How long the last clients may take to answer their close."""


def duration_of(total: int, drain_seconds: float, max_per_second: int = MAX_PER_SECOND) -> float:
    """How many seconds it takes to send away so many."""
    return max(drain_seconds, total / max_per_second)


def place_by(elapsed: float, *, gap: float, place: float, total: int, duration: float) -> float:
    """How far down the list a drain should be after so many seconds, when `gap` seconds ago it was at `place`.

    What is late is made up for, but not at once.
    """
    pace = total / duration
    return min(total, pace * elapsed, place + CATCH_UP * pace * min(gap, LONGEST_GAP_SECONDS))


def elsewhere(reason: str | None = None) -> End:
    """A goodbye that asks to come back, to whoever has room, at a moment that is not everybody's."""
    return End(CloseCode.RESTART, reason, retry_after_seconds=random.uniform(0.0, MAX_RETRY_AFTER_SECONDS))


async def drain(guests: Sequence[Guest], still_open: Callable[[], int], *, drain_seconds: float) -> None:
    """Close every guest, evenly over `drain_seconds`, and wait until they are gone."""
    loop = asyncio.get_running_loop()
    order = list(guests)
    random.shuffle(order)
    duration = duration_of(len(order), drain_seconds)
    began = looked_at = loop.time()
    closed, place = 0, 0.0
    log.info("draining", extra={"connections": len(order), "drain_seconds": drain_seconds})
    while closed < len(order) and still_open():
        now = loop.time()
        place = place_by(now - began, gap=now - looked_at, place=place, total=len(order), duration=duration)
        looked_at = now
        for guest in order[closed : int(place)]:
            guest.end(elsewhere())
        closed = int(place)
        await asyncio.sleep(STEP_SECONDS)
    deadline = loop.time() + GONE_SECONDS
    while still_open() and loop.time() < deadline:
        await asyncio.sleep(STEP_SECONDS)
    log.info("drained", extra={"connections_left": still_open()})
