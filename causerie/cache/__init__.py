"""What may be forgotten: cached history, presence, typing, rates and tickets, in Redis or Valkey.

Everything here expires and can be rebuilt; nothing here is a lock, a counter of record or truth.
When Redis is away every function raises `CacheAway` at once, and its caller decides what that means.
"""

from causerie.cache.connection import Cache, CacheAway

__all__ = ["Cache", "CacheAway"]
