"""Read a conversation's past: PostgreSQL says what may be read and where the end is, Redis often has the page.

The cached newest messages carry the (epoch, seq) they were built at.  Equal to what PostgreSQL just said
is a hit; a little behind is brought up to date by this reader; anything else is built anew.
"""

import struct
from dataclasses import dataclass

from causerie import telemetry
from causerie.actions.platform import Platform
from causerie.cache import history as cached
from causerie.cache.connection import CacheAway
from causerie.cache.history import KEPT_MESSAGES, History
from causerie.domain.errors import InvalidCursor
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import Message, Posted
from causerie.store import cursors, members, messages
from causerie.store.members import Access

FEW = 50
"""A cached history this many events behind is brought up to date; further behind it is quicker to build anew."""

_PLACE = struct.Struct(">cq")
_OLDER, _NEWER = b"o", b"n"


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages as one reader sees them, newest first, but oldest first when read forward.

    `cache_hit` says whether Redis alone gave them.
    """

    messages: list[dict[str, object]]
    next_cursor: str | None
    cache_hit: bool


@dataclass(frozen=True, slots=True)
class _Anchor:
    """Where a page lies: before a seq (None: at the end), after one, or around one."""

    before: int | None = None
    after: int | None = None
    around: int | None = None


async def read_history(
    platform: Platform,
    user: UserId,
    conversation_id: ConversationId,
    *,
    before_seq: int | None = None,
    after_seq: int | None = None,
    around_seq: int | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> HistoryPage:
    """Read one page; at most one of the anchors and the cursor is given, without any it is the newest page.

    Raises:
        NotFound: no such conversation, or none for this user.
        InvalidCursor: not made for this conversation and reader.
    """
    may = await members.access(platform.store, user, conversation_id)
    scope = f"history|{user}|{conversation_id}"
    anchor = _Anchor(before_seq, after_seq, around_seq)
    if cursor is not None:
        anchor = _unpack(cursors.unseal(platform.store.cursor_key, scope, cursor))
    hit = False
    if anchor.after is not None:
        start = max(anchor.after + 1, may.first_seq)
        found = await messages.oldest_from(platform.store, conversation_id, start, may.last_seq, limit + 1)
        page, more, place = found[:limit], len(found) > limit, _NEWER
    else:
        if anchor.around is not None:
            found, more = await _around(platform, conversation_id, anchor.around, may, limit)
        else:
            found, hit = await _before(platform, conversation_id, anchor.before, may, limit + 1)
            found, more = found[-limit:], len(found) > limit
        page, place = found[::-1], _OLDER
    following = cursors.seal(platform.store.cursor_key, scope, _PLACE.pack(place, page[-1].seq)) if more else None
    return HistoryPage([as_seen(message) for message in page], following, hit)


def as_seen(message: Message) -> dict[str, object]:
    """A message as one reader sees it."""
    return {**message.as_json(), "reactions": []}


def as_answered(posted: Posted) -> dict[str, object]:
    """A post as its author sees it."""
    return as_seen(posted.message) if posted.data is None else {**posted.data, "reactions": []}


async def _before(
    platform: Platform, conversation_id: ConversationId, before_seq: int | None, may: Access, limit: int
) -> tuple[list[Message], bool]:
    try:
        kept, hit = await _current(platform, conversation_id, may, build=before_seq is None)
        page = kept.page(before_seq=before_seq, from_seq=may.first_seq, limit=limit) if kept else None
    except CacheAway:
        telemetry.CACHE_READS.add("away")
        page, hit = None, False
    if page is not None:
        return page[::-1], hit
    end = may.last_seq + 1 if before_seq is None else min(before_seq, may.last_seq + 1)
    return await messages.newest_before(platform.store, conversation_id, end, may.first_seq, limit), False


async def _current(
    platform: Platform, conversation_id: ConversationId, may: Access, *, build: bool
) -> tuple[History | None, bool]:
    """The cached history as of the log's end, if there is one or one is wanted, and whether it was found so."""
    store = platform.store
    kept = await cached.read(platform.cache, conversation_id)
    if kept is not None and kept.epoch == store.epoch and kept.seq == may.last_seq:
        telemetry.CACHE_READS.add("hit")
        return kept, True
    if kept is not None and kept.epoch == store.epoch and may.last_seq - FEW <= kept.seq < may.last_seq:
        changed = await messages.changed_between(store, conversation_id, kept.seq, may.last_seq)
        telemetry.CACHE_READS.add("behind")
        return await cached.advance(platform.cache, kept, may.last_seq, changed), False
    telemetry.CACHE_READS.add("miss")
    if not build:
        return None, False
    newest = await messages.newest_before(store, conversation_id, may.last_seq + 1, 1, KEPT_MESSAGES)
    whole = len(newest) < KEPT_MESSAGES
    fresh = History(conversation_id, store.epoch, may.last_seq, tuple(newest), whole)
    return await cached.build(platform.cache, fresh), False


async def _around(
    platform: Platform, conversation_id: ConversationId, seq: int, may: Access, limit: int
) -> tuple[list[Message], bool]:
    """Half a page up to `seq`, the rest after it; says also whether older ones are left."""
    store = platform.store
    end = min(seq, may.last_seq) + 1
    older = await messages.newest_before(store, conversation_id, end, may.first_seq, (limit + 1) // 2 + 1)
    newer = await messages.oldest_from(
        store, conversation_id, max(end, may.first_seq), may.last_seq, limit - min(len(older), (limit + 1) // 2)
    )
    kept = older[-((limit + 1) // 2) :]
    return kept + newer, len(older) > len(kept)


def _unpack(payload: bytes) -> _Anchor:
    try:
        place, seq = _PLACE.unpack(payload)
    except struct.error:
        raise InvalidCursor from None
    return _Anchor(after=seq) if place == _NEWER else _Anchor(before=seq)
