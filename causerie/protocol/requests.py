"""What the bodies and queries of requests must look like, the same for REST and for every socket.

Each function takes what strict JSON gave and answers a value that the rules below can trust, or one
`InvalidRequest` naming everything wrong at once, so that a developer does not fix his request field by field.
With `strict` a field nobody knows is wrong too; the compatible paths and dialects ignore it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from causerie.domain import ids
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.errors import FieldError, Forbidden, InvalidRequest
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.limits import (
    DEFAULT_PAGE,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_GROUP_MEMBERS,
    MAX_NAME_CHARACTERS,
    MAX_PAGE,
    MAX_SEQ,
)
from causerie.domain.membership import Role
from causerie.domain.message import Draft, MessageType
from causerie.domain.text import check_content, check_metadata
from causerie.protocol import fields
from causerie.protocol.fields import Fields

MAX_OFFSET = 10_000
MAX_EPOCH_CHARACTERS = 64
MAX_CHECKED_USERS = 1_000


@dataclass(frozen=True, slots=True)
class Edit:
    content: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """Move my read mark to a seq or to a message; exactly one is set."""

    seq: int | None
    message_id: MessageId | None


@dataclass(frozen=True, slots=True)
class NewMember:
    user_id: UserId
    role: Role


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list."""

    limit: int
    cursor: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class MineFilter:
    """Which of my conversations; `member=False` asks for the channels I could join."""

    type: ConversationType | None
    archived: bool | None
    context_type: str | None
    context_id: str | None
    member: bool


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A page of messages; at most one of the anchors and the cursor is set."""

    before_seq: int | None
    after_seq: int | None
    around_seq: int | None
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class EventsQuery:
    after_seq: int
    epoch: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class SyncQuery:
    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class SinceQuery:
    timestamp: datetime
    page: Page


def open_conversation(body: object, *, key: str | None = None, strict: bool = True) -> OpenConversation:
    """Read the body that opens a conversation; `key` is the checked `Idempotency-Key`.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    kind = given.require("type", fields.choice(ConversationType))
    members = fields.user_ids(most=MAX_GROUP_MEMBERS)
    member_ids = (
        given.take("member_ids", members, ())
        if kind is ConversationType.CHANNEL
        else given.require("member_ids", members)
    )
    opened = OpenConversation(
        type=kind,
        member_ids=member_ids,
        name=given.take("name", fields.text(MAX_NAME_CHARACTERS)),
        description=given.take("description", fields.text(MAX_DESCRIPTION_CHARACTERS)),
        avatar_url=given.take("avatar_url", fields.url),
        context=given.take("context", fields.context),
        metadata=given.take("metadata", check_metadata, {}),
        key=key,
    )
    given.finish()
    return opened


def conversation_changes(body: object, *, strict: bool = True) -> dict[str, object]:
    """Read the changes of a conversation: only the fields that were named; null clears a text.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    changes: dict[str, object] = {}
    given.change(changes, "name", fields.text(MAX_NAME_CHARACTERS), nullable=True)
    given.change(changes, "description", fields.text(MAX_DESCRIPTION_CHARACTERS), nullable=True)
    given.change(changes, "avatar_url", fields.url, nullable=True)
    given.change(changes, "is_archived", fields.boolean)
    given.finish()
    return changes


def member(body: object, *, strict: bool = True) -> NewMember:
    """Read whom to add.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    added = NewMember(
        user_id=given.require("user_id", ids.user_id),
        role=given.take("role", fields.choice(Role), Role.MEMBER),
    )
    given.finish()
    return added


def member_changes(body: object, *, strict: bool = True) -> dict[str, object]:
    """Read the changes of a member: only the fields that were named.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    changes: dict[str, object] = {}
    given.change(changes, "role", fields.choice(Role))
    given.change(changes, "nickname", fields.text(MAX_NAME_CHARACTERS), nullable=True)
    given.change(changes, "is_muted", fields.boolean)
    given.change(changes, "muted_until", fields.moment, nullable=True)
    given.finish()
    return changes


def draft(
    body: object,
    conversation_id: ConversationId,
    sender: UserId,
    *,
    header_key: str | None = None,
    strict: bool = True,
) -> Draft:
    """Read what a user wants to say; `header_key` is the raw `Idempotency-Key`, which must agree with `client_id`.

    Raises:
        InvalidRequest: naming every wrong field.
        Forbidden: users cannot send `system` messages.
    """
    given = Fields(body, strict=strict)
    drafted = Draft(
        conversation_id=conversation_id,
        sender_id=sender,
        content=given.require("content", check_content),
        type=given.take("type", fields.choice(MessageType), MessageType.TEXT),
        metadata=given.take("metadata", check_metadata, {}),
        reply_to_id=_message_id(given.take("reply_to_id", fields.uuid)),
        client_id=_key(given, header_key),
    )
    given.take("attachment_ids", fields.no_attachments)
    given.finish()
    if drafted.type is MessageType.SYSTEM:
        raise Forbidden("Users cannot send system messages.")
    return drafted


def edit(body: object, *, strict: bool = True) -> Edit:
    """Read a changed text; `version` is the one the author changed.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    edited = Edit(
        content=given.require("content", check_content),
        version=given.take("version", fields.integer(1, 2**31 - 1)),
    )
    given.finish()
    return edited


