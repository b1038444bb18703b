"""From a draft to a message."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.times import rfc3339


class MessageType(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    FILE = "file"
    AUDIO = "audio"
    VIDEO = "video"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a user wants to say. With a `client_id` it may be sent again and again to the same effect."""

    conversation_id: ConversationId
    sender_id: UserId
    content: str
    type: MessageType = MessageType.TEXT
    metadata: dict[str, object] = field(default_factory=dict)
    reply_to_id: MessageId | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as stored.

    `seq` is that of its `message.new`; `number` counts the conversation's non-system messages and is
    what unread is computed from; `version` starts at 1 and grows with each edit and the delete.
    """

    id: MessageId
    conversation_id: ConversationId
    seq: int
    number: int
    sender_id: UserId
    type: MessageType
    content: str
    metadata: dict[str, object]
    reply_to_id: MessageId | None
    client_id: str | None
    version: int
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    is_pinned: bool = False

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    def as_json(self) -> dict[str, object]:
        """The Message of the contract without `reactions`, which depend on the reader; redacted once deleted."""
        return {
            "id": str(self.id),
            "conversation_id": str(self.conversation_id),
            "seq": self.seq,
            "sender_id": self.sender_id,
            "type": self.type.value,
            "content": "" if self.is_deleted else self.content,
            "metadata": {} if self.is_deleted else self.metadata,
            "reply_to_id": str(self.reply_to_id) if self.reply_to_id else None,
            "attachments": [],
            "client_id": self.client_id,
            "version": self.version,
            "is_edited": self.edited_at is not None,
            "is_deleted": self.is_deleted,
            "is_pinned": self.is_pinned,
            "created_at": rfc3339(self.created_at),
            "edited_at": rfc3339(self.edited_at) if self.edited_at else None,
        }


@dataclass(frozen=True, slots=True)
class Posted:
    """The outcome of posting a draft: the message, and whether an earlier post of the same key made it.

    `data` is the message as its event tells it, when it was told just now: nobody has to write it down twice.
    """

    message: Message
    replayed: bool
    data: dict[str, object] | None = None
