"""Everything a user has missed, page by page, from any pod.

The cursor is fixed in size and opaque: the history's epoch, the position to read on from, the position
the first page saw (where the whole sync ends), and the place reached in between.  A sync may repeat what
a reader has, and never skips; what it cannot or need not tell event by event is a `reset`: the reader
loads that conversation's history and goes on from the seq given.
"""

import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from causerie.domain.conversation import ConversationType, Position
from causerie.domain.event import Entry, Event, Unreadable
from causerie.domain.ids import ConversationId, UserId
from causerie.store import cursors, rows
from causerie.store.log import FIRST_SEQ_SINCE
from causerie.store.members import access
from causerie.store.store import Store

MAX_CONVERSATIONS = 500
"""Conversations looked at for one page."""
MAX_PAGE_BYTES = 256 * 1024
MAX_BACKLOG = 10_000
"""A conversation with more new events than this is reset: history is the quicker way."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """`start` is read on from; `end` is where the next sync goes on; (`place`, `seq`) is what was told last.

    `heads` tells a sync that lists heads instead of events: the first one, and that after another epoch.
    """

    epoch: bytes
    start: int
    end: int
    place: UUID
    seq: int
    heads: bool

    LAYOUT = struct.Struct(">8sQQ16sQ?")
    NOWHERE = UUID(int=0)

    def pack(self) -> bytes:
        return self.LAYOUT.pack(self.epoch, self.start, self.end, self.place.bytes, self.seq, self.heads)

    @classmethod
    def unpack(cls, payload: bytes) -> "_Cursor":
        epoch, start, end, place, seq, heads = cls.LAYOUT.unpack(payload)
        return cls(epoch, start, end, UUID(bytes=place), seq, heads)


# $1 user, $2 start, $3 place, $4 limit, $5 whether unchanged conversations are wanted as well; $6 and $7 are where the
# reader stands, null where that is in another epoch.
_CHANGED = f"""
SELECT now.position, found.* FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS position) now
LEFT JOIN LATERAL (
    SELECT c.id, c.type, c.last_seq, p.joined_seq, p.left_seq, r.seq AS read_seq,
           coalesce(r.xid >= $2, false) OR $5 AS read_changed, c.xid >= $2 OR p.xid >= $2 AS log_changed,
           stands.conversation_id IS NOT NULL AS stands, stands.seq AS stands_at,
           CASE WHEN stands.seq IS NOT NULL THEN stands.seq + 1
                WHEN $5 THEN 0
                ELSE ({FIRST_SEQ_SINCE.format(conversation_id="c.id", position="$2")}) END AS first_seq
    FROM conversation_participants p
    JOIN conversations c ON c.id = p.conversation_id
    LEFT JOIN read_horizons r ON r.conversation_id = c.id AND r.user_id = p.user_id
    LEFT JOIN unnest($6::uuid[], $7::bigint[]) AS stands (conversation_id, seq) ON stands.conversation_id = c.id
    WHERE p.user_id = $1 AND c.id >= $3
      AND CASE WHEN $5 THEN p.left_seq IS NULL
               ELSE (p.left_seq IS NULL OR p.xid >= $2) AND (c.xid >= $2 OR p.xid >= $2 OR r.xid >= $2)
                    OR stands.conversation_id IS NOT NULL AND p.left_seq IS NULL
                       AND stands.seq IS DISTINCT FROM c.last_seq END
    ORDER BY c.id LIMIT $4
) found ON true ORDER BY found.id"""

_EVENTS = f"""
SELECT told.* FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS wanted (conversation_id, first_seq, last_seq)
CROSS JOIN LATERAL (
    {rows.SELECT_EVENTS}
    WHERE e.conversation_id = wanted.conversation_id AND e.seq BETWEEN wanted.first_seq AND wanted.last_seq
    ORDER BY e.seq LIMIT $4
) told ORDER BY told.conversation_id, told.seq LIMIT $4"""


async def sync(
    store: Store,
    user: UserId,
    cursor: str | None,
    *,
    limit: int = 100,
    positions: Collection[Position] = (),
    channels: Collection[ConversationId] = (),
    elsewhere: bool = False,
) -> dict[str, object]:
    """One page of what changed for `user` since `cursor`; without one, the heads and a cursor at this position.

    A conversation in `positions` is told from there on, however old the cursor: a reader who has long heard live what
    came after it needs none of that again.  A position that is not in this log is a reset.

    With the page that says `has_more` false everything is told that was committed before the first page was asked for,
    and who asked for that one hears live what came since.  `elsewhere`: this reader did not, so more follows.
    Events of channels are told for those in `channels` alone; other channels appear as heads.

    Returns: ``{events, reads, next_cursor, has_more, resets, recovered}``; `recovered` is false when the cursor is
    of another epoch or of the future, and everything is reset.

    Raises:
        InvalidCursor: garbage, or made for somebody else.
    """
    given = _given(store, user, cursor)
    async with store.connection() as connection:
        # Only now: the connection may be the first one to another history.
        epoch = blake2b(store.epoch.encode(), digest_size=8).digest()
        recovered = given is None or given.epoch == epoch
        if given is None or not recovered:
            given = _Cursor(epoch, 0, 0, _Cursor.NOWHERE, 0, heads=True)
        stands = {one.conversation_id: one.seq if one.epoch == store.epoch else None for one in positions}
        found = await _changed(connection, user, given, stands)
        position = found[0]["position"]
        if given.start > position:
            recovered = False
            given = _Cursor(epoch, 0, 0, _Cursor.NOWHERE, 0, heads=True)
            found = await _changed(connection, user, given, stands)
        end = given.end or position
        page = _Page(store.epoch, user, limit)
        wanted = page.plan([row for row in found if row["id"] is not None], given, frozenset(channels))
        if wanted:
            events = await connection.fetch(
                _EVENTS,
                [want.conversation_id for want in wanted],
                [want.first_seq for want in wanted],
                [want.last_seq for want in wanted],
                limit + 1,
            )
            page.fill(wanted, [rows.entry(row) for row in events])
            page.cut()
    if page.stopped_at is not None:
        place, seq = page.stopped_at
        following = _Cursor(epoch, given.start, end, place, seq, given.heads)
    elif len(found) > MAX_CONVERSATIONS:
        # The last one was not told; the next page begins with it.
        following = _Cursor(epoch, given.start, end, found[-1]["id"], 0, given.heads)
    else:
        following = _Cursor(epoch, end, 0, _Cursor.NOWHERE, 0, heads=False)
    return {
        "events": page.events,
        "reads": page.reads,
        "next_cursor": cursors.seal(store.cursor_key, f"sync|{user}", following.pack()),
        # Pages after the first go only as far as that one saw: who took them elsewhere, or slowly, has yet to hear of
        # what came since. A position where it was proves nothing: one writer stands still and holds it, others go on.
        "has_more": following.place != _Cursor.NOWHERE or end < position or (elsewhere and given.end > 0),
        "resets": page.resets,
        "recovered": recovered,
    }


def begins(store: Store, user: UserId, cursor: str | None) -> bool:
    """Whether a page asked for with this cursor is the first of its sync.

    Raises:
        InvalidCursor: as `sync`.
    """
    given = _given(store, user, cursor)
    return given is None or given.end == 0


def _given(store: Store, user: UserId, cursor: str | None) -> _Cursor | None:
    return None if cursor is None else _Cursor.unpack(cursors.unseal(store.cursor_key, f"sync|{user}", cursor))


async def _changed(
    connection: Any, user: UserId, cursor: _Cursor, stands: Mapping[ConversationId, int | None]
) -> Sequence[Any]:
    limit = MAX_CONVERSATIONS + 1
    found: Sequence[Any] = await connection.fetch(
        _CHANGED, user, cursor.start, cursor.place, limit, cursor.heads, list(stands), list(stands.values())
    )
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    conversation_id: ConversationId
    first_seq: int
    last_seq: int
    sees_from: int


class _Page:
    """One answer of `sync` as it fills up."""

    def __init__(self, epoch: str, user: UserId, limit: int) -> None:
        self._epoch = epoch
        self._user = user
        self._limit = limit
        self.events: list[dict[str, object]] = []
        self.reads: list[dict[str, object]] = []
        self.resets: list[dict[str, object]] = []
        self.stopped_at: tuple[ConversationId, int] | None = None

    def plan(self, found: Sequence[Any], cursor: _Cursor, channels: frozenset[ConversationId]) -> list[_Wanted]:
        """Say what has no events to tell, and return where there are some."""
        wanted = []
        for row in found[:MAX_CONVERSATIONS]:
            told_already = row["id"] == cursor.place and cursor.seq > 0
            if row["read_changed"] and row["read_seq"] is not None and not told_already:
                self.reads.append({"conversation_id": str(row["id"]), "user_id": self._user, "seq": row["read_seq"]})
            last_seq = row["last_seq"] if row["left_seq"] is None else row["left_seq"]
            sees_from = row["joined_seq"] if row["type"] == ConversationType.GROUP else 1
            first_seq = max(row["first_seq"], sees_from)
            if row["stands"] and row["left_seq"] is None and not _is_in(row["stands_at"], last_seq):
                self._reset(row["id"], last_seq, "not_recovered")
            elif cursor.heads and not row["stands"]:
                self._reset(row["id"], last_seq, "initial")
            elif not (row["log_changed"] or row["stands"]) or first_seq > last_seq:
                continue
            elif row["type"] == ConversationType.CHANNEL and not (row["stands"] or row["id"] in channels):
                self._reset(row["id"], last_seq, "not_subscribed")
            elif last_seq - first_seq >= MAX_BACKLOG:
                self._reset(row["id"], last_seq, "too_far_behind")
            else:
                goes_on = max(first_seq, cursor.seq + 1) if told_already else first_seq
                wanted.append(_Wanted(row["id"], goes_on, last_seq, sees_from))
        return [want for want in wanted if want.first_seq <= want.last_seq]

    def fill(self, wanted: Sequence[_Wanted], events: Sequence[Entry]) -> None:
        """Take events until the page is full; a log that begins too late or cannot be read on is a reset."""
        first = {want.conversation_id: want for want in wanted}
        stretches = {want.conversation_id: want for want in wanted}
        size = 0
        last_told: tuple[ConversationId, int] | None = None
        expired: set[ConversationId] = set()
        for event in events:
            want = first.pop(event.conversation_id, None)
            if want is not None and event.seq != want.first_seq:
                expired.add(event.conversation_id)
                self._reset(event.conversation_id, want.last_seq, "expired")
                last_told = (event.conversation_id, want.last_seq)
            if event.conversation_id in expired:
                continue
            if isinstance(event, Unreadable):
                expired.add(event.conversation_id)
                end = stretches[event.conversation_id].last_seq
                self._reset(event.conversation_id, end, "unreadable")
                last_told = (event.conversation_id, end)
                continue
            told = event.as_json(self._epoch, first_seq=stretches[event.conversation_id].sees_from)
            size += len(orjson.dumps(told))
            if last_told is not None and (len(self.events) >= self._limit or size > MAX_PAGE_BYTES):
                self.stopped_at = last_told
                return
            self.events.append(told)
            last_told = (event.conversation_id, event.seq)
        if len(events) > self._limit:
            # The statement was cut short, by events that turned out to be expired.
            self.stopped_at = last_told
            return
        for want in first.values():
            # Its whole stretch is gone.
            self._reset(want.conversation_id, want.last_seq, "expired")

    def cut(self) -> None:
        """Leave what lies beyond the place reached to the next page."""
        if self.stopped_at is not None:
            place = str(self.stopped_at[0])
            self.reads = [read for read in self.reads if str(read["conversation_id"]) <= place]
            self.resets = [reset for reset in self.resets if str(reset["conversation_id"]) <= place]

    def _reset(self, conversation_id: ConversationId, seq: int, reason: str) -> None:
        self.resets.append(
            {"conversation_id": str(conversation_id), "epoch": self._epoch, "seq": seq, "reason": reason}
        )


def _is_in(seq: int | None, last_seq: int) -> bool:
    return seq is not None and seq <= last_seq


async def conversation_events(
    store: Store,
    user: UserId,
    conversation_id: ConversationId,
    *,
    after_seq: int,
    epoch: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """One page of a conversation's log: ``{events, epoch, last_seq, has_more, recovered}``.

    `recovered` is false, with no events, when the reader cannot go on from `after_seq`: another epoch, a
    seq beyond the end, or a stretch that has expired or cannot be read.

    Raises:
        NotFound: no such conversation, or none for this user.
    """
    may = await access(store, user, conversation_id)
    after = max(after_seq, may.first_seq - 1)
    recovered = (epoch is None or epoch == store.epoch) and after_seq <= may.last_seq
    events: list[Event] = []
    if recovered and after < may.last_seq:
        async with store.connection() as connection:
            found = await connection.fetch(_EVENTS, [conversation_id], [after + 1], [may.last_seq], limit)
        for entry in map(rows.entry, found):
            if isinstance(entry, Unreadable):
                break
            events.append(entry)
        recovered = bool(events) and events[0].seq == after + 1
    told = [event.as_json(store.epoch, first_seq=may.first_seq) for event in events] if recovered else []
    return {
        "events": told,
        "epoch": store.epoch,
        "last_seq": may.last_seq,
        "has_more": bool(told) and events[-1].seq < may.last_seq,
        "recovered": recovered,
    }
