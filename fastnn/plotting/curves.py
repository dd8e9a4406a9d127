"""Learning curves: loss and metrics over the epochs of a model's life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.history import NOT_MEASURES, History
from fastnn.inputs.calls import explained
from fastnn.model.given import as_history
from fastnn.plotting.header import add_headers, as_events
from fastnn.plotting.panels import (
    COLORS,
    NEUTRAL,
    TRAINING,
    VALIDATION,
    as_axes,
    grid,
    ink,
    log_ticks,
    mark,
    number,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BRANCHES = (COLORS[4], COLORS[7], COLORS[6], COLORS[5], COLORS[3])
LOG_RATIO = 20
"""A quantity that falls by more than this is drawn on a logarithmic axis."""
FAR = 10
"""Values so many times the range of the bulk away from it would flatten it, and are cut off."""
FEW = 60
"""Fewer values than this are drawn as points too, where they are not of every epoch."""
MANY = 400
"""So many epochs take a thinner line."""


@explained
def learning_curves(
    history: History,
    axes: Axes | Sequence[Axes] | None = None,
    *,
    events: Iterable[tuple[float, str]] = (),
    branches: Iterable[tuple[str, History]] = (),
) -> list[Axes]:
    """Draw loss and metrics over the epochs, a panel each: training, and validation.

    The best epoch has a dot and a dotted line, the epochs after `history.overfit_epoch` are
    shaded. Epochs that measured nothing are bridged.

    Parameters
    ----------
    history : History
        What `fit` returned.
    axes : matplotlib Axes or a sequence of them, optional
        Where to draw: the loss goes into the first, each metric into one of the others, as far as
        they reach. Default: a new figure.
    events : iterable of (epoch, str), optional
        Interventions, such as ``(40, "learning_rate 0.001")``: vertical lines with labels, in rows
        above the curve of the loss. On axes that are too low for all rows the last ones are left
        out.
    branches : iterable of (str, History), optional
        Other lives of the model: what a rollback took back, or what another branch became, drawn
        thin, with a cross where it ended, under a name for the legend. A history may hold the
        epochs before the fork or not.

    Returns
    -------
    axes : list of matplotlib Axes
        Those drawn into.

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
    ValueError, TypeError
        For a history without epochs, and for events or branches that are not such pairs.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.plotting import learning_curves
    >>> history = fastnn.History()
    >>> for epoch, loss in enumerate([3.0, 1.0, 2.0], start=1):
    ...     history.append(epoch, {"loss": 1 / epoch, "val_loss": loss})
    >>> (panel,) = learning_curves(history, events=[(1, "learning_rate 0.01")])
    >>> panel.get_ylabel()
    'loss'
    """
    if isinstance(history, list):
        raise TypeError(
            "got a list, as an ensemble's history_ is; expected one History: pass that of a "
            "member, such as history_[0]"
        )
    if len(as_history(history)) == 0:
        raise ValueError("the history holds no epochs; call fit first")
    marks, others = as_events(events), _as_branches(branches)
    names = _measures(history)
    drawn = _new_axes(len(names), bool(marks)) if axes is None else as_axes(axes)
    drawn = drawn[: len(names)]
    histories = [history, *(branch for _, branch in others)]
    epochs = [epoch for one in histories for epoch in one.epoch] + [epoch for epoch, _ in marks]
    margin = max(0.03 * (max(epochs) - min(epochs)), 0.5)
    best, turn = history.best_epoch, history.overfit_epoch
    for ax, name in zip(drawn, names, strict=False):
        _draw_curves(ax, history, name, best)
        if turn is not None:
            _shade(ax, turn, history.epoch[-1])
        _draw_branches(ax, others, name, f"val_{name}" in history.history)
        _frame(ax, histories, name)
        ax.set_xlim(min(epochs) - margin, max(epochs) + margin)
    if axes is None and marks:
        for ax in drawn:
            ax.label_outer()
    add_headers(drawn, marks, may_grow=axes is None)
    return drawn


def _as_branches(given: Any) -> list[tuple[str, History]]:
    if not isinstance(given, Iterable):
        raise TypeError(f"branches is {given!r:.60}; expected pairs of a name and a History")
    found = []
    for pair in given:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], History)):
            raise TypeError(
                f"branches holds {pair!r:.60}; expected pairs of a name and a History, such as "
                '("rolled back", history)'
            )
        found.append((str(pair[0]), pair[1]))
    return found


def _measures(history: History) -> list[str]:
    """The loss, and each metric, with validation or without."""
    names = dict.fromkeys(["loss", *(name.removeprefix("val_") for name in history.history)])
    return [name for name in names if name not in NOT_MEASURES]


def _new_axes(n: int, over_time: bool) -> list[Axes]:
    """Side by side; one above the other, over common epochs, where events are to be marked."""
    if not over_time:
        return grid(n, 3, (4.5, 3.6) if n < 3 else (4.3, 3.3))
    heights = [2.6] + [1.7] * (n - 1)
    size = (9.0, sum(heights) / n + 0.3)
    return grid(n, 1, size, sharex=True, gridspec_kw={"height_ratios": heights})


def _column(history: History, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The epochs that have measured it, and what they measured."""
    values = np.asarray(history.history.get(name, [np.nan] * len(history)), np.float64)
    measured = np.isfinite(values)
    return np.asarray(history.epoch)[measured], values[measured]


