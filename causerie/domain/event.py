"""Facts of the log: everything durable that changes what a reader sees, numbered without a hole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from causerie.domain.ids import ConversationId, UserId
from causerie.domain.times import rfc3339


class EventKind(StrEnum):
    """Names on the wire (CONTRACT §4)."""

    MESSAGE_NEW = "message.new"
    MESSAGE_EDIT = "message.edit"
    MESSAGE_DELETE = "message.delete"
    MEMBER_ADD = "member.add"
    MEMBER_UPDATE = "member.update"
    MEMBER_REMOVE = "member.remove"
    CONVERSATION_UPDATE = "conversation.update"


class EphemeralKind(StrEnum):
    """Frames that are a state plus a best effort: never numbered, never read again."""

    TYPING_START = "typing.start"
    TYPING_STOP = "typing.stop"
    PRESENCE_UPDATE = "presence.update"
    READ_UPDATE = "read.update"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a conversation's log, with its `data` as clients see it now.

    `ts` is the time of the commit as PostgreSQL saw it.  `actor` is who did it.
    """

    conversation_id: ConversationId
    seq: int
    kind: EventKind
    ts: datetime
    actor: UserId
    data: dict[str, object]

    def as_json(self, epoch: str, *, first_seq: int = 1) -> dict[str, object]:
        """The event frame of the contract, for a reader who may see messages from `first_seq` on."""
        data = self.data
        if self.kind is EventKind.MESSAGE_EDIT and message_seq(data) < first_seq:
            data = withheld(data)
        return {
            "event": self.kind.value,
            "conversation_id": str(self.conversation_id),
            "seq": self.seq,
            "epoch": epoch,
            "ts": rfc3339(self.ts),
            "data": data,
        }


def message_seq(data: Mapping[str, object]) -> int:
    """The seq of the message an edit is about."""
    seq = data["seq"]
    assert isinstance(seq, int)
    return seq


def withheld(data: Mapping[str, object]) -> dict[str, object]:
    """What a reader learns of an edit to a message from before his joining: that it happened, for seq has no holes."""
    return {**data, "content": "", "metadata": {}, "attachments": []}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry of the log whose place is known and whose content is not: damaged, or of a later release's kind."""

    conversation_id: ConversationId
    seq: int
    ts: datetime
    reason: str


Entry = Event | Unreadable
