"""How good outputs are: the scores of each epoch, without scikit-learn's checks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastnn.inputs.rows import Part
from fastnn.training.network import Network, Setup


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


class Scorer:
    """Scores rows after an epoch.

    Parameters
    ----------
    part : Part
        With the targets and weights that the loss reads.
    score : callable (y, outputs, weight) -> float
    link : callable
        From the network's outputs to those that `score` reads.
    """

    def __init__(
        self,
        part: Part,
        score: Callable[[np.ndarray, np.ndarray, np.ndarray | None], float],
        link: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.y, self.weight, self.total = part.y, part.sample_weight, part.weight("mean")
        self.link, self._score = link, score

    def __call__(self, network: Network, setup: Setup, part: Part) -> dict[str, float]:
        """Loss, without penalties, and score; NaN where an output is not finite."""
        outputs, total = network.predict_run(setup.loss).evaluate(part.rows, part.index)
        if setup.shares is None or not np.isfinite(outputs).all():
            return {"loss": float("nan"), "score": float("nan")}
        score = self._score(self.y, self.link(outputs), self.weight)
        return {"loss": setup.shares[0] * total / self.total, "score": score}
