"""The header of a panel: its legend and the labels of events, above the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.plotting.panels import NEUTRAL, ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

Event = tuple[float, str]

FONT_POINTS = 8.0
ROW_POINTS = 12.0
GAP_POINTS = 3.0
MOST_ROWS = 30
MOST_HEIGHT = 0.5
"""Share of the height of given axes that labels may take."""


def as_events(given: Any) -> list[Event]:
    """Events in the order of their epochs, those of one epoch in one label."""
    if not isinstance(given, Iterable):
        raise TypeError(f"events is {given!r:.60}; expected pairs of an epoch and a text")
    labels: dict[float, list[str]] = {}
    for pair in given:
        fits = isinstance(pair, tuple | list) and len(pair) == 2
        if not (fits and isinstance(pair[0], Real) and np.isfinite(float(pair[0]))):
            raise TypeError(
                f"events holds {pair!r:.60}; expected pairs of an epoch and a text, such as "
                '(40, "learning_rate 0.001")'
            )
        labels.setdefault(float(pair[0]), []).append(" ".join(str(pair[1]).split()))
    return [(epoch, ", ".join(texts)) for epoch, texts in sorted(labels.items())]


def add_headers(axes: Sequence[Axes], events: list[Event], may_grow: bool) -> None:
    """Legends in all panels; a line for each event in all of them, with its label in the first.

    Where the figure may grow it becomes as much higher as the labels need.
    """
    top, root = axes[0], axes[0].figure.canvas.figure
    root.draw_without_rendering()
    texts = [_label(top, event) for event in events]
    rows = stack([_span(top, text) for text in texts])
    used = min(max(rows, default=-1) + 1, MOST_ROWS)
    if may_grow and used:
        share = top.get_window_extent().height / root.bbox.height
        root.set_figheight(root.get_figheight() + used * ROW_POINTS / 72 / share)
        root.draw_without_rendering()
    else:
        used = min(used, int(MOST_HEIGHT * height_of(top) / ROW_POINTS))
    legends = [_legend(ax, whole=ax is top) for ax in axes]
    for ax, legend in zip(axes, legends, strict=True):
        leave_room(ax, (legend + used * ROW_POINTS * (ax is top)) / height_of(ax))
        for event in events:
            _line(ax, event, 1.0, zorder=1.5)
    for event, text, row in zip(events, texts, rows, strict=True):
        down = legends[0] + row * ROW_POINTS
        text.set_position((text.get_position()[0], -down))
        if row < used:
            _line(top, event, 1 - down / height_of(top), zorder=1.7)
        else:
            text.remove()


def add_legend(ax: Axes) -> None:
    """A legend above the data, where it covers none of them."""
    ax.figure.canvas.figure.draw_without_rendering()
    leave_room(ax, _legend(ax, whole=True) / height_of(ax))


def height_of(ax: Axes) -> float:
    """Of the axes, in points."""
    return ax.get_window_extent().height * 72 / ax.figure.dpi


def _label(ax: Axes, event: Event) -> Annotation:
    epoch, text = event
    return ax.annotate(
        text, (epoch, 1), (GAP_POINTS, 0), xycoords=ax.get_xaxis_transform(),
        textcoords="offset points", va="top", ha="left", fontsize=FONT_POINTS, color=ink(ax),
        parse_math=False, annotation_clip=False, zorder=2.5,
        bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip


def _span(ax: Axes, text: Annotation) -> tuple[float, float]:
    """Turn a label to the side where it fits, cut it where it fits on none; its span in pixels."""
    frame = ax.get_window_extent()
    x = ax.transData.transform((text.xy[0], 1))[0]
    gap = GAP_POINTS * ax.figure.dpi / 72
    room = max(frame.x1 - x, x - frame.x0) - 4 * gap
    width = text.get_window_extent().width
    if width > room:
        whole = text.get_text()
        text.set_text(whole[: max(1, int(len(whole) * room / width) - 1)].rstrip() + "…")
        width = text.get_window_extent().width
    if x + gap + width > frame.x1:
        text.set(ha="right", position=(-GAP_POINTS, 0))
        return x - gap - width, x
    return x, x + gap + width


def stack(spans: Sequence[tuple[float, float]], gap: float = 8.0) -> list[int]:
    """A row, from 0, for each span (start, end), so that none in a row come nearer than `gap`.

    Examples
    --------
    >>> stack([(0, 50), (20, 70), (60, 90)])
    [0, 1, 0]
    """
    rows = [0] * len(spans)
    ends: list[float] = []
    for k in sorted(range(len(spans)), key=lambda k: spans[k]):
        start, end = spans[k]
        free = [row for row, last in enumerate(ends) if last + gap <= start]
        rows[k] = free[0] if free else len(ends)
        ends[rows[k] : rows[k] + 1] = [end]
    return rows


def _legend(ax: Axes, whole: bool) -> float:
    """All entries, or only what the dot of the best epoch means; the height taken, in points."""
    found = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    chosen = [label for label in found if whole or " at the best loss" in label]
    for columns in range(len(chosen), 0, -1):
        # matplotlib fills a legend column by column.
        labels = [label for column in range(columns) for label in chosen[column::columns]]
        legend = ax.legend(
            [found[label] for label in labels], labels, ncols=columns, loc="upper left",
            borderaxespad=0, frameon=False, fontsize="small", handlelength=1.6, columnspacing=1.4,
        )  # fmt: skip
        box, frame = legend.get_window_extent(), ax.get_window_extent()
        if box.width <= frame.width or columns == 1:
            return box.height * 72 / ax.figure.dpi
    return 0.0


def leave_room(ax: Axes, share: float) -> None:
    """Raise the upper limit so that the data leave a share of the height free; empty that part."""
    from matplotlib.patches import Rectangle

    transform = ax.yaxis.get_transform()
    low, high = ax.get_ylim()
    start, end = transform.transform(np.asarray([low, high]))
    wanted = start + (end - start) / max(1 - share, 0.1)
    (top,) = transform.inverted().transform(np.asarray([wanted]))
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])
    ax.set_yticks([], minor=True)
    ax.set_ylim(low, float(top))
    # Hides the lines that go up to the top, all but those of the labels.
    ax.add_patch(
        Rectangle(
            (0, 1 - share), 1, share, transform=ax.transAxes, color=ax.get_facecolor(),
            linewidth=0, zorder=1.6,
        )
    )  # fmt: skip


def _line(ax: Axes, event: Event, end: float, zorder: float) -> None:
    ax.plot(
        [event[0]] * 2, [0, end], transform=ax.get_xaxis_transform(), color=NEUTRAL,
        linewidth=0.8, zorder=zorder, scalex=False, scaley=False,
    )  # fmt: skip
