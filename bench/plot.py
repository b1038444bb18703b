"""Pictures for the page of figures: bars and curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import svg


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
    ticks = svg.ticks(0.0, max([row.value for row in rows] + ([bound[0]] if bound else [])))
    scale = (svg.WIDTH - left - right) / ticks[-1]
    bottom = top + step * len(rows)
    parts = [svg.text(20, 30, title, "title ink")]
    for tick in ticks:
        x = left + tick * scale
        parts += [svg.line(x, top, x, bottom, "frame"), svg.text(x, bottom + 18, svg.short(tick), "small", "middle")]
    parts.append(svg.text(left + ticks[-1] * scale / 2, bottom + 38, unit, "small", "middle"))
    if bound:
        x = left + bound[0] * scale
        parts += [svg.line(x, top - 4, x, bottom, "bound"), svg.text(x, top - 9, bound[1], "bound", "middle")]
    for place, row in enumerate(rows):
        y = top + place * step
        width = row.value * scale
        parts.append(f'<rect class="{row.color}" x="{left}" y="{y + 5}" width="{width:.1f}" height="{step - 10}"/>')
        parts.append(svg.text(left - 10, y + 19, row.label, "ink", "end"))
        parts.append(svg.text(left + width + 8, y + 19, row.told, "small halo"))
    return svg.picture(title, bottom + 54, parts)


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
    ticks = svg.ticks(0.0, max([y for _, y in points] + ([bound[0]] if bound else []) + list(band or ())))
    low, high = min(x for x, _ in points) / 1.3, max(x for x, _ in points) * 1.3

    def place(x: float, y: float) -> tuple[float, float]:
        share = math.log(x / low) / math.log(high / low)
        return left + share * (svg.WIDTH - left - right), bottom - y / ticks[-1] * (bottom - top)

    parts = [svg.text(20, 30, title, "title ink"), svg.text(20, 84, up, "small")]
    if band:
        (x, y), (end, floor) = place(low, band[1]), place(high, band[0])
        parts.append(f'<rect class="band" x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="{floor - y:.1f}"/>')
    for tick in ticks:
        _, y = place(low, tick)
        parts += [
            svg.line(left, y, svg.WIDTH - right, y, "frame"),
            svg.text(left - 10, y + 4, svg.short(tick), "small", "end"),
        ]
    sizes = sorted({x for x, _ in points})
    for size in [size for n, size in enumerate(sizes) if not n or size / sizes[n - 1] > 1.25]:
        x, _ = place(size, 0)
        parts += [
            svg.line(x, bottom, x, bottom + 5, "frame"),
            svg.text(x, bottom + 20, f"{size:,.0f}", "small", "middle"),
        ]
    parts.append(svg.text((left + svg.WIDTH - right) / 2, bottom + 42, across, "small", "middle"))
    if bound:
        _, y = place(low, bound[0])
        parts += [
            svg.line(left, y, svg.WIDTH - right, y, "bound"),
            svg.text(svg.WIDTH - right, y - 6, bound[1], "bound", "end"),
        ]
    legend = 20
    for color, (name, curve) in zip(svg.COLORS, curves.items(), strict=False):
        spots = [place(x, y) for x, y in sorted(curve)]
        parts.append(f'<polyline class="{color} line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in spots)}"/>')
        parts += [f'<circle class="{color}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in spots]
        parts += [f'<circle class="{color}" cx="{legend + 5}" cy="52" r="5"/>', svg.text(legend + 16, 57, name)]
        legend += 40 + 8 * len(name)
    return svg.picture(title, bottom + 58, parts)
