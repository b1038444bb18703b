"""What a client may ask of its session, whatever dialect it spoke.

A dialect's codec reads these from frames; the session acts on them without knowing which one it was.
"""

from dataclasses import dataclass
from enum import StrEnum

from causerie.domain.conversation import Position
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.message import Draft, MessageType
from causerie.protocol.queries import HistoryQuery, SyncQuery


@dataclass(frozen=True, slots=True)
class Auth:
    token: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """A newer token of the same user, so that the session outlives the one it began with."""

    token: str


@dataclass(frozen=True, slots=True)
class Send:
    conversation_id: ConversationId
    content: str
    type: MessageType
    metadata: dict[str, object]
    reply_to_id: MessageId | None
    client_id: str | None

    def draft(self, sender: UserId) -> Draft:
        return Draft(
            conversation_id=self.conversation_id,
            sender_id=sender,
            content=self.content,
            type=self.type,
            metadata=self.metadata,
            reply_to_id=self.reply_to_id,
            client_id=self.client_id,
        )


@dataclass(frozen=True, slots=True)
class Edit:
    message_id: MessageId
    content: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Delete:
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class Read:
    """Move my read mark to `seq` of a conversation, or to a message; exactly one of the two is set."""

    conversation_id: ConversationId | None
    seq: int | None
    message_id: MessageId | None


@dataclass(frozen=True, slots=True)
class MarkUnread:
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True)
class Typing:
    conversation_id: ConversationId
    started: bool


class OwnStatus(StrEnum):
    """What a user may say about himself; offline is what happens when he goes."""

    ONLINE = "online"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Presence:
    status: OwnStatus


@dataclass(frozen=True, slots=True)
class Watch:
    user_ids: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Unwatch:
    user_ids: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Subscribe:
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True)
class History:
    conversation_id: ConversationId
    query: HistoryQuery


@dataclass(frozen=True, slots=True)
class Sync:
    query: SyncQuery
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    pass


Command = (
    Auth
    | Refresh
    | Send
    | Edit
    | Delete
    | Read
    | MarkUnread
    | Typing
    | Presence
    | Watch
    | Unwatch
    | Subscribe
    | Unsubscribe
    | History
    | Sync
    | Ping
)
