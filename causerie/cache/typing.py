"""Who is writing just now, in one conversation.

A mark lives ten seconds by Redis' own clock and is never cleaned up by anybody else.
"""

from causerie.cache.connection import Cache, Script
from causerie.domain.ids import ConversationId, UserId

TYPING_SECONDS = 10
REPEAT_SECONDS = 3
MAX_SHOWN = 100

_START = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2] * 1000, ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] * 1000))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local told = redis.call('ZADD', KEYS[2], 'NX', now + ARGV[3] * 1000, ARGV[1])
redis.call('PEXPIRE', KEYS[2], math.ceil(ARGV[3] * 1000))
return told
""")

_STOP = Script("""
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
""")

_WHO = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, ARGV[1])
""")


async def start(
    cache: Cache,
    conversation: ConversationId,
    user: UserId,
    *,
    seconds: float = TYPING_SECONDS,
    repeat_seconds: float = REPEAT_SECONDS,
) -> bool:
    """Mark `user` as writing for ten seconds; True when others should be told, at most every three seconds.

    Raises:
        CacheAway: the mark is lost; telling others is still right.
    """
    told = await cache.run(_START, _keys(conversation), [user, seconds, repeat_seconds])
    return bool(told)


async def stop(cache: Cache, conversation: ConversationId, user: UserId) -> bool:
    """Take the mark away; True when there was one, so that others should be told.

    Raises:
        CacheAway: the mark ends by itself.
    """
    return bool(await cache.run(_STOP, _keys(conversation), [user]))


async def who(cache: Cache, conversation: ConversationId) -> list[UserId]:
    """Name at most a hundred who are writing now.

    Raises:
        CacheAway: nobody knows.
    """
    names = await cache.run(_WHO, _keys(conversation)[:1], [MAX_SHOWN])
    return [UserId(name.decode(errors="replace")) for name in names]


def _keys(conversation: ConversationId) -> list[str]:
    key = f"causerie:{{{conversation}}}:typing"
    return [key, f"{key}:told"]
