"""Who is here: an entry per user and node, alive as long as the node's lease.

A user is online while one of his entries names a living node, so a gateway renews one lease every ten
seconds instead of a key per user, and its death takes all its users offline at once: the lease runs out, a
sweep finds the users in the node's set, removes their entries and says who is gone.

Users are spread over `BUCKETS` hash tags. A bucket holds everything its scripts touch: the leases of all
nodes, the entries, and each node's set of users. So every answer is given by one clock in one slot, and a
node that finds its lease missing knows that this bucket was emptied and writes its users again.

    causerie:{presence:7}:nodes          sorted set: node → end of its lease
    causerie:{presence:7}:rests          sorted set: user → end of his REST heartbeat
    causerie:{presence:7}:node:<node>    set: the node's users of this bucket, and "" once all are in it
    causerie:{presence:7}:user:<user>    hash: node:<node> → online|away, rest → end, seen → when last seen
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from causerie.cache.connection import Cache, CacheAway, Call
from causerie.cache.presence_scripts import EXPIRED, FORGET, HEARTBEAT, LAPSE, RECORD, RENEW, RETIRE, STATUSES
from causerie.domain.ids import NodeId, UserId

LEASE_SECONDS = 30
RENEW_EVERY_SECONDS = 10
SWEEP_EVERY_SECONDS = 5
GRACE_SECONDS = 10
HEARTBEAT_SECONDS = 300
REMEMBERED_SECONDS = 30 * 24 * 3600
BUCKETS = 16
MAX_BATCH = 1_000
"""Users of one round trip: some ten milliseconds of work, here and there."""
MAX_BATCHES_PER_BURIAL = 50


class Status(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Presence:
    """What others may know of a user. `last_seen` is None while he is here, or when nobody remembers."""

    user: UserId
    status: Status
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Lost:
    """What Redis did not keep of a node, for `restore` to write: buckets, and who is seated in them or no more."""

    buckets: Sequence[int]
    users: Mapping[UserId, Status]


async def renew(
    cache: Cache,
    node: NodeId,
    seated: Mapping[UserId, Status],
    *,
    unwritten: Collection[UserId] = (),
    lease_seconds: float = LEASE_SECONDS,
) -> Lost:
    """Extend the node's lease, and answer what is to be written again because it had ended or was wiped.

    `unwritten` are those of `seated` that `record` has still to be told of, so that they are not missed.
    Called once before the first sit, then every ten seconds.

    Raises:
        CacheAway: try again in a second; a Redis that comes back must not show everybody offline for long.
    """
    expected = Counter(map(_bucket, seated))
    expected.subtract(map(_bucket, unwritten))
    held = await cache.run_each(
        RENEW,
        [
            ([_nodes(bucket), _seated(bucket, node)], [node, lease_seconds, REMEMBERED_SECONDS, expected[bucket]])
            for bucket in range(BUCKETS)
        ],
    )
    lost = [bucket for bucket in range(BUCKETS) if not held[bucket]]
    if not lost:
        return Lost((), {})
    written = await cache.commands([("SMEMBERS", _seated(bucket, node)) for bucket in lost])
    left = {UserId(user.decode()) for users in written for user in users if user} - seated.keys()
    here = {user: status for user, status in seated.items() if _bucket(user) in lost}
    return Lost(lost, dict.fromkeys(left, Status.OFFLINE) | here)


async def restore(cache: Cache, node: NodeId, lost: Lost) -> None:
    """Write again what was lost.

    Others are to be told what all of its users are then, changed or not: whoever looked after the lease had ended
    saw them offline, and by the lease alone they were back.

    Raises:
        CacheAway: nothing or a part was written; the next renewal answers again what is lacking.
    """
    await record(cache, node, lost.users)
    # Only now are they whole: had this broken off, the next renewal would find them lost again.
    await cache.commands([("SADD", _seated(bucket, node), "") for bucket in lost.buckets])


async def retire(cache: Cache, node: NodeId, *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Let the node's lease end after the grace, when it goes away in good order; the sweep does the rest.

    Raises:
        CacheAway: the lease ends by itself.
    """
    await cache.run_each(RETIRE, [([_nodes(bucket)], [node, grace_seconds]) for bucket in range(BUCKETS)])


async def record(cache: Cache, node: NodeId, changes: Mapping[UserId, Status]) -> list[Presence]:
    """Write a batch of sits (`ONLINE`, `AWAY`) and rises (`OFFLINE`) of one node; return whom others see change.

    A user with a seat on another living node stays as he is there, and is not returned. The ten seconds of
    grace after a last close are the caller's: until they are over there is no rise to write.

    Raises:
        CacheAway: nothing or a part was written; writing it again is safe.
    """
    return await _record(cache, node, changes, burial=False)


