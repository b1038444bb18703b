"""After a scale-out: sockets never move by themselves, so a gateway that holds more than its share sends a few away.

They are told to come back elsewhere, a few a second, the longest connected first and nobody twice in a row.  It
begins when this gateway has been far above the fleet's mean for a while, and ends close to it: then there is peace.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from causerie.bus.envelopes import Heartbeat
from services.gateway.drain import elsewhere
from services.gateway.lobby import Guest

log = logging.getLogger(__name__)

TURN_SECONDS = 0.25
PATIENCE_SECONDS = 5.0
"""How long we must have been above, or close: whoever is new must first be found by those who come."""
LEAST_EXCESS = 10
"""Over the mean: among a handful of clients one more is a large share, and would be sent to and fro."""
REST_SHARE = 0.25
"""Of the way from the mean to where it begins: there it ends."""


def mean_connections(gateways: Sequence[Heartbeat]) -> float:
    """What each would hold if all held the same."""
    return sum(heartbeat.connections for heartbeat in gateways) / max(1, len(gateways))


def may_move(gateways: Sequence[Heartbeat]) -> bool:
    """Alone there is nowhere to go, and while one of us drains its clients are still on their way."""
    return len(gateways) > 1 and not any(heartbeat.draining for heartbeat in gateways)


class Balance:
    """How many are to go now. `above` is the share of the mean at which it begins, 1.2 for a fifth more."""

    def __init__(self, *, per_second: int, above: float) -> None:
        self.is_shedding = False
        self._per_second = per_second
        self._above = above
        self._until = 1.0 + (above - 1.0) * REST_SHARE
        self._since: float | None = None
        """How long it has looked like time to begin, or to end."""
        self._paid_until = 0.0

    def due(self, connections: int, mean: float | None, *, now: float) -> int:
        """How many are to go since it was last asked; `connections` are ours without those who are going already."""
        if mean is None:
            self.rest()
            return 0
        if not self.is_shedding:
            is_above = connections > self._above * mean and connections - mean >= LEAST_EXCESS
            if self._lasts(is_above and self._per_second > 0, now):
                self._turn(is_shedding=True, now=now)
            return 0
        excess = connections - self._until * mean
        # Those whom others send away come here too, so it is over only when it stays as it is.
        if self._lasts(excess <= 0, now):
            self.rest()
        if excess <= 0:
            self._paid_until = now
            return 0
        # What was missed while the loop stood still is not made up for: that would be a herd.
        unpaid = min(now - self._paid_until, 1.0)
        due = int(unpaid * self._per_second)
        self._paid_until = now - unpaid + due / self._per_second
        return min(due, int(excess) + 1)

    def rest(self) -> None:
        """Enough, until we have been above for a while again."""
        self._turn(is_shedding=False, now=0.0)

    def _turn(self, *, is_shedding: bool, now: float) -> None:
        self.is_shedding = is_shedding
        self._since = None
        self._paid_until = now

    def _lasts(self, holds: bool, now: float) -> bool:
        """Whether it has held for long enough."""
        self._since = (now if self._since is None else self._since) if holds else None
        return self._since is not None and now - self._since >= PATIENCE_SECONDS


class Rebalancing:
    """Does what `balance` says to those who are here; `mean` is asked anew each time, None while nobody may move."""

    def __init__(self, balance: Balance, guests: Collection[Guest], mean: Callable[[], float | None]) -> None:
        self._balance = balance
        self._guests = guests
        self._mean = mean
        self._going: set[Guest] = set()
        self._queue: Iterator[Guest] | None = None

    async def run(self) -> None:
        """For ever; to be ended when the gateway drains."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TURN_SECONDS)
            try:
                self.turn(now=loop.time())
            except Exception:  # the loop's edge: the next turn may do better
                log.exception("rebalancing failed")

    def turn(self, *, now: float) -> None:
        mean = self._mean()
        self._going = {guest for guest in self._going if guest in self._guests}
        due = self._balance.due(len(self._guests) - len(self._going), mean, now=now)
        if not self._balance.is_shedding:
            self._queue = None
            return
        if self._queue is None:
            log.info("sending some elsewhere", extra={"connections": len(self._guests), "fleet_mean": mean})
            self._queue = iter(sorted(self._guests, key=lambda guest: guest.session.number))
        chosen = list(islice((guest for guest in self._queue if guest.is_resumable), due))
        for guest in chosen:
            guest.end(elsewhere("rebalance"))
        self._going.update(chosen)
        if len(chosen) < due:
            self._balance.rest()  # Whoever was here when it began has been asked, or must not be disturbed just now.
