"""Pictures of a search: where the trials lie, how they learned, what goes with what."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.inputs.settings import is_one_of
from fastnn.plotting.header import add_legend
from fastnn.plotting.panels import COLORS, NEUTRAL, one_axes, panels
from fastnn.tune.choices import Choice
from fastnn.tune.findings import Findings
from fastnn.tune.importance import by_coordinate
from fastnn.tune.scales import LogUniform, OneMinusLog, Scale
from fastnn.tune.space import Coordinate
from fastnn.tune.trial import Trial
from fastnn.tune.whole import WholeScale

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SIZE = (5.2, 3.8)
MAP = "viridis"
BEST = COLORS[2]
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
LOG_RATIO = 20
"""Losses that differ by more are drawn on a logarithmic axis."""
MOST_TICKS = 8


def draw(result: Findings, kind: str | None, axes: Any) -> list[Axes]:
    """See `Findings.plot`."""
    kinds: dict[str, Callable[[Findings, Any], None]] = {
        "scatter": scatter, "curves": curves, "parallel": parallel,
    }  # fmt: skip
    if kind is not None and not is_one_of(kind, kinds):
        raise ValueError(f"kind is {kind!r}; expected {', '.join(map(repr, kinds))} or None")
    if not result.ranked():
        raise ValueError("no trial is done yet; there is nothing to draw")
    if kind is not None:
        ax = one_axes(axes, SIZE)
        kinds[kind](result, ax)
        return [ax]
    drawn = panels(axes, len(kinds), len(kinds), SIZE)
    for ax, function in zip(drawn, kinds.values(), strict=False):
        function(result, ax)
    return drawn


def ranks(trials: list[Trial]) -> dict[int, float]:
    """0 for the best of the trials, listed in order, to 1 for the worst, by number."""
    return {t.number: i / max(1, len(trials) - 1) for i, t in enumerate(trials)}


def scatter(result: Findings, ax: Axes) -> None:
    """The two parameters that matter most, on their scales; the zoom boxes; the best as a star."""
    trials = result.ranked()
    x, y = _main_axes(result)
    shown = [t for t in trials if x.name in t.point and (y is None or y.name in t.point)]
    rank = ranks(trials)
    # The best last, on top.
    for t in reversed(shown):
        best = t is trials[0]
        height = t.value if y is None else _spread(y, t)
        ax.scatter(
            _spread(x, t), height, c=[rank[t.number]], cmap=MAP, vmin=0, vmax=1,
            marker="*" if best else "o", s=180 if best else 26,
            edgecolors=BEST if best else "none", linewidths=1.2, zorder=3 if best else 2,
        )  # fmt: skip
    _scale_axis(ax.xaxis, x)
    if y is None:
        ax.set_ylabel(result.measure)
        ax.set_xlim(-0.03, 1.03)
    else:
        _scale_axis(ax.yaxis, y)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        _draw_boxes(result, ax, x, y)
    _plain(ax)
    _rank_bar(ax)
    boxes = "\ngrey boxes: where later rounds drew" if y is not None and result.boxes[1:] else ""
    title = f"{len(shown)} trials; star: {result.measure} {result.best_value:.4g}{boxes}"
    ax.set_title(title, fontsize="medium")


def _rank_bar(ax: Axes) -> None:
    """What the colours of the points mean."""
    from matplotlib.cm import ScalarMappable

    bar = ax.figure.colorbar(ScalarMappable(cmap=MAP), ax=ax, aspect=30, pad=0.02)
    bar.set_ticks([0, 1], labels=["best", "worst"])
    bar.set_label("rank of the trial", labelpad=-15)
    bar.outline.set_visible(False)  # type: ignore[operator]


def _main_axes(result: Findings) -> tuple[Coordinate, Coordinate | None]:
    """The coordinates of the two parameters that matter most, numbers before options."""
    free = [c for c in result.space.free() if c.name in result.best.point]
    if not free:
        raise ValueError("the space holds constants only; there is nothing to draw")
    order = list(by_coordinate(result))
    ranked = sorted(free, key=lambda c: (isinstance(c.scale, Choice), order.index(c.name)))
    first = ranked[0]
    second = next((c for c in ranked if c.parameter != first.parameter), None)
    return first, second


def _spread(c: Coordinate, trial: Trial) -> float:
    """Where a trial lies on an axis; those of one option side by side."""
    place = c.place(trial.point[c.name])
    if not isinstance(c.scale, Choice):
        return place
    # By the golden section: neighbours in number lie apart.
    return place + (trial.number * 0.618 % 1 - 0.5) * 0.4 / len(c.scale.options)


def _scale_axis(axis: Any, c: Coordinate) -> None:
    places, labels = scale_ticks(c)
    axis.set_ticks(places, labels=labels)
    axis.set_label_text(c.name)


def scale_ticks(c: Coordinate) -> tuple[list[float], list[str]]:
    """Where on an axis from 0 to 1 to write which values."""
    values = _tick_values(c)
    labels = [c.scale.to_label(v) if isinstance(c.scale, Choice) else f"{v:.3g}" for v in values]
    return [c.place(v) for v in values], [f"{label}" for label in labels]


def _tick_values(c: Coordinate) -> list[Any]:
    scale = c.scale
    if isinstance(scale, Choice):
        return list(scale.options[:: math.ceil(len(scale.options) / MOST_TICKS)])
    if isinstance(scale, WholeScale) and scale.high - scale.low < MOST_TICKS:
        return list(range(int(scale.low), int(scale.high) + 1))
    powers = [10.0**k for k in range(-20, 21)]
    if isinstance(scale, LogUniform):
        inside = [x for x in powers if scale.low <= x <= scale.high]
        inside = inside[:: math.ceil(len(inside) / MOST_TICKS)]
    else:
        windows = [0.5, *(1 - x for x in powers[::-1] if x < 1)]
        inside = [x for x in windows if isinstance(scale, OneMinusLog) and within(x, scale)]
    if len(inside) > 1:
        return inside
    ends = [q for q in QUARTERS if np.isfinite(scale.ppf(q))]
    return list(dict.fromkeys(c.value(q) for q in ends))


def within(x: float, scale: Scale) -> bool:
    """Whether a number lies on a scale, rounding errors aside."""
    return scale.low - 1e-12 <= x <= scale.high + 1e-12


def _draw_boxes(result: Findings, ax: Axes, x: Coordinate, y: Coordinate) -> None:
    from matplotlib.patches import Rectangle

    for box in result.boxes[1:]:
        (left, right), (low, high) = _ends(box[x.name], x), _ends(box[y.name], y)
        ax.add_patch(
            Rectangle((left, low), right - left, high - low, fill=False, edgecolor=NEUTRAL)
        )


def _ends(side: tuple, c: Coordinate) -> tuple[float, float]:
    if not isinstance(c.scale, Choice):
        return side
    places = [c.place(option) for option in side]
    half = 0.5 / len(c.scale.options)
    return min(places) - half, max(places) + half


def curves(result: Findings, ax: Axes) -> None:
    """All learning curves of the monitored column, the best in colour."""
    from matplotlib.ticker import MaxNLocator

    best = result.best
    drawn = [t for t in result.trials if t.curves.get(result.monitor)]
    values = []
    for t in drawn:
        curve = t.curves[result.monitor]
        values += [v for v in curve if math.isfinite(v)]
        if t is not best:
            alpha = max(0.15, 0.8 / math.sqrt(len(drawn)))
            ax.plot(
                range(1, len(curve) + 1), curve, color=NEUTRAL, linewidth=0.8, alpha=alpha,
                marker="." if len(curve) == 1 else None,
            )  # fmt: skip
    curve = best.curves[result.monitor]
    ax.plot(range(1, len(curve) + 1), curve, color=BEST, linewidth=2)
    when = f" at epoch {best.epoch}" if result.subject.continues else ""
    label = f"trial {best.number}: {best.value:.4g}{when}"
    ax.plot([best.epoch], [best.value], "-*", color=BEST, linewidth=2, markersize=12, label=label)
    if min(values) > 0 and max(values) > LOG_RATIO * min(values):
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel=result.measure)
    longest = max(len(t.curves[result.monitor]) for t in drawn)
    ax.set_xlim(1 - 0.03 * longest, 1.03 * longest + 0.03)
    ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    ax.set_title("every trial's curve", fontsize="medium")
    _plain(ax)
    add_legend(ax)


def parallel(result: Findings, ax: Axes) -> None:
    """A line a trial through its place on each scale, the best on top and in colour."""
    from matplotlib import colormaps

    trials, free = result.ranked(), result.space.free()
    rank, width = ranks(trials), len(free)
    for t in reversed(trials):
        # Past the coordinates that do not exist there.
        places = {k: c.place(t.point[c.name]) for k, c in enumerate(free) if c.name in t.point}
        best = t is trials[0]
        color = BEST if best else colormaps[MAP](rank[t.number])
        alpha = 1.0 if best else 0.15 + 0.5 * (1 - rank[t.number]) ** 2
        ax.plot(
            [*places, width], [*places.values(), 1 - rank[t.number]], color=color, alpha=alpha,
            linewidth=2 if best else 0.9, zorder=3 if best else 2, marker="o",
            markersize=4 if best else 2,
        )  # fmt: skip
    for k, c in enumerate(free):
        ax.axvline(k, color=NEUTRAL, linewidth=0.8, zorder=1)
        for place, label in zip(*scale_ticks(c), strict=True):
            text = ax.text(k + 0.03, place, label, fontsize="x-small", va="center", zorder=4)
            text.set_bbox({"facecolor": ax.get_facecolor(), "alpha": 0.7, "lw": 0, "pad": 0.5})
    ax.axvline(width, color=NEUTRAL, linewidth=0.8, zorder=1)
    names = [*(c.name.replace("_", "_\n") for c in free), f"rank by\n{result.measure}"]
    ax.set_xticks(range(width + 1), names, fontsize="small" if width < 6 else "x-small")
    ax.set_yticks([])
    ax.set(xlim=(-0.1, width + 0.15), ylim=(-0.03, 1.03))
    ax.set_title("top right: the best", fontsize="medium")
    for side in ax.spines.values():
        side.set_visible(False)


def _plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
