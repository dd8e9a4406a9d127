"""How good outputs are: the scores of each epoch, without scikit-learn's checks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastnn.estimators.machine import Machine
from fastnn.estimators.recipe import Objective
from fastnn.inputs.rows import Rows


def accuracy(y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None) -> float:
    """Share of the rows whose labels (n,), or whose row of labels (n, K), 1 or 0, are all right."""
    right = (
        outputs.argmax(axis=1) == y if y.ndim == 1 else ((outputs > 0.5) == (y > 0.5)).all(axis=1)
    )
    return float(np.average(right, weights=weight))


def log_likelihood(y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None) -> float:
    """Mean log of the probability given to the right label (n,), or to a row of labels (n, K)."""
    if y.ndim == 1:
        right = outputs[np.arange(len(y)), y][:, None]
    else:
        right = np.where(y > 0.5, outputs, 1 - outputs)
    least = np.finfo(outputs.dtype).eps
    return float(np.average(np.log(np.maximum(right, least)).sum(axis=1), weights=weight))


def r2(y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None) -> float:
    """Coefficient of determination, averaged over the targets (n, T); NaN below two rows.

    A constant target counts 1 where it is met exactly, else 0.
    """
    if len(y) < 2:
        return float("nan")
    w = np.ones(len(y)) if weight is None else weight
    y, outputs = y.astype(np.float64, copy=False), outputs.astype(np.float64, copy=False)
    mean = w @ y / w.sum()
    missed, total = w @ (y - outputs) ** 2, w @ (y - mean) ** 2
    known = total != 0
    scores = np.where(missed == 0, 1.0, 0.0)
    scores[known] = 1.0 - missed[known] / total[known]
    return float(scores.mean())


class Validation:
    """Rows that an estimator is scored on after each epoch.

    Parameters
    ----------
    rows : Rows
        With the targets and weights that the loss reads.
    index : array of int64, optional
        The rows among them that count.
    score : callable (y, outputs, weight) -> float
    y : array
        What `score` compares with.
    """

    def __init__(
        self,
        rows: Rows,
        index: np.ndarray | None,
        y: np.ndarray,
        score: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float],
        link: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.rows = rows
        self.index = np.arange(rows.X.shape[0]) if index is None else index
        self.y, self.link, self._score = y, link, score
        weight = rows.sample_weight
        self.weight = weight if weight is None or index is None else weight[index]

    def measure(self, machine: Machine, objective: Objective) -> tuple[float, float]:
        """Score, NaN where an output is not finite, and loss."""
        run = machine.network.predict_run(objective.loss)
        outputs, total = run.evaluate(self.rows, self.index)
        n = len(self.index) if self.weight is None else float(self.weight.sum())
        if not np.isfinite(outputs).all():
            return float("nan"), float("nan")
        loss = objective.of_loss * total / n
        return self._score(self.y, self.link(outputs), self.weight), loss
