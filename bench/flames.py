"""A flame graph read back as a table: own time of each function, and time with everything it called."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

_SVG = "{http://www.w3.org/2000/svg}"
_FRAME = "{http://github.com/jonhoo/inferno}"


@dataclass(frozen=True)
class Profile:
    """Samples by function. `whole` counts a function once for a sample, however often it called itself."""

    samples: int
    own: Counter[str]
    whole: Counter[str]


@dataclass(frozen=True)
class _Box:
    start: int
    width: int
    name: str
    above: frozenset[str]


def read(path: Path) -> Profile:
    """Read a flame graph as py-spy writes it: a box for each call, on its caller's, as wide as it has samples."""
    boxes: dict[float, list[tuple[int, int, str]]] = {}
    for group in ElementTree.parse(path).iter(f"{_SVG}g"):
        title, shape = group.find(f"{_SVG}title"), group.find(f"{_SVG}rect")
        if title is None or shape is None or f"{_FRAME}w" not in shape.attrib:
            continue
        name = (title.text or "").rpartition(" (")[0]
        place = int(shape.attrib[f"{_FRAME}x"]), int(shape.attrib[f"{_FRAME}w"])
        boxes.setdefault(float(shape.attrib["y"]), []).append((*place, name))
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    samples = 0
    callers: list[_Box] = []
    for level in sorted(boxes):
        row = [_Box(start, width, name, _above(callers, start)) for start, width, name in sorted(boxes[level])]
        if not callers:
            # The first box is no function but all of them.
            samples = sum(box.width for box in row)
            callers = [_Box(box.start, box.width, "", frozenset()) for box in row]
            continue
        for box in row:
            own[box.name] += box.width
            if (caller := _caller(callers, box.start)).name:
                own[caller.name] -= box.width
            if box.name not in box.above:
                whole[box.name] += box.width
        callers = row
    return Profile(samples, own, whole)


def _above(callers: list[_Box], start: int) -> frozenset[str]:
    if not callers:
        return frozenset()
    caller = _caller(callers, start)
    return caller.above | {caller.name}


def _caller(callers: list[_Box], start: int) -> _Box:
    return callers[bisect_right(callers, start, key=lambda box: box.start) - 1]
