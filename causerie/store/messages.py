"""Messages after they were posted: found, edited, deleted, read in pages."""

from datetime import datetime
from typing import Any

from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.message import Message
from causerie.store import rows
from causerie.store.store import Store
from causerie.store.transaction import Transaction

_BEGINNING = "'-infinity'::timestamptz"

# Months bound created_at, so that a page reads the partitions it lies in and no others.
_MONTH_FROM = f"""coalesce((
    SELECT month::timestamp AT TIME ZONE 'UTC' FROM conversation_months
    WHERE conversation_id = $1 AND first_seq <= $2 ORDER BY first_seq DESC LIMIT 1), {_BEGINNING})"""
_MONTH_UPTO = """coalesce((
    SELECT month::timestamp AT TIME ZONE 'UTC' FROM conversation_months
    WHERE conversation_id = $1 AND first_seq > $3 ORDER BY first_seq LIMIT 1), 'infinity'::timestamptz)"""

_RANGE = f"""
SELECT {rows.MESSAGE_COLUMNS} FROM messages m
WHERE m.conversation_id = $1 AND m.seq BETWEEN $2 AND $3
  AND m.created_at >= {_MONTH_FROM} AND m.created_at < {_MONTH_UPTO}
ORDER BY m.seq"""

SEQS_PER_MESSAGE = 4
"""A page of n messages is looked for among 4n seqs first: edits and members take seqs too, but few."""


async def find(tx: Transaction, message_id: MessageId) -> Message | None:
    row = await tx.connection.fetchrow(rows.SELECT_MESSAGE_BY_ID, message_id)
    return rows.message(row) if row else None


async def edit(tx: Transaction, message: Message, content: str) -> Message:
    row = await tx.connection.fetchrow(
        "UPDATE messages m SET content = $3, version = version + 1, edited_at = date_trunc('milliseconds', "
        f"clock_timestamp()) WHERE m.id = $1 AND m.created_at = $2 RETURNING {rows.MESSAGE_COLUMNS}",
        message.id,
        message.created_at,
        content,
    )
    return rows.message(row)


async def erase(tx: Transaction, message: Message) -> Message:
    """Leave a tombstone: number, sender and place stay, what was said is gone from the row itself."""
    row = await tx.connection.fetchrow(
        "UPDATE messages m SET content = '', metadata = '{}', version = version + 1, "
        "deleted_at = date_trunc('milliseconds', clock_timestamp()) "
        f"WHERE m.id = $1 AND m.created_at = $2 RETURNING {rows.MESSAGE_COLUMNS}",
        message.id,
        message.created_at,
    )
    return rows.message(row)


async def newest_before(
    store: Store, conversation_id: ConversationId, before_seq: int, first_seq: int, limit: int
) -> list[Message]:
    """The `limit` newest messages with `first_seq <= seq < before_seq`, in rising order."""
    async with store.connection() as connection:
        near = max(first_seq, before_seq - limit * SEQS_PER_MESSAGE)
        found = await _range(connection, conversation_id, near, before_seq - 1, limit, newest=True)
        if len(found) < limit and near > first_seq:
            found = await _range(connection, conversation_id, first_seq, before_seq - 1, limit, newest=True)
    return found


async def oldest_from(
    store: Store, conversation_id: ConversationId, from_seq: int, last_seq: int, limit: int
) -> list[Message]:
    """The `limit` oldest messages with `from_seq <= seq <= last_seq`, in rising order."""
    async with store.connection() as connection:
        near = min(last_seq, from_seq + limit * SEQS_PER_MESSAGE)
        found = await _range(connection, conversation_id, from_seq, near, limit, newest=False)
        if len(found) < limit and near < last_seq:
            found = await _range(connection, conversation_id, from_seq, last_seq, limit, newest=False)
    return found


async def _range(
    connection: Any, conversation_id: ConversationId, from_seq: int, upto_seq: int, limit: int, *, newest: bool
) -> list[Message]:
    order = " DESC" if newest else ""
    found = await connection.fetch(_RANGE + order + " LIMIT $4", conversation_id, from_seq, upto_seq, limit)
    messages = [rows.message(row) for row in found]
    return messages[::-1] if newest else messages


async def since(
    store: Store, user: UserId, moment: datetime, *, limit: int, offset: int = 0, after: MessageId | None = None
) -> list[Message]:
    """Messages of my conversations written from `moment` on, oldest first, as far as I may see them."""
    async with store.connection() as connection:
        found = await connection.fetch(
            f"""
            SELECT {rows.MESSAGE_COLUMNS} FROM conversation_participants p
            JOIN conversations c ON c.id = p.conversation_id AND c.last_activity_at >= $2
            JOIN messages m ON m.conversation_id = c.id AND m.created_at >= $2
            WHERE p.user_id = $1 AND p.left_seq IS NULL AND (c.type <> 'group' OR m.seq >= p.joined_seq)
              AND ($3::uuid IS NULL OR m.id > $3)
            ORDER BY m.id LIMIT $4 OFFSET $5""",
            user,
            moment,
            after,
            limit,
            offset,
        )
    return [rows.message(row) for row in found]


async def changed_between(
    store: Store, conversation_id: ConversationId, after_seq: int, upto_seq: int
) -> list[Message]:
    """The messages that events with `after_seq < seq <= upto_seq` are about, each once, as they are now."""
    async with store.connection() as connection:
        found = await connection.fetch(
            f"""
            SELECT {rows.MESSAGE_COLUMNS} FROM (
                SELECT DISTINCT message_id AS id FROM events
                WHERE conversation_id = $1 AND seq > $2 AND seq <= $3 AND message_id IS NOT NULL) touched
            JOIN messages m ON m.id = touched.id AND m.created_at = uuid_extract_timestamp(touched.id)
            ORDER BY m.seq""",
            conversation_id,
            after_seq,
            upto_seq,
        )
    return [rows.message(row) for row in found]


async def seq_of(store: Store, conversation_id: ConversationId, message_id: MessageId) -> int | None:
    """The seq of a message, if it is one of this conversation."""
    async with store.connection() as connection:
        row = await connection.fetchrow(rows.SELECT_MESSAGE_BY_ID, message_id)
    return row["seq"] if row is not None and row["conversation_id"] == conversation_id else None


async def conversation_of(store: Store, message_id: MessageId) -> ConversationId | None:
    async with store.connection() as connection:
        row = await connection.fetchrow(rows.SELECT_MESSAGE_BY_ID, message_id)
    return row["conversation_id"] if row is not None else None
