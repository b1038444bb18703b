"""What the bodies of requests must look like, the same for REST and for every socket.

Each function takes what strict JSON gave and answers a value that the rules below can trust, or one
`InvalidRequest` naming everything wrong at once, so that a developer does not fix his request field by field.
With `strict` a field nobody knows is wrong too; the compatible paths and dialects ignore it.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from causerie.domain import ids
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.errors import FieldError, Forbidden, InvalidRequest
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.limits import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_GROUP_MEMBERS,
    MAX_NAME_CHARACTERS,
    MAX_SEQ,
)
from causerie.domain.membership import Role
from causerie.domain.message import Draft, MessageType
from causerie.domain.text import check_content, check_metadata
from causerie.protocol import fields
from causerie.protocol.fields import Fields

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
