"""The platform's time: PostgreSQL's, told by our own steady clock and the difference last seen.

Ids, `created_at` and leases are made by PostgreSQL's clock.  A pod whose own is an hour off must not take a token for
expired that every other pod takes, nor let in one that has ended, so whatever is compared with such a time asks here.
"""

import logging
import time

from causerie import telemetry
from causerie.store.store import Store

log = logging.getLogger(__name__)

MAX_ROUND_TRIP_SECONDS = 0.5
"""An answer that took longer says too little to correct by it; only what it proves wrong is given up."""
ALARMING_SECONDS = 5.0


class Clock:
    """Called, it is the Unix time. Until PostgreSQL has been asked, and while it is away, it goes by what it knows."""

    def __init__(self) -> None:
        self._ahead_of_steady = time.time() - time.monotonic()
        self._is_alarmed = False
        telemetry.CLOCK_SKEW_SECONDS.read = lambda: self.skew_seconds

    def __call__(self) -> float:
        return time.monotonic() + self._ahead_of_steady

    @property
    def skew_seconds(self) -> float:
        """How far this machine's clock is ahead of the platform's."""
        return time.time() - self()

    async def look(self, store: Store) -> None:
        """Ask PostgreSQL.

        Raises:
            Unavailable: it is away.
        """
        async with store.connection("clock") as connection:
            asked_at = time.monotonic()
            there = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            answered_at = time.monotonic()
        round_trip, ahead = answered_at - asked_at, there - (asked_at + answered_at) / 2
        if round_trip <= MAX_ROUND_TRIP_SECONDS or abs(ahead - self._ahead_of_steady) > round_trip / 2:
            self._ahead_of_steady = ahead
        if self._is_alarmed != (abs(self.skew_seconds) > ALARMING_SECONDS):
            self._is_alarmed = not self._is_alarmed
            log.warning("this machine's clock and PostgreSQL's differ", extra={"seconds": round(self.skew_seconds, 1)})
