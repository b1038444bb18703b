"""How much one user may ask of this gateway: counted here, settled with the other pods through Redis afterwards.

Asking Redis before each send would cost more than the send and could let a later one overtake.  So each user has a
bucket here that answers at once; what it gave out is charged to the common bucket in coarse steps, and when that one
is empty, so is ours.  Ordinary people never come near a step, so they never cost a round trip.
"""

import asyncio
from collections.abc import Callable

from causerie.cache import Cache, CacheAway, rates
from causerie.cache.rates import Bucket
from causerie.domain.errors import RateLimited
from causerie.domain.ids import UserId

MAX_REMEMBERED = 50_000
SWEEP_SECONDS = 10.0
CHARGED_SHARE = 4
"""A quarter of a burst is charged at a time."""


class _Level:
    __slots__ = ("at", "level", "uncharged")

    def __init__(self, level: float, at: float) -> None:
        self.level = level
        self.at = at
        self.uncharged = 0


class Allowance:
    """One kind of limit for all users of this node."""

    def __init__(
        self, cache: Cache, bucket: Bucket, *, clock: Callable[[], float], sweep_seconds: float = SWEEP_SECONDS
    ) -> None:
        self._cache = cache
        self._bucket = bucket
        self._clock = clock
        self._levels: dict[UserId, _Level] = {}
        self._step = max(1, bucket.burst // CHARGED_SHARE)
        self._charges: set[asyncio.Task[None]] = set()
        self._sweep_seconds = sweep_seconds
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many users are remembered: only those who asked lately."""
        return len(self._levels)

    def take(self, user: UserId) -> None:
        """Take one.

        Raises:
            RateLimited: with the time after which there is one again.
        """
        now = self._clock()
        level = self._levels.get(user)
        if level is None:
            level = self._remember(user, now)
        level.level = min(self._bucket.burst, level.level + (now - level.at) * self._bucket.per_second)
        level.at = now
        if level.level < 1.0:
            raise RateLimited(retry_after_seconds=(1.0 - level.level) / self._bucket.per_second)
        level.level -= 1.0
        level.uncharged += 1
        if level.uncharged >= self._step:
            cost, level.uncharged = level.uncharged, 0
            charge = asyncio.get_running_loop().create_task(self._charge(user, level, cost))
            self._charges.add(charge)
            charge.add_done_callback(self._charges.discard)

    def _remember(self, user: UserId, now: float) -> _Level:
        if len(self._levels) >= MAX_REMEMBERED:
            self._forget_full(now)
            if len(self._levels) >= MAX_REMEMBERED:
                del self._levels[next(iter(self._levels))]
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)
        self._levels[user] = level = _Level(self._bucket.burst, now)
        return level

    def _forget_full(self, now: float) -> None:
        """Drop those whose bucket is full again, which is most of them."""
        fill = self._bucket.burst / self._bucket.per_second
        full = [user for user, level in self._levels.items() if now - level.at > fill]
        for user in full:
            del self._levels[user]

    def _sweep(self) -> None:
        """Small things of those who left, among what those who stay made, keep much more than themselves."""
        self._sweeping = None
        self._forget_full(self._clock())
        if self._levels:
            self._sweeping = asyncio.get_running_loop().call_later(self._sweep_seconds, self._sweep)

    async def _charge(self, user: UserId, level: _Level, cost: int) -> None:
        try:
            verdict = await rates.take(self._cache, self._bucket, user, cost)
        except CacheAway:
            return  # A limit is courtesy to the others: without its counter our own bucket has to do.
        if not verdict.allowed:
            level.level = min(level.level, 0.0)
        level.level = min(level.level, float(verdict.remaining) + 1.0)
