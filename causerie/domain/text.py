"""Rules for text and metadata that users write."""

from collections.abc import Mapping
from math import isfinite

from causerie.domain.errors import InvalidRequest
from causerie.domain.limits import MAX_CONTENT_BYTES, MAX_METADATA_BYTES, MAX_METADATA_DEPTH


def check_text(text: object, field: str, *, max_characters: int) -> str:
    """Accept a short text such as a name: not blank, no NUL, no lone surrogate.

    Raises:
        InvalidRequest: naming `field`.
    """
    checked = _storable(text, field)
    if not checked.strip():
        raise InvalidRequest.of(field, "must not be empty")
    if len(checked) > max_characters:
        raise InvalidRequest.of(field, f"must be at most {max_characters} characters")
    return checked


def check_content(text: object, field: str = "content", *, may_be_empty: bool = False) -> str:
    """Accept the text of a message, which is kept byte for byte.

    Raises:
        InvalidRequest: not text, NUL, a lone surrogate, blanks alone, or more than 16 KiB of UTF-8.
    """
    checked = _storable(text, field)
    if not may_be_empty and not checked.strip():
        raise InvalidRequest.of(field, "must not be empty")
    if len(checked.encode()) > MAX_CONTENT_BYTES:
        raise InvalidRequest.of(field, f"must be at most {MAX_CONTENT_BYTES} bytes of UTF-8")
    return checked


def check_metadata(value: object, field: str = "metadata") -> dict[str, object]:
    """Accept an object of at most 4 KiB as compact JSON and 16 levels, the object itself being level 1.

    Raises:
        InvalidRequest: naming `field`.
    """
    if not isinstance(value, Mapping):
        raise InvalidRequest.of(field, "must be an object")
    if _size(value, field, level=1) > MAX_METADATA_BYTES:
        raise InvalidRequest.of(field, f"must be at most {MAX_METADATA_BYTES} bytes as compact JSON")
    return dict(value)


def _storable(text: object, field: str) -> str:
    if not isinstance(text, str):
        raise InvalidRequest.of(field, "must be text")
    if "\0" in text:
        raise InvalidRequest.of(field, "must not contain NUL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidRequest.of(field, "must not contain a lone surrogate") from None
    return text


def _size(value: object, field: str, *, level: int) -> int:
    """Bytes of `value` as compact JSON, near enough for a bound: escapes count as the character they stand for."""
    if level > MAX_METADATA_DEPTH and isinstance(value, (Mapping, list)):
        raise InvalidRequest.of(field, f"must be at most {MAX_METADATA_DEPTH} levels deep")
    match value:
        case str():
            return len(_storable(value, field).encode()) + 2
        case Mapping():
            inside = sum(
                _size(key, field, level=level) + 1 + _size(item, field, level=level + 1) for key, item in value.items()
            )
            return 2 + inside + max(len(value) - 1, 0)
        case list():
            return 2 + sum(_size(item, field, level=level + 1) for item in value) + max(len(value) - 1, 0)
        case bool() | None:
            return 5 if value is False else 4
        case int() if -(2**63) <= value < 2**64:
            return len(repr(value))
        case float() if isfinite(value):
            return len(repr(value))
        case int() | float():
            raise InvalidRequest.of(field, "must not contain a number that JSON readers cannot hold")
        case _:
            raise InvalidRequest.of(field, "must be JSON")