async def heartbeat(cache: Cache, user: UserId, *, seconds: float = HEARTBEAT_SECONDS) -> list[Presence]:
    """Keep a user online without a socket, for five minutes; return him if others see a change.

    Raises:
        CacheAway: nothing was written.
    """
    bucket = _bucket(user)
    keys = [_nodes(bucket), _rests(bucket), _entries(bucket, user)]
    return _read(await cache.run(HEARTBEAT, keys, [user, seconds, REMEMBERED_SECONDS]))


async def statuses(cache: Cache, users: Collection[UserId]) -> dict[UserId, Presence]:
    """Tell the present state of each of `users`, in one round trip for every thousand.

    Raises:
        CacheAway: nobody knows.
    """
    found: dict[UserId, Presence] = {}
    for batch in _batches(users):
        calls: list[Call] = [
            ([_nodes(bucket), *(_entries(bucket, user) for user in some)], some) for bucket, some in _by_bucket(batch)
        ]
        for reply in await cache.run_each(STATUSES, calls):
            found |= {presence.user: presence for presence in _read(reply)}
    return found


async def sweep(cache: Cache, living: Collection[NodeId]) -> list[Presence]:
    """Remove what dead nodes and lapsed REST heartbeats left behind; return who went offline by that.

    A node is dead when its lease is over and it is not among `living` (whose heartbeats the bus hears): after
    an outage of Redis all leases are over and nobody is dead. Any number of sweepers may run; each change
    is returned to one of them.

    Raises:
        CacheAway: nothing was found. When Redis goes away midway, what was done is returned and the next sweep goes on.
    """
    gone: list[Presence] = []
    expired = await cache.run_each(
        EXPIRED, [([_nodes(bucket), _rests(bucket)], [MAX_BATCH]) for bucket in range(BUCKETS)]
    )
    with suppress(CacheAway):
        for bucket, (nodes, resting) in enumerate(expired):
            if resting:
                gone += await _lapse(cache, bucket, [UserId(user.decode()) for user in resting])
            for node in (NodeId(name.decode()) for name in nodes):
                if node not in living:
                    await _bury(cache, bucket, node, gone)
    return gone


async def _bury(cache: Cache, bucket: int, node: NodeId, gone: list[Presence]) -> None:
    """Take the entries of a dead node away, those of its users first: a broken-off burial is found again."""
    for _ in range(MAX_BATCHES_PER_BURIAL):
        found = await cache.command("SRANDMEMBER", _seated(bucket, node), MAX_BATCH)
        leaving = {UserId(user.decode()): Status.OFFLINE for user in found if user}
        if not leaving:
            await cache.run(FORGET, [_nodes(bucket), _seated(bucket, node)], [node])
            break
        gone += await _record(cache, node, leaving, burial=True)


async def _lapse(cache: Cache, bucket: int, users: list[UserId]) -> list[Presence]:
    keys = [_nodes(bucket), _rests(bucket), *(_entries(bucket, user) for user in users)]
    return _read(await cache.run(LAPSE, keys, [HEARTBEAT_SECONDS, "", *users]))


async def _record(cache: Cache, node: NodeId, changes: Mapping[UserId, Status], *, burial: bool) -> list[Presence]:
    changed: list[Presence] = []
    for batch in _batches(changes):
        calls: list[Call] = []
        for bucket, some in _by_bucket(batch):
            keys = [_nodes(bucket), _seated(bucket, node), *(_entries(bucket, user) for user in some)]
            pairs = [text for user in some for text in (user, changes[user].value)]
            calls.append((keys, [node, LEASE_SECONDS, REMEMBERED_SECONDS, int(burial), *pairs]))
        for reply in await cache.run_each(RECORD, calls):
            changed += _read(reply)
    return changed


def _read(reply: list[bytes]) -> list[Presence]:
    triples = zip(reply[::3], reply[1::3], reply[2::3], strict=True)
    return [
        Presence(UserId(user.decode()), Status(status.decode()), _moment(float(seen))) for user, status, seen in triples
    ]


def _moment(milliseconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _batches(users: Iterable[UserId]) -> Iterator[list[UserId]]:
    distinct = list(dict.fromkeys(users))
    for start in range(0, len(distinct), MAX_BATCH):
        yield distinct[start : start + MAX_BATCH]


def _by_bucket(users: list[UserId]) -> Iterable[tuple[int, list[UserId]]]:
    buckets: dict[int, list[UserId]] = defaultdict(list)
    for user in users:
        buckets[_bucket(user)].append(user)
    return buckets.items()


def _bucket(user: UserId) -> int:
    return zlib.crc32(user.encode()) % BUCKETS


def _nodes(bucket: int) -> str:
    return f"causerie:{{presence:{bucket}}}:nodes"


def _rests(bucket: int) -> str:
    return f"causerie:{{presence:{bucket}}}:rests"


def _seated(bucket: int, node: NodeId) -> str:
    return f"causerie:{{presence:{bucket}}}:node:{node}"


def _entries(bucket: int, user: UserId) -> str:
    return f"causerie:{{presence:{bucket}}}:user:{user}"
