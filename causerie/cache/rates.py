"""How much one user may ask for: token buckets, counted in Redis by its own clock.

One bucket serves every pod. When Redis is away the caller is told and lets the request pass: a limit is
courtesy to other users, never authorization.
"""

from dataclasses import dataclass

from causerie.cache.connection import Cache, Script
from causerie.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class Bucket:
    """A kind of limit: `per_second` drip in, `burst` is what fits."""

    name: str
    per_second: float
    burst: int


SENDS = Bucket("sends", per_second=20, burst=100)
REQUESTS = Bucket("requests", per_second=100, burst=100)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one more is allowed, and what `X-RateLimit-*` and `Retry-After` say.

    `reset_seconds` is the time until the bucket is full, `retry_after_seconds` until enough is in it again
    (0 when allowed).
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: float
    retry_after_seconds: float

    @classmethod
    def unknown(cls, bucket: Bucket) -> "Verdict":
        """What to say while Redis is away: allowed, as if the bucket were full."""
        return cls(True, bucket.burst, bucket.burst, 0.0, 0.0)


# The bucket is one string "level at"; numbers go as text because Lua's replies are cut to integers.
_TAKE = Script("""
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local level, at = burst, now
local kept = redis.call('GET', KEYS[1])
if kept then
  local old_level, old_at = string.match(kept, '^(%S+) (%S+)$')
  level, at = tonumber(old_level) or burst, tonumber(old_at) or now
end
level = math.min(burst, level + math.max(0, now - at) * rate)
local allowed = level >= cost
if allowed then level = level - cost end
local full_after = (burst - level) / rate
redis.call('SET', KEYS[1], string.format('%.6f %.6f', level, now), 'PX', math.floor(full_after * 1000) + 1)
return {allowed and 1 or 0, string.format('%.6f', level)}
""")


async def take(cache: Cache, bucket: Bucket, user: UserId, cost: int = 1) -> Verdict:
    """Take `cost` from the user's bucket, or leave it as it is when that is too much.

    Raises:
        CacheAway: nobody counts; let the request pass (`Verdict.unknown` has its headers).
    """
    allowed, text = await cache.run(_TAKE, [key(bucket, user)], [bucket.per_second, bucket.burst, cost])
    level = float(text)
    return Verdict(
        allowed=bool(allowed),
        limit=bucket.burst,
        remaining=int(level),
        reset_seconds=(bucket.burst - level) / bucket.per_second,
        retry_after_seconds=0.0 if allowed else (cost - level) / bucket.per_second,
    )


def key(bucket: Bucket, user: UserId) -> str:
    """Where Redis keeps it."""
    return f"causerie:{{rate:{user}}}:{bucket.name}"
