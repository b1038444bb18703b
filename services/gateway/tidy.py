"""What those who left took is given back to the system.

The C library keeps what was freed for who comes next, which after a deploy or a lost neighbour may be nobody: memory
that a pod shows for no one is memory its neighbours cannot have.
"""

import asyncio
import ctypes
import gc
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
SETTLE_SECONDS = 30.0
"""Longer than a heartbeat: until then the timers of those who left are still on the wheel, with all they hold."""
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


async def keep_tidy(present: Callable[[], int]) -> None:
    """Look for ever, and give back after each exodus; a pause of some milliseconds for each thousand who stayed."""
    exodus = Exodus()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if exodus.notice(present()):
            await asyncio.sleep(SETTLE_SECONDS)
            give_back()
            log.info("gave back memory of those who left", extra={"connections": present()})


def give_back() -> None:
    gc.collect()
    # Of glibc; other libraries give back by themselves or not at all.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
