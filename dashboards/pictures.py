"""A page drawn by ourselves from what Prometheus answered to its queries, for the documentation.

It is not Grafana: the places, the queries and the bounds are those of the page, the strokes are our own.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench import svg
from dashboards.grafana import COLUMNS, placed
from dashboards.model import Dashboard, Panel, Unit

WIDTH = 1200
COLORS = ("blue", "orange", "green", "violet", "rose", "teal", "gold", "grey")
_MORE_COLORS = {"violet": "#8250df", "rose": "#bf3989", "teal": "#1b7c83", "gold": "#9a6700"}
_STYLE = "".join(
    [
        *(f"\n.{name} {{ fill: {ink}; stroke: {ink} }}" for name, ink in _MORE_COLORS.items()),
        "\npolyline.curve { fill: none; stroke-width: 1.5 } polygon { fill-opacity: .35; stroke-width: 1 }",
        "\n.number { font: 600 22px system-ui, sans-serif } .tiny { font-size: 11px }",
    ]
)
_TOP, _ROW, _GAP = 62, 30, 8


@dataclass(frozen=True)
class Curve:
    """One series of an answer, by its name in the legend; points are (Unix time, value), in order."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    height: float


def draw(page: Dashboard, answered: Callable[[Panel], Sequence[Curve]], caption: str) -> str:
    """The page as SVG; `caption` says when and where its data came to be."""
    column = (WIDTH - 2 * 12) / COLUMNS
    parts = [svg.text(20, 30, f"Causerie / {page.title}", "title ink"), svg.text(20, 50, caption, "small")]
    bottom = 0.0
    for panel, place in placed(page.panels):
        box = _Box(
            12 + place["x"] * column + _GAP / 2,
            _TOP + place["y"] * _ROW,
            place["w"] * column - _GAP,
            place["h"] * _ROW - _GAP,
        )
        bottom = max(bottom, box.y + box.height)
        parts += _panel(panel, answered(panel), box)
    return svg.picture(page.title, int(bottom + 16), parts, width=WIDTH, style=_STYLE)


def told(value: float, unit: Unit) -> str:
    """A value as a person reads it."""
    match unit:
        case "s" if value < 1:
            return f"{_rounded(value * 1000)} ms"
        case "s":
            return f"{_rounded(value)} s"
        case "bytes" | "Bps":
            power = min(3, int(math.log(value, 1024))) if value >= 1 else 0
            return f"{_rounded(value / 1024**power)} {('B', 'KiB', 'MiB', 'GiB')[power]}{'/s' if unit == 'Bps' else ''}"
        case "percentunit":
            return f"{_rounded(value * 100)} %"
        case "reqps" | "cps":
            return f"{_rounded(value)}/s"
        case "short":
            return _rounded(value)


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _panel(panel: Panel, curves: Sequence[Curve], box: _Box) -> Iterator[str]:
    size = f'width="{box.width:.1f}" height="{box.height:.1f}"'
    yield f'<rect class="ground frame" x="{box.x:.1f}" y="{box.y:.1f}" {size}/>'
    yield svg.text(box.x + 10, box.y + 19, panel.title, "ink")
    curves = [Curve(curve.name, [point for point in curve.points if math.isfinite(point[1])]) for curve in curves]
    curves = [curve for curve in curves if curve.points]
    if not curves:
        yield svg.text(box.x + box.width / 2, box.y + box.height / 2 + 8, "no data", "small", "middle")
    elif panel.kind == "number":
        yield from _numbers(panel, curves, box)
    else:
        yield from _curves(panel, curves, box)


def _numbers(panel: Panel, curves: Sequence[Curve], box: _Box) -> Iterator[str]:
    share = box.width / len(curves)
    for number, curve in enumerate(curves):
        value = curve.points[-1][1]
        x = box.x + (number + 0.5) * share
        yield svg.text(x, box.y + 64, told(value, panel.unit), f"number {_verdict(panel, value)}", "middle")
        yield svg.text(x, box.y + 90, curve.name, "small tiny", "middle")