def read(body: object, *, strict: bool = True) -> Read:
    """Read how far somebody has read. A seq beyond any end is not wrong: the action clamps it.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    if given.has("seq") == given.has("message_id"):
        given.refuse("seq", "give either seq or message_id")
    mark = Read(
        seq=given.take("seq", fields.clamped_integer(MAX_SEQ)),
        message_id=_message_id(given.take("message_id", fields.uuid)),
    )
    given.finish()
    return mark


def typing(body: object | None, *, strict: bool = True) -> Literal["start", "stop"]:
    """Read a typing state; no body means start.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields({} if body is None else body, strict=strict)
    state = given.take("state", fields.one_of("start", "stop"), "start")
    given.finish()
    return "stop" if state == "stop" else "start"


def checked_users(body: object, *, strict: bool = True) -> tuple[UserId, ...]:
    """Read whose status is asked for.

    Raises:
        InvalidRequest: naming every wrong field.
    """
    given = Fields(body, strict=strict)
    users = given.require("user_ids", fields.user_ids(most=MAX_CHECKED_USERS))
    given.finish()
    return users


def nothing(body: object | None, *, strict: bool = True) -> None:
    """Accept no body or an empty object, for requests that say everything in their path.

    Raises:
        InvalidRequest: naming every field.
    """
    Fields({} if body is None else body, strict=strict).finish()


def idempotency_key(header: str | None) -> str | None:
    """Check the header `Idempotency-Key` where no field repeats it.

    Raises:
        InvalidRequest: it is not 1–64 printable ASCII characters.
    """
    return None if header is None else ids.client_id(header, "Idempotency-Key")


def page(params: Mapping[str, str], *, default: int = DEFAULT_PAGE) -> Page:
    """Read which part of a list is asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = _page(given, default)
    given.finish()
    return asked


def mine(params: Mapping[str, str]) -> tuple[MineFilter, Page]:
    """Read which of my conversations are asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    filters = MineFilter(
        type=given.take("type", fields.choice(ConversationType)),
        archived=given.take("archived", fields.flag),
        context_type=given.take("context_type", fields.context_part),
        context_id=given.take("context_id", fields.context_part),
        member=given.take("member", fields.flag, True),
    )
    if not filters.member and filters.type is not ConversationType.CHANNEL:
        given.refuse("member", "false is only for type=channel")
    asked = _page(given, DEFAULT_PAGE)
    given.finish()
    return filters, asked


def history(params: Mapping[str, str]) -> HistoryQuery:
    """Read which messages are asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    anchors = ("before_seq", "after_seq", "around_seq", "cursor")
    if sum(map(given.has, anchors)) > 1:
        given.refuse("cursor", "give at most one of " + ", ".join(anchors))
    seq = fields.number(0, MAX_SEQ)
    asked = HistoryQuery(
        before_seq=given.take("before_seq", seq),
        after_seq=given.take("after_seq", seq),
        around_seq=given.take("around_seq", seq),
        cursor=given.take("cursor", fields.cursor),
        limit=given.take("limit", fields.number(1, MAX_PAGE), DEFAULT_PAGE),
    )
    given.finish()
    return asked


def events(params: Mapping[str, str]) -> EventsQuery:
    """Read from where the log of a conversation is asked for; without `after_seq` from its beginning.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = EventsQuery(
        after_seq=given.take("after_seq", fields.number(0, MAX_SEQ), 0),
        epoch=given.take("epoch", fields.opaque(MAX_EPOCH_CHARACTERS)),
        limit=given.take("limit", fields.number(1, MAX_PAGE), MAX_PAGE),
    )
    given.finish()
    return asked


def sync(params: Mapping[str, str]) -> SyncQuery:
    """Read from where everything missed is asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = SyncQuery(
        cursor=given.take("cursor", fields.cursor),
        limit=given.take("limit", fields.number(1, MAX_PAGE), MAX_PAGE),
    )
    given.finish()
    return asked


def since(params: Mapping[str, str]) -> SinceQuery:
    """Read from when messages are asked for.

    Raises:
        InvalidRequest: naming every wrong parameter.
    """
    given = Fields(dict(params), strict=False)
    asked = SinceQuery(timestamp=given.require("timestamp", fields.moment), page=_page(given, DEFAULT_PAGE))
    given.finish()
    return asked


def _page(given: Fields, default: int) -> Page:
    if given.has("cursor") and given.has("offset"):
        given.refuse("offset", "give either cursor or offset")
    return Page(
        limit=given.take("limit", fields.number(1, MAX_PAGE), default),
        cursor=given.take("cursor", fields.cursor),
        offset=given.take("offset", fields.number(0, MAX_OFFSET), 0),
    )


def _key(given: Fields, header: str | None) -> str | None:
    named = given.take("client_id", ids.client_id)
    if header is None:
        return named
    try:
        key = ids.client_id(header, "Idempotency-Key")
    except InvalidRequest as wrong:
        given.errors.extend(wrong.errors)
        return named
    if named is not None and named != key:
        given.errors.append(FieldError("client_id", "must equal the header Idempotency-Key"))
    return key


def _message_id(value: UUID | None) -> MessageId | None:
    return None if value is None else MessageId(value)
