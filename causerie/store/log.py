"""The log of events: appended by actions, read by whoever must not miss anything.

A *position* is `pg_snapshot_xmin` of the statement that read: every transaction below it had ended
and was seen.  Reading on from a position may repeat, and never skips: neither a serial (a late commit
leaves a row behind it) nor a clock could promise that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causerie.domain.conversation import ConversationType
from causerie.domain.event import Entry, Event, EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import Message
from causerie.domain.shards import shard_of
from causerie.store import rows
from causerie.store.store import Store
from causerie.store.transaction import Transaction

PAGE = 1_000

_APPEND = """
WITH logged AS (
    INSERT INTO events (conversation_id, seq, shard, kind, actor, message_id, data, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, date_trunc('milliseconds', clock_timestamp()))
    RETURNING created_at
), head AS (
    UPDATE conversations SET last_seq = $2, xid = pg_current_xact_id() WHERE id = $1
)
SELECT created_at FROM logged"""

_TAIL = """
SELECT wanted.shard, pg_snapshot_xmin(pg_current_snapshot()) AS position, found.conversation_id, found.last_seq
FROM unnest($1::smallint[], $2::xid8[]) AS wanted (shard, position)
LEFT JOIN LATERAL (
    SELECT conversation_id, max(seq) AS last_seq FROM events e
    WHERE e.shard = wanted.shard AND e.xid >= wanted.position GROUP BY conversation_id
) found ON true"""

_SINCE = """
SELECT conversation_id, min(seq) AS first_seq, max(seq) AS last_seq
FROM events WHERE shard = $1 AND xid >= $2 GROUP BY conversation_id ORDER BY conversation_id"""


async def append(
    tx: Transaction,
    conversation_id: ConversationId,
    seq: int,
    kind: EventKind,
    actor: UserId,
    *,
    message: Message | None = None,
    data: dict[str, object] | None = None,
) -> Event:
    """Write the event with number `seq` and move the conversation's head to it.

    The caller holds the conversation's lock and `seq` is its head + 1.  A message event stores the
    message's id alone; what others are told is the message as given.
    """
    created_at = await tx.connection.fetchval(
        _APPEND,
        conversation_id,
        seq,
        shard_of(conversation_id),
        kind.value,
        actor,
        message.id if message else None,
        data if message is None else None,
    )
    match kind:
        case EventKind.MESSAGE_DELETE if message is not None:
            told: dict[str, object] = {"message_id": str(message.id), "deleted_by": actor}
        case _ if message is not None:
            told = message.as_json()
        case _:
            told = data or {}
    event = Event(conversation_id, seq, kind, created_at, actor, told)
    tx.events.append(event)
    return event


async def events_between(
    store: Store, conversation_id: ConversationId, after_seq: int, upto_seq: int | None = None, *, limit: int = PAGE
) -> list[Entry]:
    """Events of one conversation with `after_seq < seq <= upto_seq`, in order, at most `limit`."""
    async with store.connection() as connection:
        found = await connection.fetch(
            rows.SELECT_EVENTS + "WHERE e.conversation_id = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq LIMIT $4",
            conversation_id,
            after_seq,
            2**62 if upto_seq is None else upto_seq,
            limit,
        )
    return [rows.entry(row) for row in found]


async def all_events_between(
    store: Store, conversation_id: ConversationId, after_seq: int, upto_seq: int | None = None
) -> list[Entry]:
    """As `events_between`, page by page to the end."""
    entries: list[Entry] = []
    while upto_seq is None or after_seq < upto_seq:
        page = await events_between(store, conversation_id, after_seq, upto_seq)
        entries += page
        if len(page) < PAGE:
            break
        after_seq = page[-1].seq
    return entries


@dataclass(frozen=True, slots=True)
class Tail:
    """What a shard's log holds from the position asked for: heads of conversations, and where to read on."""

    position: int
    heads: Sequence[tuple[ConversationId, int]]


async def tail(store: Store, positions: Mapping[int, int]) -> dict[int, Tail]:
    """For each shard the conversations with events from its position on, each with its last seq, in one statement."""
    async with store.connection() as connection:
        found = await connection.fetch(_TAIL, list(positions), list(positions.values()))
    heads: dict[int, list[tuple[ConversationId, int]]] = {shard: [] for shard in positions}
    position: dict[int, int] = {}
    for row in found:
        position[row["shard"]] = row["position"]
        if row["conversation_id"] is not None:
            heads[row["shard"]].append((row["conversation_id"], row["last_seq"]))
    return {shard: Tail(position[shard], heads[shard]) for shard in positions}