def _verdict(panel: Panel, value: float) -> str:
    if panel.bound is None:
        return "ink"
    return "bound" if (value < panel.bound if panel.bad_below else value >= panel.bound) else "ink"


def _curves(panel: Panel, curves: Sequence[Curve], box: _Box) -> Iterator[str]:
    left, top = box.x + 62, box.y + 34
    width, height = box.width - 76, box.height - 34 - 38
    if panel.kind == "areas":
        curves = sorted(curves, key=lambda curve: max(value for _, value in curve.points), reverse=True)
    times = sorted({time for curve in curves for time, _ in curve.points})
    begin, end = times[0], max(times[-1], times[0] + 1)
    bases = _stacked(curves) if panel.kind == "areas" else [{} for _ in curves]
    highest = max(
        value + base.get(time, 0.0) for curve, base in zip(curves, bases, strict=True) for time, value in curve.points
    )
    is_bound_near = panel.bound is not None and panel.bound <= 3 * highest
    ticks = svg.ticks(0.0, max(highest, panel.bound or 0.0) if is_bound_near else highest or 1.0)

    def spot(time: float, value: float) -> str:
        return f"{left + (time - begin) / (end - begin) * width:.1f},{top + height * (1 - value / ticks[-1]):.1f}"

    for tick in ticks[:: max(1, len(ticks) // 3)]:
        y = top + height * (1 - tick / ticks[-1])
        yield svg.line(left, y, left + width, y, "frame")
        yield svg.text(left - 6, y + 4, told(tick, panel.unit), "small tiny", "end")
    if is_bound_near and panel.bound is not None:
        y = top + height * (1 - panel.bound / ticks[-1])
        yield svg.line(left, y, left + width, y, "bound")
    for color, curve, base in zip(_cycle(len(curves)), curves, bases, strict=True):
        for points in _unbroken(curve.points, times):
            upper = [spot(time, value + base.get(time, 0.0)) for time, value in points]
            if panel.kind == "areas":
                lower = [spot(time, base.get(time, 0.0)) for time, _ in reversed(points)]
                yield f'<polygon class="{color}" points="{" ".join(upper + lower)}"/>'
            else:
                yield f'<polyline class="{color} curve" points="{" ".join(upper)}"/>'
    yield svg.text(left, top + height + 13, f"−{end - begin:.0f} s", "small tiny")
    yield svg.text(left + width, top + height + 13, "0", "small tiny", "end")
    yield from _names(curves, box)


def _unbroken(points: Sequence[tuple[float, float]], times: Sequence[float]) -> Iterator[list[tuple[float, float]]]:
    """The pieces of a curve: where it has no value at one of the times, there is a hole and no line."""
    following = dict(pairwise(times))
    piece: list[tuple[float, float]] = []
    for point in points:
        if piece and following.get(piece[-1][0]) != point[0]:
            yield piece
            piece = []
        piece.append(point)
    yield piece


def _stacked(curves: Sequence[Curve]) -> list[dict[float, float]]:
    """What lies below each curve, by time."""
    bases, below = [], dict[float, float]()
    for curve in curves:
        bases.append(dict(below))
        for time, value in curve.points:
            below[time] = below.get(time, 0.0) + value
    return bases


def _names(curves: Sequence[Curve], box: _Box) -> Iterator[str]:
    x, y = box.x + 110, box.y + box.height - 9
    for color, curve in zip(_cycle(len(curves)), curves, strict=True):
        needed = 24 + 6.2 * len(curve.name)
        if x + needed > box.x + box.width:
            yield svg.text(x, y, "…", "small tiny")
            return
        yield f'<circle class="{color}" cx="{x + 4:.1f}" cy="{y - 4:.1f}" r="4"/>'
        yield svg.text(x + 12, y, curve.name, "small tiny")
        x += needed


def _cycle(count: int) -> list[str]:
    return [COLORS[number % len(COLORS)] for number in range(count)]
