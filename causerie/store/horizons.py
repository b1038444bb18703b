"""How far each member has read, and what that leaves unread.

Unread is a difference of counters: the conversation counts its messages, a horizon holds the number of
the last one read.  Both can be computed again from `messages`, and seq takes no part in it, because
edits and members consume seq as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from causerie.domain.errors import Forbidden
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.times import rfc3339
from causerie.store import cursors, members
from causerie.store.pages import Page
from causerie.store.store import Store


@dataclass(frozen=True, slots=True)
class Horizon:
    """A member's read mark after a change; `moved` says whether anybody has something to learn of it."""

    seq: int
    unread_count: int
    moved: bool


# A mark beyond the end is clamped; a mark never goes back, but any read takes the unread flag away.
_MARK = """
WITH mine AS (
    SELECT c.id, c.message_count, least($3, c.last_seq) AS seq,
           CASE WHEN $3 >= c.last_message_seq THEN c.message_count
                ELSE coalesce((SELECT m.number FROM messages m WHERE m.conversation_id = c.id AND m.seq <= $3
                               ORDER BY m.seq DESC LIMIT 1), 0) END AS number
    FROM conversations c
    JOIN conversation_participants p ON p.conversation_id = c.id AND p.user_id = $2 AND p.left_seq IS NULL
    WHERE c.id = $1
), before AS (
    SELECT r.seq, r.is_marked_unread FROM read_horizons r WHERE r.conversation_id = $1 AND r.user_id = $2
), marked AS (
    INSERT INTO read_horizons AS r (conversation_id, user_id, seq, number)
    SELECT id, $2, seq, number FROM mine
    ON CONFLICT (conversation_id, user_id) DO UPDATE
    SET seq = greatest(r.seq, excluded.seq), number = greatest(r.number, excluded.number), is_marked_unread = false,
        read_at = CASE WHEN excluded.seq > r.seq THEN clock_timestamp() ELSE r.read_at END,
        xid = pg_current_xact_id()
    RETURNING seq, number
)
SELECT marked.seq, greatest(mine.message_count - marked.number, 0) AS unread_count,
       before.seq IS NULL OR marked.seq > before.seq OR before.is_marked_unread AS moved
FROM marked CROSS JOIN mine LEFT JOIN before ON true"""


async def mark_read(store: Store, user: UserId, conversation_id: ConversationId, seq: int) -> Horizon:
    """Move a read mark forward to `seq`, at most to the end.

    Raises:
        NotFound: not a member.
        Forbidden: not a member either, but of a channel, which everybody may see.
    """
    async with store.connection() as connection:
        row = await connection.fetchrow(_MARK, conversation_id, user, seq)
    if row is None:
        await _refuse(store, user, conversation_id)
    return Horizon(row["seq"], row["unread_count"], row["moved"])


async def mark_unread(store: Store, user: UserId, conversation_id: ConversationId) -> Horizon:
    """Flag a conversation as unread; the mark stays where it is.

    Raises:
        NotFound: not a member.
        Forbidden: not a member either, but of a channel, which everybody may see.
    """
    async with store.connection() as connection:
        row = await connection.fetchrow(
            """
            UPDATE read_horizons r SET is_marked_unread = true, xid = pg_current_xact_id()
            FROM conversations c, conversation_participants p
            WHERE r.conversation_id = $1 AND r.user_id = $2 AND c.id = $1
              AND p.conversation_id = $1 AND p.user_id = $2 AND p.left_seq IS NULL
            RETURNING r.seq, greatest(c.message_count - r.number, 0) AS unread_count""",
            conversation_id,
            user,
        )
    if row is None:
        await _refuse(store, user, conversation_id)
    return Horizon(row["seq"], row["unread_count"], moved=True)


async def _refuse(store: Store, user: UserId, conversation_id: ConversationId) -> NoReturn:
    """Somebody who is no member has no mark to move; only a channel may he know of."""
    await members.access(store, user, conversation_id)
    raise Forbidden("Join first.")


async def unread(store: Store, user: UserId) -> dict[str, object]:
    """What the user has not read: in all, and for each conversation that has something or is flagged."""
    async with store.connection() as connection:
        found = await connection.fetch(
            """
            SELECT c.id, greatest(c.message_count - coalesce(r.number, 0), 0) AS unread_count
            FROM conversation_participants p
            JOIN conversations c ON c.id = p.conversation_id
            LEFT JOIN read_horizons r ON r.conversation_id = p.conversation_id AND r.user_id = p.user_id
            WHERE p.user_id = $1 AND p.left_seq IS NULL
              AND (c.message_count > coalesce(r.number, 0) OR r.is_marked_unread)
            ORDER BY c.last_activity_at DESC, c.id""",
            user,
        )
    return {
        "total": sum(row["unread_count"] for row in found),
        "conversations": [{"conversation_id": str(row["id"]), "unread_count": row["unread_count"]} for row in found],
    }


async def unread_totals(store: Store, users: Sequence[UserId]) -> dict[UserId, int]:
    """What each of these users has unread in all conversations; who is not named has nothing."""
    async with store.connection() as connection:
        found = await connection.fetch(
            """
            SELECT p.user_id, sum(greatest(c.message_count - coalesce(r.number, 0), 0))::bigint AS total
            FROM conversation_participants p
            JOIN conversations c ON c.id = p.conversation_id
            LEFT JOIN read_horizons r ON r.conversation_id = p.conversation_id AND r.user_id = p.user_id
            WHERE p.user_id = ANY($1) AND p.left_seq IS NULL GROUP BY p.user_id""",
            users,
        )
    return {UserId(row["user_id"]): row["total"] for row in found}


async def receipts(
    store: Store,
    user: UserId,
    conversation_id: ConversationId,
    *,
    limit: int,
    cursor: str | None = None,
    offset: int = 0,
) -> Page:
    """The read marks of those who are members now, by user id.

    Raises:
        NotFound: the reader may not see the conversation.
        InvalidCursor: not made for this list and reader.
    """
    await members.access(store, user, conversation_id)
    scope = f"receipts|{user}|{conversation_id}"
    after = cursors.unseal(store.cursor_key, scope, cursor).decode() if cursor is not None else ""
    async with store.connection() as connection:
        found = await connection.fetch(
            """
            SELECT r.user_id, r.seq, r.read_at, r.delivered_seq FROM read_horizons r
            JOIN conversation_participants p USING (conversation_id, user_id)
            WHERE r.conversation_id = $1 AND p.left_seq IS NULL AND r.user_id > $2
            ORDER BY r.user_id LIMIT $3 OFFSET $4""",
            conversation_id,
            after,
            limit + 1,
            offset,
        )
    items: list[dict[str, object]] = [
        {
            "user_id": row["user_id"],
            "seq": row["seq"],
            "read_at": rfc3339(row["read_at"]),
            "delivered_seq": max(row["delivered_seq"], row["seq"]),
        }
        for row in found[:limit]
    ]
    more = len(found) > limit
    return Page(items, cursors.seal(store.cursor_key, scope, found[limit - 1]["user_id"].encode()) if more else None)
