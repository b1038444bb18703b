"""Leases of shards: owner, fence and checkpoint in one row each.

Expiry is judged by PostgreSQL's clock alone.  An owner also stops by its own monotonic clock, counted
from before it asked, because it may have been frozen since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causerie.store.store import Store

LEASE_SECONDS = 6.0

# Rows are locked in the order of their shard, else two workers would deadlock.
_CLAIM = """
WITH free AS (
    SELECT shard FROM shards
    WHERE shard = ANY($2::smallint[]) AND (owner IS NULL OR expires_at < clock_timestamp())
    ORDER BY shard FOR UPDATE SKIP LOCKED
)
UPDATE shards s SET owner = $1, term = term + 1, expires_at = clock_timestamp() + make_interval(secs => $3)
FROM free WHERE s.shard = free.shard
RETURNING s.shard, s.term, s.position"""

_RENEW = """
WITH mine AS (
    SELECT s.shard, held.position FROM shards s
    JOIN unnest($2::smallint[], $3::bigint[], $4::xid8[]) AS held (shard, term, position)
      ON held.shard = s.shard AND held.term = s.term
    WHERE s.owner = $1 AND s.expires_at >= clock_timestamp()
    ORDER BY s.shard FOR UPDATE OF s
)
UPDATE shards s SET expires_at = clock_timestamp() + make_interval(secs => $5),
                    position = greatest(s.position, mine.position)
FROM mine WHERE s.shard = mine.shard
RETURNING s.shard"""

_RELEASE = """
UPDATE shards s SET owner = NULL, expires_at = '-infinity', position = greatest(s.position, held.position)
FROM unnest($2::smallint[], $3::bigint[], $4::xid8[]) AS held (shard, term, position)
WHERE s.shard = held.shard AND s.term = held.term AND s.owner = $1"""


@dataclass(frozen=True, slots=True)
class Lease:
    """A shard held in a term, and the position from which its log may not have been dispatched."""

    shard: int
    term: int
    position: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a shard as PostgreSQL sees it now; `owner` is None where the lease is free or over."""

    shard: int
    owner: str | None


async def claim(store: Store, worker: str, shards: Sequence[int]) -> list[Lease]:
    """Take those of `shards` that are free or whose lease is over; each begins a new term."""
    async with store.connection("lease") as connection:
        taken = await connection.fetch(_CLAIM, worker, list(shards), LEASE_SECONDS)
    return [Lease(row["shard"], row["term"], row["position"]) for row in taken]


async def renew(store: Store, worker: str, leases: Sequence[Lease]) -> set[int]:
    """Prolong leases and write their positions as checkpoints; returns the shards still held.

    A lease that ran out is lost even if nobody has taken it: another owner may have come and gone.
    """
    async with store.connection("lease") as connection:
        kept = await connection.fetch(_RENEW, worker, *_columns(leases), LEASE_SECONDS)
    return {row["shard"] for row in kept}


async def release(store: Store, worker: str, leases: Sequence[Lease]) -> None:
    """Give leases back at once, with their positions, so that a successor need not wait."""
    async with store.connection("lease") as connection:
        await connection.execute(_RELEASE, worker, *_columns(leases))


async def holders(store: Store) -> Mapping[int, Holder]:
    """Who holds each shard."""
    async with store.connection("lease") as connection:
        found = await connection.fetch(
            "SELECT shard, CASE WHEN expires_at >= clock_timestamp() THEN owner END AS owner FROM shards"
        )
    return {row["shard"]: Holder(row["shard"], row["owner"]) for row in found}


def _columns(leases: Sequence[Lease]) -> tuple[list[int], list[int], list[int]]:
    return [lease.shard for lease in leases], [lease.term for lease in leases], [lease.position for lease in leases]
