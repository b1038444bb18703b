"""Typed identifiers, and the checks that text from outside passes before it becomes one."""

import re
from typing import NewType
from uuid import UUID

from causerie.domain.errors import InvalidRequest

ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
UserId = NewType("UserId", str)
NodeId = NewType("NodeId", str)

_USER_ID = re.compile(r"[A-Za-z0-9._:@-]{1,64}\Z", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.ASCII | re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?\Z", re.ASCII)


def user_id(text: object, field: str = "user_id") -> UserId:
    """Read a user id: opaque, 1–64 of ``[A-Za-z0-9._:@-]``.

    Raises:
        InvalidRequest: naming `field`.
    """
    if isinstance(text, str) and _USER_ID.match(text):
        return UserId(text)
    raise InvalidRequest.of(field, "must be 1 to 64 characters of A-Z a-z 0-9 . _ : @ -")


def uuid_of(text: object) -> UUID | None:
    """Read a UUID in its canonical form; None for what names no object and is answered like an absent one."""
    if isinstance(text, str) and _UUID.match(text):
        return UUID(text)
    return None


def client_id(text: object, field: str = "client_id") -> str:
    """Read an idempotency key: 1–64 printable ASCII characters.

    Raises:
        InvalidRequest: naming `field`.
    """
    if isinstance(text, str) and _KEY.match(text):
        return text
    raise InvalidRequest.of(field, "must be 1 to 64 printable ASCII characters")
