"""JSON from strangers, read the one way every reader would.

Two parsers that disagree on a body (which of two equal keys counts, what NaN is) let a request mean
one thing to a check and another to the store.  So whatever RFC 8259 leaves open is refused here:
duplicate keys, NaN and Infinity, a byte order mark, trailing bytes, invalid UTF-8, bottomless nesting.
"""

import json
from typing import NoReturn

import orjson

from causerie.domain.errors import InvalidJson

MAX_DEPTH = 128
"""Far above what any rule of the platform allows, so that a rule can still answer with the field's name."""
_MAX_DIGITS = 400
"""Longer integers are infinite as doubles; turning them into `int` would cost the square of their length."""


def loads(data: bytes | bytearray | memoryview | str) -> object:
    """Read one JSON text.

    Numbers too large for a double come out infinite, so that a range check refuses them by name.

    Raises:
        InvalidJson: with what is wrong, in words that are safe to show.
    """
    try:
        text = data if isinstance(data, str) else str(data, "utf-8")
        if (flat := _read_flat(text)) is not None:
            return flat
        value: object = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _read_flat(text: str) -> dict[str, object] | None:
    """Read what most frames are, an object without objects in it, by the quick parser; None to do it the long way.

    The quick one keeps the last of two equal keys.  But every pair has its colon: where all colons outside of texts are
    those of different keys there is no pair more.  Texts with escapes could hide one, and it makes floats of integers
    too long for it, so neither is judged here.
    """
    if "\\" in text:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if type(value) is not dict:
        return None
    colons = text.count(":") - len(value)
    for key, item in value.items():
        if type(item) is str:
            if colons:
                colons -= item.count(":")
        elif type(item) is not int and item is not None and type(item) is not bool:
            return None
        if colons:
            colons -= key.count(":")
    return value if colons == 0 else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("The body names a key twice in one object.")
    return found


def _constant(name: str) -> NoReturn:
    raise InvalidJson(f"The body is not JSON: {name} is no number.")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