def _draw_curves(ax: Axes, history: History, name: str, best: int | None) -> None:
    """Training and validation of one quantity; a dot where the best epoch is."""
    width = 1.6 if len(history) < MANY else 1.0
    dot = None
    for column, label, color in (
        (name, "training", TRAINING), (f"val_{name}", "validation", VALIDATION),
    ):  # fmt: skip
        if column not in history.history:
            continue
        epochs, values = _column(history, column)
        (line,) = ax.plot(epochs, values, color=color, linewidth=width, label=label)
        if len(values) == 1 or len(values) < min(len(history), FEW):
            line.set(marker=".", markersize=6)
        dot = epochs, values, color
    if best is None or dot is None:
        return
    ax.axvline(best, color=ink(ax), alpha=0.6, linewidth=0.8, linestyle=":", zorder=1)
    epochs, values, color = dot
    judged = "score" if "val_score" in history.history else "loss"
    for value in values[epochs == best]:
        if name == judged:
            mark(ax, best, value, color, f"best: {number(value)} at epoch {best}")
        else:
            mark(ax, best, value, color, f"{number(value)} at the best {judged}, epoch {best}")


def _draw_branches(
    ax: Axes, branches: list[tuple[str, History]], name: str, validation: bool
) -> None:
    """Other lives: the validation where this life has one, else the training."""
    labels = list(dict.fromkeys(label for label, _ in branches))
    for label, branch in branches:
        epochs, values = _column(branch, f"val_{name}" if validation else name)
        color = BRANCHES[labels.index(label) % len(BRANCHES)]
        dashes = (0, (4, 1.5))
        ax.plot(epochs, values, color=color, linewidth=1, linestyle=dashes, label=label, zorder=1.8)
        ax.plot(epochs[-1:], values[-1:], "x", color=color, markersize=5, zorder=1.8)


def _shade(ax: Axes, turn: int, last: int) -> None:
    label = f"overfitting after epoch {turn}"
    ax.axvspan(turn, last, color=NEUTRAL, alpha=0.15, linewidth=0, label=label)


def _frame(ax: Axes, histories: list[History], name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    tidy(ax)
    ax.set(xlabel="epoch", ylabel=name.replace("_", " "))
    ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    columns = [_column(history, c)[1] for history in histories for c in (name, f"val_{name}")]
    values = np.concatenate(columns)
    falls = any(len(column) and column[0] > column[-1] for column in columns[:2])
    if values.size and 0 < LOG_RATIO * values.min() < values.max() and (falls or name == "loss"):
        ax.set_yscale("log")
        log_ticks(ax.yaxis, values.min(), values.max())
    elif values.size:
        _cut_off_the_far(ax, values)


def _cut_off_the_far(ax: Axes, values: np.ndarray) -> None:
    low, high = np.quantile(values, [0.1, 0.9])
    near = values[np.abs(values - (low + high) / 2) <= FAR * (high - low)]
    if 0 < len(near) < len(values):
        margin = 0.05 * float(np.ptp(near))
        ax.set_ylim(near.min() - margin, near.max() + margin)
