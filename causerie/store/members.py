"""Members of a conversation: intervals of seq, kept beside their read horizon."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from causerie.domain.conversation import ConversationType
from causerie.domain.errors import NotFound
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.membership import Member, Role, first_visible_seq
from causerie.store import cursors, rows
from causerie.store.pages import Page
from causerie.store.store import Store
from causerie.store.transaction import Transaction

_PLACE = struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class Access:
    """What one reader may read of a conversation now: from `first_seq` to `last_seq`, its head."""

    type: ConversationType
    member: Member | None
    first_seq: int
    last_seq: int


async def access(store: Store, user: UserId, conversation_id: ConversationId) -> Access:
    """Ask PostgreSQL, always, whether and how far `user` may read.

    Raises:
        NotFound: no such conversation, or none for this user; channels are open to everybody.
    """
    async with store.connection() as connection:
        row = await connection.fetchrow(
            f"SELECT c.type, c.last_seq, {rows.MEMBER_COLUMNS} FROM conversations c "
            "LEFT JOIN conversation_participants p "
            "  ON p.conversation_id = c.id AND p.user_id = $2 AND p.left_seq IS NULL WHERE c.id = $1",
            conversation_id,
            user,
        )
    may = None if row is None else _access(row)
    if may is None:
        raise NotFound
    return may


async def accesses(
    store: Store, asked: Sequence[tuple[UserId, ConversationId]]
) -> dict[tuple[UserId, ConversationId], Access]:
    """As `access`, for many at once; who may not read is not named."""
    async with store.connection() as connection:
        found = await connection.fetch(
            f"SELECT a.user_id AS asker, c.id, c.type, c.last_seq, {rows.MEMBER_COLUMNS} "
            "FROM unnest($1::text[], $2::uuid[]) AS a (user_id, conversation_id) "
            "JOIN conversations c ON c.id = a.conversation_id "
            "LEFT JOIN conversation_participants p "
            "  ON p.conversation_id = c.id AND p.user_id = a.user_id AND p.left_seq IS NULL",
            [user for user, _ in asked],
            [conversation_id for _, conversation_id in asked],
        )
    return {
        (UserId(row["asker"]), ConversationId(row["id"])): may for row in found if (may := _access(row)) is not None
    }


def _access(row: Any) -> Access | None:
    conversation_type = ConversationType(row["type"])
    member = rows.member(row) if row["user_id"] is not None else None
    if member is None and conversation_type is not ConversationType.CHANNEL:
        return None
    first = first_visible_seq(member, conversation_type) if member else 1
    return Access(conversation_type, member, first, row["last_seq"])


async def find(tx: Transaction, conversation_id: ConversationId, user: UserId) -> Member | None:
    """The membership of a user, also a former one."""
    row = await tx.connection.fetchrow(
        f"SELECT {rows.MEMBER_COLUMNS} FROM conversation_participants p "
        "WHERE p.conversation_id = $1 AND p.user_id = $2",
        conversation_id,
        user,
    )
    return rows.member(row) if row else None


async def count_present(tx: Transaction, conversation_id: ConversationId) -> int:
    return int(
        await tx.connection.fetchval(
            "SELECT count(*) FROM conversation_participants WHERE conversation_id = $1 AND left_seq IS NULL",
            conversation_id,
        )
    )


async def put(
    tx: Transaction, conversation_id: ConversationId, joining: Sequence[tuple[UserId, Role]], *, seq: int
) -> list[Member]:
    """Begin memberships at `seq`, anew for former members, each with its read mark at the end."""
    added = await tx.connection.fetch(
        f"""
        INSERT INTO conversation_participants AS p (conversation_id, user_id, role, joined_at, joined_seq)
        SELECT $1, j.user_id, j.role, date_trunc('milliseconds', clock_timestamp()), $4
        FROM unnest($2::text[], $3::text[]) AS j (user_id, role) ORDER BY j.user_id
        ON CONFLICT (conversation_id, user_id) DO UPDATE
        SET role = excluded.role, joined_at = excluded.joined_at, joined_seq = excluded.joined_seq, left_at = NULL,
            left_seq = NULL, is_archived = false, xid = pg_current_xact_id()
        RETURNING {rows.MEMBER_COLUMNS}""",
        conversation_id,
        [user for user, _ in joining],
        [role.value for _, role in joining],
        seq,
    )
    await tx.connection.execute(
        """
        INSERT INTO read_horizons AS r (conversation_id, user_id, seq, number)
        SELECT c.id, j.user_id, $3, c.message_count FROM conversations c, unnest($2::text[]) AS j (user_id)
        WHERE c.id = $1 ORDER BY j.user_id
        ON CONFLICT (conversation_id, user_id) DO UPDATE
        SET seq = excluded.seq, number = excluded.number, is_marked_unread = false, xid = pg_current_xact_id()""",
        conversation_id,
        [user for user, _ in joining],
        seq,
    )
    by_user = {row["user_id"]: rows.member(row) for row in added}
    return [by_user[user] for user, _ in joining]


async def end(tx: Transaction, conversation_id: ConversationId, user: UserId, *, seq: int) -> Member:
    """End a membership; the event with `seq` is the last one the member hears."""
    row = await tx.connection.fetchrow(
        f"UPDATE conversation_participants p SET left_seq = $3, xid = pg_current_xact_id(), "
        "left_at = date_trunc('milliseconds', clock_timestamp()) "
        f"WHERE p.conversation_id = $1 AND p.user_id = $2 RETURNING {rows.MEMBER_COLUMNS}",
        conversation_id,
        user,
        seq,
    )
    return rows.member(row)


async def update(tx: Transaction, conversation_id: ConversationId, member: Member, **changes: Any) -> Member:
    """Write the fields named in `changes`: role, nickname, is_muted, muted_until, is_archived."""
    changed = replace(member, **changes)
    row = await tx.connection.fetchrow(
        "UPDATE conversation_participants p SET role = $3, nickname = $4, is_muted = $5, muted_until = $6, "
        "is_archived = $7, xid = pg_current_xact_id() "
        f"WHERE p.conversation_id = $1 AND p.user_id = $2 RETURNING {rows.MEMBER_COLUMNS}",
        conversation_id,
        changed.user_id,
        changed.role.value,
        changed.nickname,
        changed.is_muted,
        changed.muted_until,
        changed.is_archived,
    )
    return rows.member(row)


async def owners(tx: Transaction, conversation_id: ConversationId, *, besides: UserId) -> list[Member]:
    """Members with the role of owner other than `besides`."""
    found = await tx.connection.fetch(
        f"SELECT {rows.MEMBER_COLUMNS} FROM conversation_participants p "
        "WHERE p.conversation_id = $1 AND p.left_seq IS NULL AND p.role = 'owner' AND p.user_id <> $2",
        conversation_id,
        besides,
    )
    return [rows.member(row) for row in found]


async def successor(tx: Transaction, conversation_id: ConversationId) -> Member | None:
    """Who becomes owner when the owner leaves: the oldest admin, else the oldest member."""
    row = await tx.connection.fetchrow(
        f"SELECT {rows.MEMBER_COLUMNS} FROM conversation_participants p "
        "WHERE p.conversation_id = $1 AND p.left_seq IS NULL "
        "ORDER BY p.role = 'admin' DESC, p.joined_seq, p.joined_at, p.user_id LIMIT 1",
        conversation_id,
    )
    return rows.member(row) if row else None


async def list_members(
    store: Store,
    user: UserId,
    conversation_id: ConversationId,
    *,
    limit: int,
    cursor: str | None = None,
    offset: int = 0,
) -> Page:
    """Members and former members, in the order they joined.

    Raises:
        NotFound: as `access`.
        InvalidCursor: not made for this list and reader.
    """
    await access(store, user, conversation_id)
    scope = f"members|{user}|{conversation_id}"
    start = _PLACE.unpack(cursors.unseal(store.cursor_key, scope, cursor))[0] if cursor is not None else offset
    async with store.connection() as connection:
        found = await connection.fetch(
            f"SELECT {rows.MEMBER_COLUMNS} FROM conversation_participants p WHERE p.conversation_id = $1 "
            "ORDER BY p.joined_seq, p.user_id LIMIT $2 OFFSET $3",
            conversation_id,
            limit + 1,
            start,
        )
    items = [member.as_json(private=member.user_id == user) for member in map(rows.member, found[:limit])]
    more = len(found) > limit
    return Page(items, cursors.seal(store.cursor_key, scope, _PLACE.pack(start + limit)) if more else None)