async def current_position(store: Store) -> int:
    """The position of the log now: everything below it has ended."""
    async with store.connection() as connection:
        return int(await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())"))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of one conversation's log that lies after some position: `first_seq` to `last_seq`."""

    conversation_id: ConversationId
    first_seq: int
    last_seq: int


async def stretches_since(store: Store, shard: int, position: int) -> list[Stretch]:
    """Which pieces of the shard's log were written from `position` on; read each with `events_between`.

    Used to replay to one node what it has missed; a piece may begin with events it has.
    """
    async with store.connection() as connection:
        found = await connection.fetch(_SINCE, shard, position)
    return [Stretch(row["conversation_id"], row["first_seq"], row["last_seq"]) for row in found]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who hears a conversation whose log ends at `last_seq`, and from which seq on a reader has not seen it.

    `members` are those present then; of a channel, where followers hear, they are counted and not named.  `joined`
    says with which seq the members of a group joined, also those who left since `first_seq`.
    """

    type: ConversationType
    members: frozenset[UserId]
    member_count: int
    joined: Mapping[str, int]
    first_seq: int
    last_seq: int


async def load_audience(store: Store, conversation_id: ConversationId, position: int) -> Audience | None:
    """Read a conversation for dispatch to a reader at `position`; None when there is none (any more).

    One statement, so that members and head are of the same moment; the events are read apart, for those up to a
    head that was seen do not change.
    """
    async with store.connection() as connection:
        found = await connection.fetchrow(_AUDIENCE, conversation_id, position)
    if found is None:
        return None
    named = [UserId(user) for user in found["user_ids"] or ()]
    return Audience(
        ConversationType(found["type"]),
        frozenset(user for user, here in zip(named, found["present"] or (), strict=True) if here),
        found["member_count"],
        dict(zip(named, found["joined_seqs"] or (), strict=True)),
        found["first_seq"],
        found["last_seq"],
    )


async def movements(
    store: Store, conversation_id: ConversationId, seqs: Sequence[int]
) -> tuple[dict[UserId, int], dict[UserId, int]]:
    """Who came and who left by these events, each with its seq, as the members say it and not the log."""
    async with store.connection() as connection:
        found = await connection.fetch(
            "SELECT user_id, joined_seq, left_seq FROM conversation_participants "
            "WHERE conversation_id = $1 AND (joined_seq = ANY($2::bigint[]) OR left_seq = ANY($2::bigint[]))",
            conversation_id,
            seqs,
        )
    wanted = set(seqs)
    return (
        {row["user_id"]: row["joined_seq"] for row in found if row["joined_seq"] in wanted},
        {row["user_id"]: row["left_seq"] for row in found if row["left_seq"] in wanted},
    )


FIRST_SEQ_SINCE = """
SELECT coalesce((
    SELECT e.seq FROM events e WHERE e.conversation_id = {conversation_id} AND e.xid < {position}
    ORDER BY e.seq DESC LIMIT 1), 0) + 1"""
"""The first seq a reader at `position` may not have seen.

Going down from the head, the first event below the position ends the search: it was visible to the
reader, and so was everything of its conversation before it, because writers of a conversation follow
one another under its lock.  Events of lower seq but a transaction id from the position on were seen too.
"""

_AUDIENCE = f"""
SELECT c.type, c.last_seq, first.seq AS first_seq, named.*,
       (SELECT count(*) FROM conversation_participants p WHERE p.conversation_id = c.id AND p.left_seq IS NULL)
       AS member_count
FROM conversations c
CROSS JOIN LATERAL (SELECT ({FIRST_SEQ_SINCE.format(conversation_id="c.id", position="$2")}) AS seq) first
CROSS JOIN LATERAL (
    SELECT array_agg(p.user_id) AS user_ids, array_agg(p.joined_seq) AS joined_seqs,
           array_agg(p.left_seq IS NULL) AS present
    FROM conversation_participants p
    WHERE p.conversation_id = c.id AND c.type <> 'channel' AND (p.left_seq IS NULL OR p.left_seq >= first.seq)
) named
WHERE c.id = $1"""
