"""Conversations as rows: made, locked, changed, listed."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from causerie.domain.conversation import Conversation, ConversationType, OpenConversation
from causerie.domain.errors import NotFound
from causerie.domain.ids import ConversationId, UserId
from causerie.store import cursors, rows
from causerie.store.pages import Page
from causerie.store.store import Store
from causerie.store.transaction import Transaction

_PLACE = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# One row a conversation with what depends on its reader: $1 is the reader.
_VIEW = f"""
SELECT {rows.CONVERSATION_COLUMNS}, {rows.MEMBER_COLUMNS}, c.last_activity_at, r.seq AS read_seq, r.is_marked_unread,
       CASE WHEN p.user_id IS NULL THEN 0 ELSE greatest(c.message_count - coalesce(r.number, 0), 0) END AS unread_count,
       last.*
FROM conversations c
LEFT JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $1 AND p.left_seq IS NULL
LEFT JOIN read_horizons r ON r.conversation_id = c.id AND r.user_id = p.user_id
LEFT JOIN LATERAL (
    SELECT {rows.JOINED_MESSAGE_COLUMNS} FROM messages m
    WHERE m.conversation_id = c.id AND m.seq = c.last_message_seq AND m.created_at >= c.last_month
) last ON c.last_message_seq > 0
"""


async def lock(tx: Transaction, conversation_id: ConversationId) -> Conversation:
    """Lock a conversation until the end of the transaction: its next event is this transaction's to write.

    Raises:
        NotFound: there is none.
    """
    row = await tx.connection.fetchrow(
        f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations c WHERE c.id = $1 FOR NO KEY UPDATE", conversation_id
    )
    if row is None:
        raise NotFound
    return rows.conversation(row)


def direct_pair(spec: OpenConversation, author: UserId) -> str | None:
    """What makes a direct conversation without a context unique: its two people, in order."""
    if spec.type is not ConversationType.DIRECT or spec.context is not None:
        return None
    return " ".join(sorted({author, *spec.member_ids}))


async def insert(tx: Transaction, spec: OpenConversation, author: UserId) -> Conversation | None:
    """Make a conversation with an empty log; None when its context or its two people have one already."""
    row = await tx.connection.fetchrow(
        f"""
        INSERT INTO conversations AS c (type, name, description, avatar_url, context_type, context_id, direct_pair,
                                        metadata, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING {rows.CONVERSATION_COLUMNS}""",
        spec.type.value,
        spec.name,
        spec.description,
        spec.avatar_url,
        spec.context.type if spec.context else None,
        spec.context.id if spec.context else None,
        direct_pair(spec, author),
        spec.metadata,
        author,
    )
    return rows.conversation(row) if row else None


async def find_same(tx: Transaction, spec: OpenConversation, author: UserId) -> Conversation | None:
    """The conversation with the same context, else the direct one of the same two people."""
    row = await tx.connection.fetchrow(
        f"SELECT {rows.CONVERSATION_COLUMNS} FROM conversations c "
        "WHERE (c.context_type = $1 AND c.context_id = $2) OR c.direct_pair = $3",
        spec.context.type if spec.context else None,
        spec.context.id if spec.context else None,
        direct_pair(spec, author),
    )
    return rows.conversation(row) if row else None


async def update(tx: Transaction, conversation_id: ConversationId, changes: dict[str, object]) -> Conversation:
    """Write `name`, `description`, `avatar_url` or `is_archived` as far as `changes` names them."""
    row = await tx.connection.fetchrow(
        f"""
        UPDATE conversations c
        SET name = CASE WHEN $2 ? 'name' THEN $2 ->> 'name' ELSE c.name END,
            description = CASE WHEN $2 ? 'description' THEN $2 ->> 'description' ELSE c.description END,
            avatar_url = CASE WHEN $2 ? 'avatar_url' THEN $2 ->> 'avatar_url' ELSE c.avatar_url END,
            is_archived = coalesce(($2 ->> 'is_archived')::boolean, c.is_archived),
            updated_at = date_trunc('milliseconds', clock_timestamp()), xid = pg_current_xact_id()
        WHERE c.id = $1 RETURNING {rows.CONVERSATION_COLUMNS}""",
        conversation_id,
        changes,
    )
    return rows.conversation(row)


async def view(store: Store, user: UserId, conversation_id: ConversationId) -> dict[str, object]:
    """A conversation as one reader sees it.

    Raises:
        NotFound: no such conversation, or none for this user.
    """
    async with store.connection() as connection:
        row = await connection.fetchrow(
            _VIEW + "WHERE c.id = $2 AND (p.user_id IS NOT NULL OR c.type = 'channel')", user, conversation_id
        )
    if row is None:
        raise NotFound
    return _as_seen(row)


async def list_mine(
    store: Store,
    user: UserId,
    *,
    type: ConversationType | None = None,
    archived: bool | None = None,
    context_type: str | None = None,
    context_id: str | None = None,
    member: bool = True,
    limit: int = 50,
    cursor: str | None = None,
    offset: int = 0,
) -> Page:
    """My conversations, newest activity first; with `member=False` the channels I could join.

    Raises:
        InvalidCursor: not made for this list and reader.
    """
    scope = f"conversations|{user}|{type}|{archived}|{context_type}|{context_id}|{member}"
    before, before_id = datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1)
    if cursor is not None:
        micros, raw = _PLACE.unpack(cursors.unseal(store.cursor_key, scope, cursor))
        before, before_id = _EPOCH + micros * _MICROSECOND, UUID(bytes=raw)
    where = [
        "p.user_id IS NOT NULL" if member else "p.user_id IS NULL AND c.type = 'channel' AND NOT c.is_archived",
        "($2::text IS NULL OR c.type = $2)",
        "($3::boolean IS NULL OR (c.is_archived OR coalesce(p.is_archived, false)) = $3)",
        "($4::text IS NULL OR c.context_type = $4) AND ($5::text IS NULL OR c.context_id = $5)",
        "(c.last_activity_at, c.id) < ($6, $7)",
    ]
    # Mine are found from my memberships; a left join would read every conversation there is.
    mine = _VIEW.replace("LEFT JOIN conversation_participants", "JOIN conversation_participants") if member else _VIEW
    async with store.connection() as connection:
        found = await connection.fetch(
            f"{mine} WHERE {' AND '.join(where)} ORDER BY c.last_activity_at DESC, c.id DESC LIMIT $8 OFFSET $9",
            user,
            type.value if type else None,
            archived,
            context_type,
            context_id,
            before,
            before_id,
            limit + 1,
            offset,
        )
    items = [_as_seen(row) for row in found[:limit]]
    if len(found) <= limit:
        return Page(items, None)
    last = found[limit - 1]
    place = _PLACE.pack((last["last_activity_at"] - _EPOCH) // _MICROSECOND, last["id"].bytes)
    return Page(items, cursors.seal(store.cursor_key, scope, place))


def outside_view(conversation: Conversation) -> dict[str, object]:
    """A conversation as an administrator sees it who is no member: what it is, nothing of what is said there."""
    return {
        **conversation.as_json(),
        "unread_count": 0,
        "is_marked_unread": False,
        "last_message": None,
        "membership": None,
    }


def _as_seen(row: Any) -> dict[str, object]:
    conversation = rows.conversation(row)
    member = rows.member(row) if row["user_id"] is not None else None
    last = rows.message(row, prefix="m_") if row["m_id"] is not None else None
    if last is not None and member is not None and conversation.type is ConversationType.GROUP:
        last = last if last.seq >= member.joined_seq else None
    seen = outside_view(conversation)
    seen["is_archived"] = conversation.is_archived or member is not None and member.is_archived
    seen["unread_count"] = row["unread_count"]
    seen["is_marked_unread"] = bool(row["is_marked_unread"])
    if last is not None:
        seen["last_message"] = {**last.as_json(), "reactions": []}
    if member is not None:
        seen["membership"] = {**member.as_json(private=True), "read_seq": row["read_seq"] or 0}
    return seen
