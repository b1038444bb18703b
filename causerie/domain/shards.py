"""Which shard a conversation belongs to, and which worker prefers a shard.

Both must come out the same in every process and release, so neither uses Python's salted `hash`.
"""

from collections.abc import Iterable
from hashlib import blake2b
from zlib import crc32

from causerie.domain.ids import ConversationId

SHARDS = 64


def shard_of(conversation_id: ConversationId) -> int:
    return crc32(conversation_id.bytes) % SHARDS


def preferred_owner(shard: int, workers: Iterable[str]) -> str | None:
    """Choose a worker by rendezvous hashing: when one comes or goes, only its own share of shards moves.

    Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998.
    """
    return max(workers, key=lambda worker: blake2b(f"{shard}|{worker}".encode(), digest_size=8).digest(), default=None)
