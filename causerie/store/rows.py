"""From rows to values of the domain, and the columns they are made of."""

from typing import Any

from causerie.domain.conversation import Context, Conversation, ConversationType
from causerie.domain.event import Entry, Event, EventKind, Unreadable
from causerie.domain.membership import Member, Role
from causerie.domain.message import Message, MessageType

_MESSAGE = (
    "id",
    "conversation_id",
    "seq",
    "number",
    "sender_id",
    "type",
    "content",
    "metadata",
    "reply_to_id",
    "client_id",
    "version",
    "is_pinned",
    "created_at",
    "edited_at",
    "deleted_at",
)
MESSAGE_COLUMNS = ", ".join(f"m.{name}" for name in _MESSAGE)
JOINED_MESSAGE_COLUMNS = ", ".join(f"m.{name} AS m_{name}" for name in _MESSAGE)
"""For rows that hold another thing beside the message; read them with `message(row, prefix="m_")`."""

# The time inside an id is its row's created_at, so this reads only the partitions the ids name.
SELECT_MESSAGES_BY_ID = f"""
SELECT {MESSAGE_COLUMNS} FROM unnest($1::uuid[]) AS wanted (id)
JOIN messages m ON m.id = wanted.id AND m.created_at = uuid_extract_timestamp(wanted.id)"""

SELECT_MESSAGE_BY_ID = f"""
SELECT {MESSAGE_COLUMNS} FROM messages m WHERE m.id = $1 AND m.created_at = uuid_extract_timestamp($1)"""

CONVERSATION_COLUMNS = (
    "c.id, c.type, c.name, c.description, c.avatar_url, c.context_type, c.context_id, c.metadata, c.created_by, "
    "c.created_at, c.updated_at, c.is_archived, c.last_seq, c.message_count"
)

MEMBER_COLUMNS = (
    "p.user_id, p.role, p.nickname, p.is_muted, p.muted_until, p.is_archived AS member_archived, p.joined_at, "
    "p.joined_seq, p.left_at, p.left_seq"
)

SELECT_EVENTS = f"""
SELECT e.conversation_id, e.seq, e.kind, e.actor, e.message_id, e.data, e.created_at, {JOINED_MESSAGE_COLUMNS}
FROM events e
LEFT JOIN messages m ON m.id = e.message_id AND m.created_at = uuid_extract_timestamp(e.message_id)
"""
"""Events as they are told: a message event carries the message as it is now, else a deleted text would come back."""


def message(row: Any, *, prefix: str = "") -> Message:
    return Message(
        id=row[prefix + "id"],
        conversation_id=row[prefix + "conversation_id"],
        seq=row[prefix + "seq"],
        number=row[prefix + "number"],
        sender_id=row[prefix + "sender_id"],
        type=MessageType(row[prefix + "type"]),
        content=row[prefix + "content"],
        metadata=row[prefix + "metadata"],
        reply_to_id=row[prefix + "reply_to_id"],
        client_id=row[prefix + "client_id"],
        version=row[prefix + "version"],
        is_pinned=row[prefix + "is_pinned"],
        created_at=row[prefix + "created_at"],
        edited_at=row[prefix + "edited_at"],
        deleted_at=row[prefix + "deleted_at"],
    )


def conversation(row: Any) -> Conversation:
    return Conversation(
        id=row["id"],
        type=ConversationType(row["type"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_seq=row["last_seq"],
        message_count=row["message_count"],
        name=row["name"],
        description=row["description"],
        avatar_url=row["avatar_url"],
        context=Context(row["context_type"], row["context_id"]) if row["context_type"] is not None else None,
        metadata=row["metadata"],
        is_archived=row["is_archived"],
    )


def member(row: Any) -> Member:
    return Member(
        user_id=row["user_id"],
        role=Role(row["role"]),
        joined_at=row["joined_at"],
        joined_seq=row["joined_seq"],
        nickname=row["nickname"],
        is_muted=row["is_muted"],
        muted_until=row["muted_until"],
        is_archived=row["member_archived"],
        left_at=row["left_at"],
        left_seq=row["left_seq"],
    )


def event(row: Any) -> Event:
    """An event of the log with its data as clients see it now."""
    kind = EventKind(row["kind"])
    match kind:
        case EventKind.MESSAGE_DELETE:
            data: dict[str, object] = {"message_id": str(row["message_id"]), "deleted_by": row["actor"]}
        case EventKind.MESSAGE_NEW | EventKind.MESSAGE_EDIT:
            data = message(row, prefix="m_").as_json()
        case _:
            data = row["data"]
            if not isinstance(data, dict):
                raise TypeError("the data of an event is an object")
    return Event(row["conversation_id"], row["seq"], kind, row["created_at"], row["actor"], data)


def entry(row: Any) -> Entry:
    """As `event`, but what cannot be read keeps its place in the log, so that its readers can go on behind it."""
    try:
        return event(row)
    except (ValueError, TypeError, KeyError) as error:
        return Unreadable(row["conversation_id"], row["seq"], row["created_at"], type(error).__name__)
