"""What the release before says on the bus is understood by this one, and the other way round.

`release.json` holds every message as the last release wrote it.  It is written anew (`python -m
tests.operations.test_release VERSION`) when a release is made; until the first one whenever a change is wanted.  A red
test here means that the two cannot run side by side: the change wants a new tag, and not a new file.
"""

import json
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from causerie.bus import envelopes

FILE = Path(__file__).with_name("release.json")
_SAMPLES: dict[str, Any] = {"bytes": b"\x01" * 16, "str": "text", "int": 7, "float": 1.5, "bool": True}


def kinds() -> dict[int, type[msgspec.Struct]]:
    return {kind.__struct_config__.tag: kind for kind in get_args(envelopes.Envelope)}


def shape(kind: type[msgspec.Struct]) -> list[list[Any]]:
    """Name, type and, of what is within, the shape of each field, in the order on the wire."""
    return [[field.name, *_type(field.type)] for field in msgspec.structs.fields(kind)]


def sample(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """One with a value in every field."""
    return kind(*(_value(field.type) for field in msgspec.structs.fields(kind)))


def _type(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return [annotation.__name__, shape(annotation)]
    if inner := [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, msgspec.Struct)]:
        return [f"list of {inner[0].__name__}", shape(inner[0])]
    return [getattr(annotation, "__name__", None) or str(annotation).replace("typing.", "")]


def _value(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return sample(annotation)
    if getattr(annotation, "__origin__", None) is list:
        return [_value(get_args(annotation)[0])]
    known = [part for part in get_args(annotation) if part is not type(None)] or [annotation]
    return _value(known[0]) if get_args(annotation) else _SAMPLES[annotation.__name__]


def written(release: str) -> dict[str, Any]:
    return {
        "release": release,
        "version": envelopes.VERSION,
        "messages": {
            str(tag): {
                "name": kind.__name__,
                "fields": shape(kind),
                "bytes": envelopes.encode(sample(kind)).hex(),  # type: ignore[arg-type]
            }
            for tag, kind in sorted(kinds().items())
        },
    }


RELEASE: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"messages": {}}


@pytest.mark.parametrize("tag", RELEASE["messages"], ids=lambda tag: RELEASE["messages"][tag]["name"])
def test_a_message_of_the_release_before_is_understood(tag: str) -> None:
    told = RELEASE["messages"][tag]

    heard = envelopes.decode(bytes.fromhex(told["bytes"]))

    assert heard is not None, f"{told['name']} of {RELEASE['release']} cannot be read any more"
    assert type(heard).__name__ == told["name"]
    ours = dict(zip(heard.__struct_fields__, msgspec.structs.astuple(heard), strict=True))
    for name, value in zip(heard.__struct_fields__, msgspec.structs.astuple(sample(type(heard))), strict=True):
        if name in {field[0] for field in told["fields"]}:
            assert _same(ours[name], value), f"{told['name']}.{name} means something else now"


@pytest.mark.parametrize("tag", RELEASE["messages"], ids=lambda tag: RELEASE["messages"][tag]["name"])
def test_a_message_of_this_release_is_understood_by_the_one_before(tag: str) -> None:
    told, kind = RELEASE["messages"][tag], kinds()[int(tag)]

    assert RELEASE["version"] == envelopes.VERSION
    _begins_alike(told["name"], told["fields"], json.loads(json.dumps(shape(kind))))


def _begins_alike(name: str, before: list[Any], now: list[Any]) -> None:
    assert len(now) >= len(before), f"{name} lost a field"
    for earlier, later in zip(before, now, strict=False):
        assert earlier[:2] == later[:2], f"{name}.{earlier[0]} changed"
        if len(earlier) > 2:
            _begins_alike(f"{name}.{earlier[0]}", earlier[2], later[2])


def _same(ours: Any, theirs: Any) -> bool:
    """What a later release added inside is at its default."""
    if isinstance(ours, list):
        return all(map(_same, ours, theirs))
    if isinstance(ours, msgspec.Struct):
        known = list(zip(msgspec.structs.astuple(ours), msgspec.structs.astuple(theirs), strict=True))
        defaults = [field.default for field in msgspec.structs.fields(ours)]
        return all(_same(a, b) or a == default for (a, b), default in zip(known, defaults, strict=True))
    return bool(ours == theirs)


if __name__ == "__main__":
    FILE.write_text(json.dumps(written(sys.argv[1]), indent=1) + "\n")
