"""What those who left took is given back to the system, and what those who stay hold is not looked through for garbage.

The C library keeps what was freed for who comes next, which after a deploy or a lost neighbour may be nobody: memory
that a pod shows for no one is memory its neighbours cannot have.

A connection leaves no cycle behind, so the collector finds nothing in all that connections hold, and stops the loop
for as long as it looks: up to 0.37 s with 13,000 (docs/decisions/0020-the-collector-passes-over-who-stays.md).
"""

import asyncio
import ctypes
import gc
import logging
from collections.abc import Callable
from time import perf_counter

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""What has lived through it is passed over from then on."""
SETTLE_SECONDS = 30.0
"""Longer than a heartbeat: until then the timers of those who left are still on the wheel, with all they hold."""
WHOLE_SECONDS = 3600.0
"""Everything is looked through so often all the same: failures may leave a cycle."""
MIN_LEFT = 1_000
"""Fewer are not worth the pause."""


class Exodus:
    """Notices that half of those who were here have left, and many. Tell it now and then how many there are."""

    def __init__(self) -> None:
        self._most = 0

    def notice(self, present: int) -> bool:
        """True once for each time they leave."""
        self._most = max(self._most, present)
        if self._most - present < MIN_LEFT or present > self._most // 2:
            return False
        self._most = present
        return True


async def keep_tidy(present: Callable[[], int], forget: Callable[[], None]) -> None:
    """Look for ever; after each exodus, and each hour, a pause of some milliseconds for each thousand who are here.

    `forget` drops what is remembered of those who left: it lies among what they took, and keeps every page it lies in.

    Call `give_back` before anybody comes: what stands then is passed over from the first look on.
    """
    exodus = Exodus()
    loop = asyncio.get_running_loop()
    whole_at = loop.time() + WHOLE_SECONDS
    while True:
        if exodus.notice(present()):
            whole_at = loop.time() + SETTLE_SECONDS
        if loop.time() >= whole_at:
            forget()
            give_back()
            whole_at = loop.time() + WHOLE_SECONDS
        gc.freeze()
        await asyncio.sleep(LOOK_SECONDS)


def give_back() -> None:
    """Collect all garbage, and give free memory to the system."""
    began = perf_counter()
    gc.unfreeze()
    gc.collect()
    # Of glibc; other libraries give back by themselves or not at all.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    log.info("gave back memory", extra={"pause_ms": round(1e3 * (perf_counter() - began), 1)})
