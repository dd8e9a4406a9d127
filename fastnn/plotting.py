"""Floor 4. Pictures of training.  matplotlib is needed only here, and only when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fastnn.history import History

COLORS = ("#1f6fb4", "#d1582c", "#3b8f4e", "#8a5cb0", "#7a6a4f")
"""One a quantity: the loss first, then each metric."""
INK = "#555555"
NOT_METRICS = ("loss", "learning_rate", "seconds")


def learning_curves(history: History, axes: Axes | Sequence[Axes] | None = None) -> list[Axes]:
    """Draw loss and metrics over the epochs, with the best epoch marked.

    Parameters
    ----------
    history : History
        What `fit` returned.
    axes : matplotlib Axes or a sequence of two, optional
        Where to draw: the loss goes into the first, the metrics into the second. Default: a new
        figure, with a second panel where there are metrics.

    Returns
    -------
    axes : list of matplotlib Axes
        Those drawn into. The best epoch is that of the lowest validation loss, without validation
        that of the lowest loss.

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn[plot]"``.
    ValueError
        For a history without epochs.

    Examples
    --------
    >>> import fastnn, numpy as np
    >>> from fastnn.plotting import learning_curves
    >>> model = fastnn.Sequential([fastnn.Dense(1)], seed=0)
    >>> model.compile(loss="mse")
    >>> history = model.fit(np.eye(4), np.arange(4.0), epochs=3, verbose=0)
    >>> learning_curves(history)[0].get_xlabel()
    'epoch'
    """
    if len(history) == 0:
        raise ValueError("the history holds no epochs; call fit first")
    metrics = _metrics(history)
    drawn = _axes(axes, 2 if metrics else 1)
    best = _best(history)
    for k, (panel, names) in enumerate(zip(drawn, [["loss"], metrics], strict=False)):
        for i, name in enumerate(names):
            _curves(panel, history, name, COLORS[(k + i) % len(COLORS)], best)
        _frame(panel, ", ".join(names))
        if best is not None:
            panel.axvline(history.epoch[best], color=INK, linewidth=0.8, linestyle=":", zorder=1)
        panel.legend(frameon=False, fontsize="small")
    return drawn


def _best(history: History) -> int | None:
    """Row of the lowest validation loss, or loss."""
    values = np.asarray(history.history.get("val_loss", history["loss"]))
    return None if np.isnan(values).all() else int(np.nanargmin(values))


def _axes(given: Any, wanted: int) -> list[Axes]:
    if given is not None:
        return list(np.atleast_1d(np.asarray(given, dtype=object)).ravel())[:wanted]
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(
            "learning_curves draws with matplotlib, which is not installed: "
            'pip install "fastnn[plot]"'
        ) from None
    _, axes = pyplot.subplots(1, wanted, figsize=(4.5 * wanted, 3.6), layout="constrained")
    return list(np.atleast_1d(axes))


def _metrics(history: History) -> list[str]:
    names = dict.fromkeys(name.removeprefix("val_") for name in history.history)
    return [name for name in names if name not in NOT_METRICS]


def _curves(panel: Axes, history: History, name: str, color: str, best: int | None) -> None:
    """Training and validation of one quantity; a dot where the best epoch is."""
    columns = {"training": name, "validation": f"val_{name}"}
    given = {kind: column for kind, column in columns.items() if column in history.history}
    for kind, column in given.items():
        behind = kind == "training" and len(given) == 2
        (line,) = panel.plot(history.epoch, history[column], color=color, label=f"{name}, {kind}")
        if behind:
            line.set(alpha=0.6, linewidth=1.2, linestyle="--")
        if len(history) == 1:
            line.set(marker=".")
    if best is not None:
        epoch, value = history.epoch[best], history[column][best]
        label = f"{value:.3g} at epoch {epoch}" + ", the best" * (name == "loss")
        panel.plot([epoch], [value], "o", color=color, label=label)


def _frame(panel: Axes, label: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    panel.set_xlabel("epoch")
    panel.set_ylabel(label)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    panel.set_axisbelow(True)
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in panel.get_lines()])
    values = values[np.isfinite(values)]
    if label == "loss" and values.size and 0 < 20 * values.min() < values.max():
        panel.set_yscale("log")
        few_decades = values.max() < 1e3 * values.min()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few_decades else (1,)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
