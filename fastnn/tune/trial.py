"""Trial: one setting of the hyperparameters, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

FINISHED = ("done", "pruned", "diverged", "failed")
"""The states in which nothing is left to do; the others are waiting, running and paused."""

Curves = dict[str, list[float]]


@dataclass
class Trial:
    """A row of the ledger.

    Attributes
    ----------
    number : int
        From 0.
    point : dict
        The value of each coordinate of the space.
    params : dict
        What the builder received.
    seed : int
        Of the model.
    round : int
        Of the strategy, from 0.
    status : {"waiting", "running", "paused", "done", "pruned", "diverged", "failed"}
    value : float
        The monitored quantity at its best epoch; NaN where there is none.
    epoch : int
        That epoch, from 1; 0 where there is none.
    epochs : int
        Epochs trained.
    target : int
        Epochs wanted by now.
    seconds : float
        Of training, all folds together.
    reason : str
        Why it failed, diverged or was pruned.
    curves : dict of lists
        The history's columns; with cross-validation, their means over the folds.
    folds : list of dict of lists
        With cross-validation, the history's columns of each fold.

    Examples
    --------
    >>> from fastnn.tune import Trial
    >>> Trial(0, {"units": 8}, {"units": 8}, seed=1).status
    'waiting'
    """

    number: int
    point: dict[str, Any]
    params: dict[str, Any]
    seed: int
    round: int = 0
    status: str = "waiting"
    value: float = math.nan
    epoch: int = 0
    epochs: int = 0
    target: int = 1
    seconds: float = 0.0
    reason: str = ""
    curves: Curves = field(default_factory=dict)
    folds: list[Curves] = field(default_factory=list)

    def best(self, monitor: str, sign: float, epochs: int | None = None) -> tuple[float, int]:
        """The best value within the first epochs, and its epoch from 1; (NaN, 0) without any.

        Parameters
        ----------
        monitor : str
        sign : float
            1 where less is better, -1 where more is.
        """
        curve = self.curves.get(monitor, [])[:epochs]
        found, at = math.nan, 0
        for i, value in enumerate(curve):
            if math.isfinite(value) and not sign * value >= sign * found:
                found, at = value, i + 1
        return found, at


def mean_curves(folds: list[Curves]) -> Curves:
    """The means over folds, as long as the shortest of them."""
    if not folds or not all(folds):
        return {}
    means = {}
    for name in folds[0]:
        if all(name in fold for fold in folds):
            by_epoch = zip(*(fold[name] for fold in folds), strict=False)
            means[name] = [math.fsum(values) / len(folds) for values in by_epoch]
    return means
