"""Results as the small tables and pictures that a notebook shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 360.0, 120.0
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")
MOST_POINTS = 400
"""Of a curve: a picture is no wider."""


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """An HTML table; numbers in four digits."""
    lines = ["".join(f"<th>{escape(head)}</th>" for head in heads)]
    lines += ["".join(f"<td>{escape(short(value))}</td>" for value in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def short(value: Any) -> str:
    """A value as a table shows it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shown(caption: str, *parts: str) -> str:
    """A caption, and what is below it."""
    return f"<div><p>{escape(caption)}</p>{''.join(parts)}</div>"


def chart(
    curves: Mapping[str, Sequence[float]],
    first: int = 1,
    mark: int | None = None,
    of: str = "epoch",
) -> str:
    """Curves over epochs, or whatever else, from `first` on, as SVG; a dashed line is at `mark`."""
    points = [v for curve in curves.values() for v in curve if math.isfinite(v)]
    last = first + max(map(len, curves.values()), default=0) - 1
    if not points or last <= first:
        return ""
    low, high = min(points), max(points)

    def place(epoch: float, value: float) -> str:
        x = (epoch - first) / (last - first) * WIDTH
        y = HEIGHT * (1 - (value - low) / ((high - low) or 1.0))
        return f"{x:.1f},{y:.1f}"

    drawn, names = [], []
    for k, (name, curve) in enumerate(curves.items()):
        colour, every = COLOURS[k % len(COLOURS)], max(1, len(curve) // MOST_POINTS)
        some = [(first + i, v) for i, v in enumerate(curve) if math.isfinite(v) and i % every == 0]
        line = " ".join(place(*point) for point in some)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        names.append(f'<span style="color:{colour}">{escape(name)}</span>')
    if mark is not None:
        x = (mark - first) / (last - first) * WIDTH
        drawn.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT:.0f}" stroke="currentColor" '
            'stroke-dasharray="4 3"/>'
        )
        names.append(f"dashed: {of} {mark}")
    words = f"{of}s {first} to {last}, from {low:.4g} to {high:.4g}: {', '.join(names)}"
    return (
        f'<svg width="{WIDTH:.0f}" height="{HEIGHT:.0f}" viewBox="-2 -2 {WIDTH + 4:.0f} '
        f'{HEIGHT + 4:.0f}" role="img">{"".join(drawn)}</svg><p><small>{words}</small></p>'
    )
