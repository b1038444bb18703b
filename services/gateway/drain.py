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
MAX_RETRY_AFTER_SECONDS = 1.0
GONE_SECONDS = 8.0
"""How long the last clients may take to answer their close."""


def closed_by(elapsed: float, *, total: int, drain_seconds: float, max_per_second: int = MAX_PER_SECOND) -> int:
    """How many of `total` sockets are to be closed after so many seconds."""
    duration = max(drain_seconds, total / max_per_second)
    if elapsed >= duration:
        return total
    return int(total * elapsed / duration)


def elsewhere(reason: str | None = None) -> End:
    """A goodbye that asks to come back, to whoever has room, at a moment that is not everybody's."""
    return End(CloseCode.RESTART, reason, retry_after_seconds=random.uniform(0.0, MAX_RETRY_AFTER_SECONDS))


async def drain(guests: Sequence[Guest], still_open: Callable[[], int], *, drain_seconds: float) -> None:
    """Close every guest, evenly over `drain_seconds`, and wait until they are gone."""
    loop = asyncio.get_running_loop()
    order = list(guests)
    random.shuffle(order)
    began = loop.time()
    closed = 0
    log.info("draining", extra={"connections": len(order), "drain_seconds": drain_seconds})
    while closed < len(order) and still_open():
        due = closed_by(loop.time() - began, total=len(order), drain_seconds=drain_seconds)
        for guest in order[closed:due]:
            guest.end(elsewhere())
        closed = due
        await asyncio.sleep(STEP_SECONDS)
    deadline = loop.time() + GONE_SECONDS
    while still_open() and loop.time() < deadline:
        await asyncio.sleep(STEP_SECONDS)
    log.info("drained", extra={"connections_left": still_open()})
