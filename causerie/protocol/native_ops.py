"""The ops of the native dialect, in one table: what each takes, strictly, and the command it means.

An op that is not in the table is answered `unknown_op`; it gets its row with the feature behind it.
"""

from collections.abc import Callable
from uuid import UUID

from causerie.domain import ids
from causerie.domain.errors import FieldError, InvalidRequest, NotFound, UnknownOp
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.limits import DEFAULT_PAGE, MAX_PAGE, MAX_SEQ
from causerie.domain.message import MessageType
from causerie.domain.text import check_content, check_metadata
from causerie.protocol.commands import (
    Auth,
    Command,
    Delete,
    Edit,
    History,
    MarkUnread,
    OwnStatus,
    Ping,
    Position,
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

MAX_WATCHED = 1_000
MAX_POSITIONS = 1_000
MAX_CURSOR_CHARACTERS = 512
_ANCHORS = ("before_seq", "after_seq", "around_seq", "cursor")


class Arguments:
    """The fields of one request, each taken once; what is left over at the end is an error."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, object]) -> None:
        self._fields = fields

    def take(self, name: str) -> object:
        """The raw value, with null meaning the same as absent."""
        return self._fields.pop(name, None)

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def text(self, name: str) -> str:
        value = self.take(name)
        if isinstance(value, str) and value:
            return value
        raise InvalidRequest.of(name, "is required and must be text")

    def id(self, name: str) -> UUID:
        """A malformed id names no object, so it is answered like an absent one."""
        value = self.text(name)
        if (found := ids.uuid_of(value)) is None:
            raise NotFound
        return found

    def conversation_id(self) -> ConversationId:
        return ConversationId(self.id("conversation_id"))

    def message_id(self) -> MessageId:
        return MessageId(self.id("message_id"))

    def optional_text(self, name: str, *, max_characters: int) -> str | None:
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, str) and len(value) <= max_characters:
            return value
        raise InvalidRequest.of(name, f"must be text of at most {max_characters} characters")

    def integer(self, name: str, *, least: int, most: int) -> int | None:
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise InvalidRequest.of(name, f"must be an integer from {least} to {most}")

    def choice(self, name: str, choices: tuple[str, ...], *, default: str | None = None) -> str:
        value = self.take(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value in choices:
            return value
        raise InvalidRequest.of(name, "must be one of " + ", ".join(choices))

    def user_ids(self) -> tuple[UserId, ...]:
        value = self.take("user_ids")
        if not isinstance(value, list) or len(value) > MAX_WATCHED:
            raise InvalidRequest.of("user_ids", f"must be a list of at most {MAX_WATCHED} user ids")
        return tuple(dict.fromkeys(ids.user_id(item, f"user_ids[{place}]") for place, item in enumerate(value)))

    def nothing_else(self) -> None:
        if self._fields:
            raise InvalidRequest([FieldError(name, "is not known here") for name in self._fields])


def parse_command(op: str, fields: dict[str, object]) -> Command:
    """Read the arguments of an op; `fields` is used up.

    Raises:
        UnknownOp: there is no such op, or not yet.
        InvalidRequest: a field is missing, wrong or unknown.
        NotFound: an id that cannot be one.
    """
    read = _OPS.get(op)
    if read is None:
        raise UnknownOp
    arguments = Arguments(fields)
    command = read(arguments)
    arguments.nothing_else()
    return command


def _send(arguments: Arguments) -> Send:
    attachments = arguments.take("attachment_ids")
    if attachments not in (None, []):
        raise InvalidRequest.of("attachment_ids", "attachments are not served yet")
    metadata = arguments.take("metadata")
    client_id = arguments.take("client_id")
    reply_to = arguments.id("reply_to_id") if arguments.has("reply_to_id") else None
    return Send(
        conversation_id=arguments.conversation_id(),
        content=check_content(arguments.take("content")),
        type=MessageType(arguments.choice("type", tuple(MessageType), default=MessageType.TEXT)),
        metadata={} if metadata is None else check_metadata(metadata),
        reply_to_id=MessageId(reply_to) if reply_to else None,
        client_id=None if client_id is None else ids.client_id(client_id),
    )


def _edit(arguments: Arguments) -> Edit:
    return Edit(
        message_id=arguments.message_id(),
        content=check_content(arguments.take("content")),
        version=arguments.integer("version", least=1, most=MAX_SEQ),
    )


def _read(arguments: Arguments) -> Read:
    if arguments.has("seq") and arguments.has("message_id"):
        raise InvalidRequest.of("seq", "give either seq or message_id")
    if arguments.has("message_id"):
        conversation = arguments.conversation_id() if arguments.has("conversation_id") else None
        return Read(conversation, None, arguments.message_id())
    conversation = arguments.conversation_id()
    seq = arguments.integer("seq", least=0, most=MAX_SEQ)
    if seq is None:
        raise InvalidRequest.of("seq", "is required, or a message_id")
    return Read(conversation, seq, None)


def _history(arguments: Arguments) -> History:
    if sum(map(arguments.has, _ANCHORS)) > 1:
        raise InvalidRequest.of("cursor", "give at most one of " + ", ".join(_ANCHORS))
    return History(
        conversation_id=arguments.conversation_id(),
        before_seq=arguments.integer("before_seq", least=0, most=MAX_SEQ),
        after_seq=arguments.integer("after_seq", least=0, most=MAX_SEQ),
        around_seq=arguments.integer("around_seq", least=0, most=MAX_SEQ),
        cursor=arguments.optional_text("cursor", max_characters=MAX_CURSOR_CHARACTERS),
        limit=arguments.integer("limit", least=1, most=MAX_PAGE) or DEFAULT_PAGE,
    )


def _sync(arguments: Arguments) -> Sync:
    return Sync(
        cursor=arguments.optional_text("cursor", max_characters=MAX_CURSOR_CHARACTERS),
        limit=arguments.integer("limit", least=1, most=MAX_PAGE) or MAX_PAGE,
        positions=_positions(arguments.take("positions")),
    )


def _positions(value: object) -> tuple[Position, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_POSITIONS:
        raise InvalidRequest.of("positions", f"must be a list of at most {MAX_POSITIONS} positions")
    return tuple(_position(item, f"positions[{place}]") for place, item in enumerate(value))


def _position(value: object, field: str) -> Position:
    if not isinstance(value, dict) or set(value) != {"conversation_id", "epoch", "seq"}:
        raise InvalidRequest.of(field, "must be {conversation_id, epoch, seq}")
    arguments = Arguments(dict(value))
    seq = arguments.integer("seq", least=0, most=MAX_SEQ)
    if seq is None:
        raise InvalidRequest.of(f"{field}.seq", "is required")
    return Position(arguments.conversation_id(), arguments.text("epoch"), seq)


def _typing(arguments: Arguments) -> Typing:
    return Typing(arguments.conversation_id(), arguments.choice("state", ("start", "stop"), default="start") == "start")


_OPS: dict[str, Callable[[Arguments], Command]] = {
    "auth": lambda arguments: Auth(arguments.text("token")),
    "refresh": lambda arguments: Refresh(arguments.text("token")),
    "send": _send,
    "edit": _edit,
    "delete": lambda arguments: Delete(arguments.message_id()),
    "read": _read,
    "mark_unread": lambda arguments: MarkUnread(arguments.conversation_id()),
    "typing": _typing,
    "presence": lambda arguments: Presence(OwnStatus(arguments.choice("status", tuple(OwnStatus)))),
    "watch": lambda arguments: Watch(arguments.user_ids()),
    "unwatch": lambda arguments: Unwatch(arguments.user_ids()),
    "subscribe": lambda arguments: Subscribe(arguments.conversation_id()),
    "unsubscribe": lambda arguments: Unsubscribe(arguments.conversation_id()),
    "history": _history,
    "sync": _sync,
    "ping": lambda arguments: Ping(),
}
