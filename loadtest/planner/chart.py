"""The fit as a picture: what was measured over what the model says, on the diagonal where both agree.

SVG written by hand, with its own ground by day and by night; the same runs always make the same file.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from loadtest.planner.model import Cost, Model
from loadtest.planner.records import Run

PANEL, TOP, LEFT, GAP = 320, 78, 66, 84
COLORS = {
    "gateway": ("#0969da", "#4493f8"),
    "worker": ("#bc4c00", "#f0883e"),
    "api": ("#1a7f37", "#3fb950"),
    "postgres": ("#8250df", "#a371f7"),
    "redis": ("#cf222e", "#ff7b72"),
    "nats": ("#8c959f", "#6e7681"),
}
"""By day and by night."""
_INKS = {"ground": ("#fff", "#161b22"), "ink": ("#1f2328", "#e6edf3"), "small": ("#59636e", "#9198a1")}
_LINES = {"frame": ("#d0d7de", "#3d444d")}


@dataclass(frozen=True)
class Point:
    """One stage of one run and part."""

    part: str
    said: float
    measured: float


def chart(model: Model, runs: Sequence[Run]) -> str:
    """Two panels: cores and MiB."""
    width, height = LEFT + 2 * PANEL + GAP + 30, TOP + PANEL + 60
    parts = [_text(20, 30, "What was measured, over what the model says", "ink title")]
    place = 20
    for name in model.cores:
        parts += [f'<circle class="{name}" cx="{place + 5}" cy="50" r="5"/>', _text(place + 15, 54, name, "small")]
        place += 30 + 8 * len(name)
    parts += _panel(LEFT, "cores", _points(model.cores.values(), runs, "cores", 1.0), band=0.35)
    memory = _points(model.memory.values(), runs, "memory_bytes", 1024 * 1024)
    parts += _panel(LEFT + PANEL + GAP, "MiB", memory, band=0.10)
    inks = [f".{name} {{ fill: {{}} }}" for name in (*_INKS, *COLORS)]
    both = [*_INKS.values(), *COLORS.values()]
    frame = [f".frame {{ stroke: {pair}; fill: none }}" for pair in _LINES["frame"]]
    day, night = (" ".join(ink.replace("{}", pair[n]) for ink, pair in zip(inks, both, strict=True)) for n in (0, 1))
    style = (
        "<style>text { font: 12px system-ui, sans-serif } .title { font: 600 15px system-ui, sans-serif } "
        f".band {{ fill: #2da44e; opacity: .13 }} {day} {frame[0]} "
        f"@media (prefers-color-scheme: dark) {{ {night} {frame[1]} }}</style>"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    ground = f'<rect class="ground" width="{width}" height="{height}" rx="8"/>'
    return "\n".join([head, "<title>The fit of the cost model</title>", style, ground, *parts, "</svg>\n"])


def _points(costs: Iterable[Cost], runs: Sequence[Run], what: str, unit: float) -> list[Point]:
    found = []
    for cost in costs:
        for run in runs:
            for stage in run.stages:
                used = stage.parts.get(cost.part)
                if used is not None:
                    said = cost.at(stage.load, used.pods).value / unit
                    found.append(Point(cost.part, said, getattr(used, what) / unit))
    return found


def _panel(left: float, unit: str, points: Sequence[Point], *, band: float) -> list[str]:
    """Logarithmic both ways: parts differ by a thousand times, and errors are shares."""
    seen = [value for point in points for value in (point.said, point.measured) if value > 0]
    low, high = math.floor(math.log10(min(seen, default=0.1))), math.ceil(math.log10(max(seen, default=1.0)))
    high = max(high, low + 1)

    def across(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return left + min(1.0, max(0.0, share)) * PANEL

    def up(value: float) -> float:
        return TOP + PANEL - (across(value) - left)

    first, last = 10.0**low, 10.0**high
    corners = [
        (across(first), up(first * (1 - band))),
        (across(last * (1 - band)), up(last * (1 - band) * (1 - band))),
        (across(last), up(last * (1 - band))),
        (across(last), up(last)),
        (across(last / (1 + band)), up(last)),
        (across(first), up(first * (1 + band))),
    ]
    parts = [
        f'<rect class="frame" x="{left}" y="{TOP}" width="{PANEL}" height="{PANEL}"/>',
        f'<polygon class="band" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>',
        f'<line class="frame" x1="{left}" y1="{TOP + PANEL}" x2="{left + PANEL}" y2="{TOP}"/>',
    ]
    for power in range(low, high + 1):
        value = 10.0**power
        parts += [
            _text(across(value), TOP + PANEL + 18, f"{value:g}", "small", "middle"),
            _text(left - 8, up(value) + 4, f"{value:g}", "small", "end"),
        ]
    parts.append(
        _text(left + PANEL / 2, TOP + PANEL + 40, f"{unit}, by the model; band ± {band:.0%}", "small", "middle")
    )
    for point in points:
        if point.said > 0 and point.measured > 0:
            told = escape(f"{point.part}: {point.measured:.4g} {unit}, model {point.said:.4g}")
            x, y = across(point.said), up(point.measured)
            parts.append(
                f'<circle class="{point.part}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{told}</title></circle>'
            )
    return parts


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
