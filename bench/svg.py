"""Pictures as SVG written by hand: the same figures always make the same file.

A picture brings its own ground, light or dark as the reader's system is, so that it can be read on any page.
"""

import math
from collections.abc import Sequence
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


def picture(title: str, height: int, parts: Sequence[str], *, width: int = WIDTH, style: str = "") -> str:
    """`style` comes behind ours: classes that only this picture has."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
    night = f"@media (prefers-color-scheme: dark) {{ {_inks(1)} }}"
    styles = f"<style>{_STYLE}\n{_inks(0)}\n{night}{style}</style>"
    ground = f'<rect class="ground frame" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>'
    return "\n".join([head, f"<title>{escape(title)}</title>", styles, ground, *parts, "</svg>\n"])


def ticks(low: float, high: float) -> list[float]:
    """Five or six round numbers from `low` to beyond `high`."""
    rough = (high - low or 1.0) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [low + n * step for n in range(math.ceil((high - low) / step * 0.999) + 1)]


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def line(x: float, y: float, to_x: float, to_y: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>'


def text(x: float, y: float, words: str, kind: str = "ink", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
