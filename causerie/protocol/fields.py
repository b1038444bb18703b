"""Fields of a request: each is taken once and checked, and everything wrong is told together.

A check takes the raw value and the field's name and answers the value or raises `InvalidRequest`,
as those of `causerie.domain.ids` and `causerie.domain.text` do.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar, cast, overload
from urllib.parse import urlsplit
from uuid import UUID

from causerie.domain import ids
from causerie.domain.conversation import Context
from causerie.domain.errors import FieldError, InvalidCursor, InvalidRequest
from causerie.domain.ids import UserId
from causerie.domain.limits import MAX_CONTEXT_CHARACTERS, MAX_URL_CHARACTERS
from causerie.domain.text import check_text

MAX_CURSOR_CHARACTERS = 512
_MAX_NAMED = 20
"""How many unknown fields an answer names; a body may carry thousands."""
_MAX_NAME_CHARACTERS = 64
_NUMBER = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)
Check = Callable[[object, str], T]


class Fields:
    """The fields of one request, with null meaning the same as absent except to `change`.

    A wrong field reads as its default until `finish` raises, so nothing taken may be acted on before.
    """

    __slots__ = ("_fields", "_prefix", "_strict", "errors")

    def __init__(self, body: object, *, strict: bool, prefix: str = "") -> None:
        if not isinstance(body, dict):
            raise InvalidRequest.of(prefix.rstrip(".") or "body", "must be an object")
        self._fields: dict[str, object] = dict(body)
        self._strict = strict
        self._prefix = prefix
        self.errors: list[FieldError] = []

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    @overload
    def take(self, name: str, check: Check[T]) -> T | None: ...
    @overload
    def take(self, name: str, check: Check[T], default: D) -> T | D: ...
    def take(self, name: str, check: Check[T], default: D | None = None) -> T | D | None:
        value = self._fields.pop(name, None)
        if value is None:
            return default
        try:
            return check(value, self._prefix + name)
        except InvalidRequest as wrong:
            self.errors.extend(wrong.errors)
            return default

    def require(self, name: str, check: Check[T]) -> T:
        if not self.has(name):
            self._fields.pop(name, None)
            self.refuse(name, "is required")
        return cast(T, self.take(name, check))

    def change(self, changes: dict[str, object], name: str, check: Check[T], *, nullable: bool = False) -> None:
        """Put the field into `changes` if it was named at all; null clears what is `nullable`."""
        if name not in self._fields:
            return
        if self._fields[name] is None:
            del self._fields[name]
            if nullable:
                changes[name] = None
            else:
                self.refuse(name, "must not be null")
        else:
            changes[name] = self.take(name, check)

    def refuse(self, name: str, message: str) -> None:
        self.errors.append(FieldError(self._prefix + name, message))

    def finish(self) -> None:
        """Raise `InvalidRequest` if anything was wrong or, when strict, left over."""
        if self._strict:
            for name in list(self._fields)[:_MAX_NAMED]:
                self.refuse(_printable(name), "is not known here")
        if self.errors:
            raise InvalidRequest(self.errors)


def _printable(name: str) -> str:
    """A name from outside, fit to be written in an answer."""
    return name[:_MAX_NAME_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def text(max_characters: int) -> Check[str]:
    return lambda value, field: check_text(value, field, max_characters=max_characters)


def boolean(value: object, field: str) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidRequest.of(field, "must be true or false")


def integer(least: int, most: int) -> Check[int]:
    def check(value: object, field: str) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise InvalidRequest.of(field, f"must be an integer from {least} to {most}")

    return check


def clamped_integer(most: int) -> Check[int]:
    """An integer from 0, anything beyond `most` meaning `most`."""

    def check(value: object, field: str) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return min(value, most)
        raise InvalidRequest.of(field, "must be an integer from 0")

    return check


def one_of(*choices: str) -> Check[str]:
    def check(value: object, field: str) -> str:
        if isinstance(value, str) and value in choices:
            return value
        raise InvalidRequest.of(field, "must be one of " + ", ".join(choices))

    return check


def choice(enum: type[E]) -> Check[E]:
    check = one_of(*enum)
    return lambda value, field: enum(check(value, field))


def uuid(value: object, field: str) -> UUID:
    if (found := ids.uuid_of(value)) is not None:
        return found
    raise InvalidRequest.of(field, "must be a UUID")


def user_ids(*, most: int) -> Check[tuple[UserId, ...]]:
    """A list of user ids in its order; a repeated one counts once."""

    def check(value: object, field: str) -> tuple[UserId, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise InvalidRequest.of(field, f"must be a list of at most {most} user ids")
        return tuple(dict.fromkeys(ids.user_id(item, f"{field}[{place}]") for place, item in enumerate(value)))

    return check


def context_part(value: object, field: str) -> str:
    return check_text(value, field, max_characters=MAX_CONTEXT_CHARACTERS)


def context(value: object, field: str) -> Context:
    given = Fields(value, strict=True, prefix=f"{field}.")
    found = Context(type=given.require("type", context_part), id=given.require("id", context_part))
    given.finish()
    return found


def url(value: object, field: str) -> str:
    """A web address; other schemes could run in a page that shows it."""
    checked = check_text(value, field, max_characters=MAX_URL_CHARACTERS)
    try:
        split = urlsplit(checked)
    except ValueError:
        split = None
    if split is None or split.scheme not in ("http", "https") or not split.netloc or not checked.isprintable():
        raise InvalidRequest.of(field, "must be an http or https URL")
    return checked


def no_attachments(value: object, field: str) -> None:
    if value != []:
        raise InvalidRequest.of(field, "names an attachment that does not exist")


def moment(value: object, field: str) -> datetime:
    """A time by RFC 3339, as UTC."""
    if isinstance(value, str) and _MOMENT.match(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise InvalidRequest.of(field, "must be a time by RFC 3339, such as 2026-11-21T09:00:00.000Z")


def number(least: int, most: int) -> Check[int]:
    """An integer as it stands in a query."""

    def check(value: object, field: str) -> int:
        if isinstance(value, str) and _NUMBER.match(value) and least <= int(value) <= most:
            return int(value)
        raise InvalidRequest.of(field, f"must be an integer from {least} to {most}")

    return check


def flag(value: object, field: str) -> bool:
    """A boolean as it stands in a query."""
    return one_of("true", "false")(value, field) == "true"


def cursor(value: object, field: str) -> str | None:
    """Text that only its maker understands; an empty one is none, as a template with nothing to put in sends it.

    Raises:
        InvalidCursor: too long to be one of ours.
    """
    if not isinstance(value, str) or len(value) > MAX_CURSOR_CHARACTERS:
        raise InvalidCursor
    return value or None


def opaque(max_characters: int) -> Check[str]:
    """Text that is only compared."""

    def check(value: object, field: str) -> str:
        if isinstance(value, str) and len(value) <= max_characters:
            return value
        raise InvalidRequest.of(field, f"must be text of at most {max_characters} characters")

    return check
