"""A conversation: the unit of order, membership and sharding."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from causerie.domain.ids import ConversationId, UserId
from causerie.domain.times import rfc3339


class ConversationType(StrEnum):
    DIRECT = "direct"
    GROUP = "group"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Context:
    """What a conversation is about in the host application, e.g. an order; unique per (type, id)."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader stands in the log of one conversation: he has everything up to `seq` of that epoch."""

    conversation_id: ConversationId
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as stored. `last_seq` is the head of its log, `message_count` numbers its messages."""

    id: ConversationId
    type: ConversationType
    created_by: UserId
    created_at: datetime
    updated_at: datetime
    last_seq: int
    message_count: int
    name: str | None = None
    description: str | None = None
    avatar_url: str | None = None
    context: Context | None = None
    metadata: dict[str, object] | None = None
    is_archived: bool = False

    def as_json(self) -> dict[str, object]:
        """The facts everybody who sees the conversation shares."""
        return {
            "id": str(self.id),
            "type": self.type.value,
            "name": self.name,
            "description": self.description,
            "avatar_url": self.avatar_url,
            "context": {"type": self.context.type, "id": self.context.id} if self.context else None,
            "metadata": self.metadata or {},
            "created_by": self.created_by,
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.updated_at),
            "is_archived": self.is_archived,
            "last_seq": self.last_seq,
        }


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """What a user wants opened, and with whom besides himself.

    With a `key` (the header `Idempotency-Key`) it may be asked again and again to the same effect.
    """

    type: ConversationType
    member_ids: tuple[UserId, ...] = ()
    name: str | None = None
    description: str | None = None
    avatar_url: str | None = None
    context: Context | None = None
    metadata: dict[str, object] = field(default_factory=dict)
    key: str | None = None
