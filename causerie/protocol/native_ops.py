"""The ops of the native dialect, in one table: what each takes, strictly, and the command it means.

An op that is not in the table is answered `unknown_op`; it gets its row with the feature behind it.
"""

from collections.abc import Callable
from uuid import UUID

from causerie.domain import ids
from causerie.domain.conversation import Position
from causerie.domain.errors import Forbidden, InvalidRequest, NotFound, UnknownOp
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.limits import DEFAULT_PAGE, MAX_PAGE, MAX_SEQ
from causerie.domain.message import MessageType
from causerie.domain.text import check_content, check_metadata
from causerie.protocol import fields
from causerie.protocol.commands import (
    Auth,
    Command,
    Delete,
    Edit,
    History,
    MarkUnread,
    OwnStatus,
    Ping,
    Presence,
    Read,
    Refresh,
    Send,
    Subscribe,
    Sync,
    Typing,
    Unsubscribe,
    Unwatch,
    Watch,
)
from causerie.protocol.fields import Fields
from causerie.protocol.queries import MAX_EPOCH_CHARACTERS, HistoryQuery, SyncQuery

MAX_WATCHED = 1_000
MAX_POSITIONS = 1_000
MAX_TOKEN_CHARACTERS = 16 * 1024
_message_type = fields.choice(MessageType)
_ANCHORS = ("before_seq", "after_seq", "around_seq", "cursor")
_MAX_VERSION = 2**31 - 1


def parse_command(op: str, arguments: dict[str, object]) -> Command:
    """Read the arguments of an op.

    Raises:
        UnknownOp: there is no such op, or not yet.
        InvalidRequest: naming every field that is missing, wrong or unknown.
        NotFound: an id that cannot be one, and so names no object.
        Forbidden, InvalidCursor: as the bodies of REST.
    """
    read = _OPS.get(op)
    if read is None:
        raise UnknownOp
    given = Fields(arguments, strict=True)
    command = read(given)
    given.finish()
    return command


def _uuid_of_object(value: object, field: str) -> UUID:
    if not isinstance(value, str):
        raise InvalidRequest.of(field, "must be text")
    if (found := ids.uuid_of(value)) is None:
        raise NotFound
    return found


def _conversation(given: Fields) -> ConversationId:
    return ConversationId(given.require("conversation_id", _uuid_of_object))


def _message(given: Fields) -> MessageId:
    return MessageId(given.require("message_id", _uuid_of_object))


def _token(given: Fields) -> str:
    return given.require("token", fields.opaque(MAX_TOKEN_CHARACTERS))


def _users(given: Fields) -> tuple[UserId, ...]:
    return given.require("user_ids", fields.user_ids(most=MAX_WATCHED))


def _send(given: Fields) -> Send:
    reply_to = given.take("reply_to_id", fields.uuid)
    given.take("attachment_ids", fields.no_attachments)
    command = Send(
        conversation_id=_conversation(given),
        content=given.require("content", check_content),
        type=given.take("type", _message_type, MessageType.TEXT),
        metadata=given.take("metadata", check_metadata, {}),
        reply_to_id=None if reply_to is None else MessageId(reply_to),
        client_id=given.take("client_id", ids.client_id),
    )
    if command.type is MessageType.SYSTEM and not given.errors:
        raise Forbidden("Users cannot send system messages.")
    return command


def _edit(given: Fields) -> Edit:
    return Edit(
        message_id=_message(given),
        content=given.require("content", check_content),
        version=given.take("version", fields.integer(1, _MAX_VERSION)),
    )


def _read(given: Fields) -> Read:
    if given.has("seq") == given.has("message_id"):
        given.refuse("seq", "give either seq or message_id")
    message_id = given.take("message_id", _uuid_of_object)
    conversation_id = given.take("conversation_id", _uuid_of_object) if message_id is not None else _conversation(given)
    return Read(
        conversation_id=None if conversation_id is None else ConversationId(conversation_id),
        seq=given.take("seq", fields.clamped_integer(MAX_SEQ)),
        message_id=None if message_id is None else MessageId(message_id),
    )


def _typing(given: Fields) -> Typing:
    return Typing(_conversation(given), given.take("state", fields.one_of("start", "stop"), "start") == "start")


def _presence(given: Fields) -> Presence:
    return Presence(given.require("status", fields.choice(OwnStatus)))


def _history(given: Fields) -> History:
    if sum(map(given.has, _ANCHORS)) > 1:
        given.refuse("cursor", "give at most one of " + ", ".join(_ANCHORS))
    seq = fields.integer(0, MAX_SEQ)
    return History(
        _conversation(given),
        HistoryQuery(
            before_seq=given.take("before_seq", seq),
            after_seq=given.take("after_seq", seq),
            around_seq=given.take("around_seq", seq),
            cursor=given.take("cursor", fields.cursor),
            limit=given.take("limit", fields.integer(1, MAX_PAGE), DEFAULT_PAGE),
        ),
    )


def _sync(given: Fields) -> Sync:
    query = SyncQuery(
        cursor=given.take("cursor", fields.cursor),
        limit=given.take("limit", fields.integer(1, MAX_PAGE), MAX_PAGE),
    )
    return Sync(query, given.take("positions", _positions, ()))


def _positions(value: object, field: str) -> tuple[Position, ...]:
    if not isinstance(value, list) or len(value) > MAX_POSITIONS:
        raise InvalidRequest.of(field, f"must be a list of at most {MAX_POSITIONS} positions")
    return tuple(_position(item, f"{field}[{place}]") for place, item in enumerate(value))


def _position(value: object, field: str) -> Position:
    given = Fields(value, strict=True, prefix=f"{field}.")
    position = Position(
        conversation_id=_conversation(given),
        epoch=given.require("epoch", fields.opaque(MAX_EPOCH_CHARACTERS)),
        seq=given.require("seq", fields.integer(0, MAX_SEQ)),
    )
    given.finish()
    return position


_OPS: dict[str, Callable[[Fields], Command]] = {
    "auth": lambda given: Auth(_token(given)),
    "refresh": lambda given: Refresh(_token(given)),
    "send": _send,
    "edit": _edit,
    "delete": lambda given: Delete(_message(given)),
    "read": _read,
    "mark_unread": lambda given: MarkUnread(_conversation(given)),
    "typing": _typing,
    "presence": _presence,
    "watch": lambda given: Watch(_users(given)),
    "unwatch": lambda given: Unwatch(_users(given)),
    "subscribe": lambda given: Subscribe(_conversation(given)),
    "unsubscribe": lambda given: Unsubscribe(_conversation(given)),
    "history": _history,
    "sync": _sync,
    "ping": lambda given: Ping(),
}

NAMES = frozenset(_OPS)
"""Every op there is."""
