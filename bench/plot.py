"""Pictures for the page of figures, as SVG written by hand: the same figures always make the same file.

A picture brings its own ground, light or dark as the reader's system is, so that it can be read on any page.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
COLORS = {
    "blue": ("#0969da", "#4493f8"),
    "orange": ("#bc4c00", "#f0883e"),
    "green": ("#1a7f37", "#3fb950"),
    "grey": ("#8c959f", "#6e7681"),
}
"""By day and by night."""
_INKS = {"ground": ("#fff", "#161b22"), "ink": ("#1f2328", "#e6edf3"), "small": ("#59636e", "#9198a1")} | COLORS
_DRAWN = {"frame": ("#d0d7de", "#3d444d"), "bound": ("#cf222e", "#ff7b72"), "halo": ("#fff", "#161b22")} | COLORS
_STYLE = """text { font: 13px system-ui, sans-serif } .small, .bound { font-size: 12px }
.title { font: 600 15px system-ui, sans-serif } .halo { paint-order: stroke; stroke-width: 4px }
line.bound { stroke-dasharray: 5 4 } .band { fill: #2da44e; opacity: .13 }
polyline.line { fill: none; stroke-width: 2 }"""


def _inks(night: int) -> str:
    fills = [f".{name} {{ fill: {both[night]} }}" for name, both in _INKS.items()]
    fills.append(f"text.bound {{ fill: {_DRAWN['bound'][night]}; stroke: none }}")
    return " ".join([*fills, *(f".{name} {{ stroke: {both[night]} }}" for name, both in _DRAWN.items())])


@dataclass(frozen=True)
class Bar:
    """`told` stands behind it."""

    label: str
    value: float
    told: str
    color: str = "grey"


def bars(title: str, unit: str, rows: Sequence[Bar], *, bound: tuple[float, str] | None = None) -> str:
    """Lying bars from zero, one below the other, with a dashed line at `bound`."""
    left, right, top, step = 160, 180, 64, 28
    ticks = _ticks(0.0, max([row.value for row in rows] + ([bound[0]] if bound else [])))
    scale = (WIDTH - left - right) / ticks[-1]
    bottom = top + step * len(rows)
    parts = [_text(20, 30, title, "title ink")]
    for tick in ticks:
        x = left + tick * scale
        parts += [_line(x, top, x, bottom, "frame"), _text(x, bottom + 18, _short(tick), "small", "middle")]
    parts.append(_text(left + ticks[-1] * scale / 2, bottom + 38, unit, "small", "middle"))
    if bound:
        x = left + bound[0] * scale
        parts += [_line(x, top - 4, x, bottom, "bound"), _text(x, top - 9, bound[1], "bound", "middle")]
    for place, row in enumerate(rows):
        y = top + place * step
        width = row.value * scale
        parts.append(f'<rect class="{row.color}" x="{left}" y="{y + 5}" width="{width:.1f}" height="{step - 10}"/>')
        parts.append(_text(left - 10, y + 19, row.label, "ink", "end"))
        parts.append(_text(left + width + 8, y + 19, row.told, "small halo"))
    return _picture(title, bottom + 54, parts)


def lines(
    title: str,
    across: str,
    up: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    *,
    bound: tuple[float, str] | None = None,
    band: tuple[float, float] | None = None,
) -> str:
    """Curves over a logarithmic axis from zero up; `band` is where they should stay, `bound` what none may pass."""
    left, right, top, bottom = 76, 30, 96, 330
    points = [point for curve in curves.values() for point in curve]
    ticks = _ticks(0.0, max([y for _, y in points] + ([bound[0]] if bound else []) + list(band or ())))
    low, high = min(x for x, _ in points) / 1.3, max(x for x, _ in points) * 1.3

    def place(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / low) / math.log(high / low)
        return left + share * (WIDTH - left - right), bottom - y / ticks[-1] * (bottom - top)

    parts = [_text(20, 30, title, "title ink"), _text(20, 84, up, "small")]
    if band:
        (x, y), (end, floor) = place(low, band[1]), place(high, band[0])
        parts.append(f'<rect class="band" x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="{floor - y:.1f}"/>')
    for tick in ticks:
        _, y = place(low, tick)
        parts += [_line(left, y, WIDTH - right, y, "frame"), _text(left - 10, y + 4, _short(tick), "small", "end")]
    sizes = sorted({x for x, _ in points})
    for size in [size for n, size in enumerate(sizes) if not n or size / sizes[n - 1] > 1.25]:
        x, _ = place(size, 0)
        parts += [_line(x, bottom, x, bottom + 5, "frame"), _text(x, bottom + 20, f"{size:,.0f}", "small", "middle")]
    parts.append(_text((left + WIDTH - right) / 2, bottom + 42, across, "small", "middle"))
    if bound:
        _, y = place(low, bound[0])
        parts += [_line(left, y, WIDTH - right, y, "bound"), _text(WIDTH - right, y - 6, bound[1], "bound", "end")]
    legend = 20
    for color, (name, curve) in zip(COLORS, curves.items(), strict=False):
        spots = [place(x, y) for x, y in sorted(curve)]
        parts.append(f'<polyline class="{color} line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in spots)}"/>')
        parts += [f'<circle class="{color}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in spots]
        parts += [f'<circle class="{color}" cx="{legend + 5}" cy="52" r="5"/>', _text(legend + 16, 57, name)]
        legend += 40 + 8 * len(name)
    return _picture(title, bottom + 58, parts)


def _picture(title: str, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">'
    style = f"<style>{_STYLE}\n{_inks(0)}\n@media (prefers-color-scheme: dark) {{ {_inks(1)} }}</style>"
    ground = f'<rect class="ground frame" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", style, ground, *parts, "</svg>\n"])


def _ticks(low: float, high: float) -> list[float]:
    """Five or six round numbers from `low` to beyond `high`."""
    rough = (high - low or 1.0) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [low + n * step for n in range(math.ceil((high - low) / step * 0.999) + 1)]


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "ink", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
