"""The learning-rate range test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.inputs.calls import explained
from fastnn.plotting.header import add_legend
from fastnn.plotting.panels import (
    TRAINING,
    VALIDATION,
    ink,
    log_ticks,
    mark,
    number,
    one_axes,
    tidy,
)
from fastnn.training.lr_find import LearningRateFinder

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@explained
def learning_rate_finder(result: LearningRateFinder, ax: Axes | None = None) -> Axes:
    """Draw the loss over the learning rates of a range test, with the suggestion marked.

    Parameters
    ----------
    result : LearningRateFinder
        What `lr_find` returned.
    ax : matplotlib Axes, optional
        Default: a new figure.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.datasets import load_iris
    >>> from fastnn.training.lr_find import lr_find
    >>> from fastnn.plotting import learning_rate_finder
    >>> X, y = load_iris()
    >>> model = fastnn.Sequential([fastnn.Dense(3), fastnn.Softmax()], seed=0)
    >>> model.compile("sgd")
    >>> learning_rate_finder(lr_find(model, X, y)).get_xscale()
    'log'
    """
    panel = one_axes(ax, (5.6, 3.8))
    if not hasattr(result, "suggestion"):
        raise TypeError(f"got {result!r:.60}; expected what the model's lr_find(X, y) returns")
    rates, losses, smoothed = result.learning_rates, result.losses, result.smoothed
    panel.plot(
        rates, losses, color=TRAINING, alpha=0.4, linewidth=0.8, label="each batch", zorder=1.4
    )
    panel.plot(rates, smoothed, color=TRAINING, linewidth=1.8, label="smoothed", zorder=1.5)
    if result.suggestion is not None:
        rate = result.suggestion
        loss = float(np.interp(np.log(rate), np.log(rates), smoothed))
        panel.axvline(rate, color=ink(panel), alpha=0.6, linewidth=0.8, linestyle=":", zorder=1)
        mark(panel, rate, loss, VALIDATION, f"suggestion: {number(rate, 2)}")
    panel.set(xscale="log", xlabel="learning rate", ylabel="loss")
    panel.set_ylim(*_limits(losses, smoothed))
    log_ticks(panel.xaxis, rates[0], rates[-1])
    tidy(panel)
    add_legend(panel)
    return panel


def _limits(losses: np.ndarray, smoothed: np.ndarray) -> tuple[float, float]:
    """All of the smoothed curve; of the batches the bulk, for one may lose far more."""
    bulk = np.quantile(losses[np.isfinite(losses)], [0.1, 0.9])
    low, high = min(smoothed.min(), bulk[0]), max(smoothed.max(), bulk[1])
    margin = 0.12 * float(high - low) or 0.5
    return float(low) - margin, float(high) + margin
