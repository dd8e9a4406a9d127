"""Scores of predictions on rows that were not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.tabular.target import Target

EPS = float(np.finfo(np.float64).eps)
ODDS, MOST_ODDS = 10_000, 40
"""Steps of the logarithm of the odds in which `Tally` ranks rows, and the largest, either way."""


def measure(
    target: Target, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """What the predictions are worth.

    Parameters
    ----------
    target : Target
    y : array (n,)
        Class numbers, or numbers.
    outputs : array (n, classes) or (n,)
        Probabilities, or numbers.
    weight : array (n,), optional

    Returns
    -------
    scores : dict
        Of classes "accuracy", "balanced_accuracy", "log_loss", and of two "roc_auc"; else "r2",
        "rmse", "mae".
    """
    # Its import takes longer than many predictions, which need none of it.
    from sklearn import metrics

    if target.task == "regression":
        mse = metrics.mean_squared_error(y, outputs, sample_weight=weight)
        return {
            "r2": float(metrics.r2_score(y, outputs, sample_weight=weight)) if len(y) > 1 else 0.0,
            "rmse": float(np.sqrt(mse)),
            "mae": float(metrics.mean_absolute_error(y, outputs, sample_weight=weight)),
        }
    tally = Tally(target)
    tally.count(y, outputs, weight)
    found = tally.scores()
    # Where the rows of a class weigh nothing, there are no ranks.
    if len(target.classes) == 2 and np.bincount(y, weight, 2).all():
        found["roc_auc"] = float(metrics.roc_auc_score(y, outputs[:, 1], sample_weight=weight))
    return found


class Tally:
    """The scores of `measure` for rows that come in parts, of which only sums are kept.

    The area under the ROC curve takes odds for equal that differ by less than 0.01%.

    Parameters
    ----------
    target : Target
    """

    def __init__(self, target: Target) -> None:
        self.target, self.rows = target, 0
        # Of each class, by rows and by weight: those found, those there are.
        self.found, self.there = (np.zeros((2, len(target.classes))) for _ in range(2))
        self.loss = 0.0
        self.ranks: np.ndarray | None = None
        # Of a regression: weight, mean of y, its squares about it, squares and sizes of residuals.
        self.sums = np.zeros(5)

    def add(self, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Count some rows, and rank those of two classes."""
        weight = np.ones(len(y)) if weight is None else weight
        self.rows += len(y)
        if self.target.task == "regression":
            self._add_numbers(y, outputs, weight)
            return
        self.count(y, outputs, weight)
        if outputs.shape[1] == 2:
            self._rank(y, outputs, weight)

    def count(self, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None) -> None:
        """Count some rows of classes."""
        weight = np.ones(len(y)) if weight is None else weight
        right = outputs.argmax(axis=1) == y
        for k, each in enumerate((np.ones(len(y)), weight)):
            self.there[k] += np.bincount(y, each, self.there.shape[1])
            self.found[k] += np.bincount(y, each * right, self.there.shape[1])
        own = np.clip(outputs[np.arange(len(y)), y], EPS, 1 - EPS)
        self.loss -= float(np.sum(weight * np.log(own)))

    def _rank(self, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray) -> None:
        with np.errstate(divide="ignore"):
            odds = np.log(outputs[:, 1]) - np.log(outputs[:, 0])
        at = (ODDS * (MOST_ODDS + odds.clip(-MOST_ODDS, MOST_ODDS))).astype(np.int64)
        size = 2 * ODDS * MOST_ODDS + 1
        found = np.stack([np.bincount(at[y == k], weight[y == k], size) for k in range(2)])
        self.ranks = found if self.ranks is None else self.ranks + found

    def _add_numbers(self, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray) -> None:
        total = weight.sum()
        if not total:
            return
        mean = (weight @ y) / total
        before, others = self.sums[:2]
        # Chan, Golub and LeVeque (1983): moments of two parts become those of both.
        apart = (mean - others) ** 2 * before * total / (before + total)
        self.sums[0] += total
        self.sums[1] += (mean - others) * total / self.sums[0]
        self.sums[2] += weight @ (y - mean) ** 2 + apart
        self.sums[3:] += weight @ (outputs - y) ** 2, weight @ np.abs(outputs - y)

    def scores(self) -> dict[str, float]:
        """What `measure` gives for all rows."""
        if self.target.task == "regression":
            total, _, squares, residuals, sizes = self.sums
            r2 = 1 - residuals / squares if squares else 0.0
            return {"r2": float(r2), "rmse": float(np.sqrt(residuals / total)),
                    "mae": float(sizes / total)}  # fmt: skip
        present = np.flatnonzero(self.there[0])
        # A class whose rows weigh nothing counts by its rows.
        kind = (self.there[1, present] > 0).astype(np.int64)
        total = self.there[1].sum()
        scores: dict[str, Any] = {
            "accuracy": self.found[1].sum() / total,
            "balanced_accuracy": np.mean(self.found[kind, present] / self.there[kind, present]),
            "log_loss": self.loss / total,
        }
        if self.ranks is not None and self.ranks.any(axis=1).all():
            from sklearn import metrics

            ranks = self.ranks[:, self.ranks.any(axis=0)]
            scores["roc_auc"] = metrics.roc_auc_score(
                np.repeat([0, 1], ranks.shape[1]), np.tile(np.arange(ranks.shape[1]), 2),
                sample_weight=ranks.ravel(),
            )  # fmt: skip
        return {name: float(value) for name, value in scores.items()}
