"""Metrics: what a prediction is worth, as one number.

A metric is a function ``(y, prediction) -> float``.  `prediction` (n, K) is the network's
output; K = 1 is the probability of class 1.  `y` is one of

- integer labels (n,),
- rows (n, K) that sum to 1: one-hot or soft targets, whose class is the largest entry,
- other rows (n, K): several independent labels per row (multi-label), each on above 0.5,
- real targets (n,) or (n, T), for `mse`, `rmse`, `mae` and `r2`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastnn.inputs.names import unknown

Array = np.ndarray[Any, np.dtype[Any]]
Metric = Callable[[Array, Array], float]


class Truth(NamedTuple):
    """`labels` (n,) beside `scores` (n, K); multi-label: `labels` (n, K) of bool."""

    labels: Array
    scores: Array
    multilabel: bool


def _pair(y: Array, prediction: Array) -> tuple[Array, Array]:
    """Both as arrays, the prediction (n, K)."""
    y, prediction = np.asarray(y), np.asarray(prediction)
    if prediction.ndim == 1:
        prediction = prediction[:, None]
    if y.ndim == 0 or len(y) != len(prediction):
        raise ValueError(
            f"y has shape {y.shape} but the prediction has {len(prediction)} rows; "
            "pass one target row per predicted row"
        )
    return y, prediction


def _truth(y: Array, prediction: Array) -> Truth:
    y, scores = _pair(y, prediction)
    if y.ndim == 2 and y.shape[1] > 1:
        if y.shape != scores.shape:
            raise ValueError(
                f"y has shape {y.shape} but the prediction has shape {scores.shape}; "
                "pass integer labels or one column per output"
            )
        if np.any(np.abs(y.sum(axis=1, dtype=np.float64) - 1) > 1e-3):
            return Truth(y > 0.5, scores, True)
        return Truth(y.argmax(axis=1), scores, False)
    if y.ndim == 2:
        y = y[:, 0]
    if y.dtype.kind not in "iu":
        # A float label is either a whole number or the probability of class 1.
        y = (y > 0.5).astype(np.int64) if scores.shape[1] == 1 else y.astype(np.int64)
    return Truth(y, scores, False)


def _chosen(scores: Array) -> Array:
    """The predicted class of each row; the first of equal ones, class 0 at exactly 0.5."""
    return scores[:, 0] > 0.5 if scores.shape[1] == 1 else scores.argmax(axis=1)


def _columns(scores: Array) -> Array:
    """One score per class: the two of a single sigmoid output are 1 - p and p."""
    return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores


def accuracy(y: Array, prediction: Array) -> float:
    """Fraction of rows whose most probable class is the true one.

    With several labels per row: fraction of the n K entries on the right side of 0.5.

    >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    0.5
    """
    labels, scores, multilabel = _truth(y, prediction)
    right = labels == ((scores > 0.5) if multilabel else _chosen(scores))
    return int(np.count_nonzero(right)) / int(right.size)


def top_k(k: int) -> Metric:
    """Make the metric ``top_<k>``: the true class is among the k most probable ones.

    Equal scores count in the order of their columns, so ``top_k(1)`` is `accuracy`.

    Examples
    --------
    >>> top_k(2)(np.array([2]), np.array([[0.5, 0.2, 0.3]]))
    1.0
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k is {k!r}; expected a whole number of at least 1")

    def metric(y: Array, prediction: Array) -> float:
        labels, scores, multilabel = _truth(y, prediction)
        if multilabel:
            raise ValueError(f"top_{k} needs one true class per row, but y has several; use f1")
        scores = _columns(scores)
        true = np.take_along_axis(scores, labels[:, None], axis=1)
        # "Not less or equal" instead of "greater": a NaN among the scores is a miss.
        before = ~(scores <= true)
        before |= (scores == true) & (np.arange(scores.shape[1]) < labels[:, None])
        return int(np.count_nonzero(before.sum(axis=1) < k)) / len(labels)

    metric.__name__ = metric.__qualname__ = f"top_{k}"
    return metric


def _counts(y: Array, prediction: Array) -> tuple[Array, Array, Array]:
    """Hits, predicted rows and true rows of each class found in y or in the prediction."""
    labels, scores, multilabel = _truth(y, prediction)
    if multilabel:
        chosen = scores > 0.5
        return (labels & chosen).sum(axis=0), chosen.sum(axis=0), labels.sum(axis=0)
    chosen = _chosen(scores).astype(np.int64)
    k = int(max(labels.max(), chosen.max())) + 1
    hits = np.bincount(labels[labels == chosen], minlength=k)
    predicted, true = np.bincount(chosen, minlength=k), np.bincount(labels, minlength=k)
    present = predicted + true > 0
    return hits[present], predicted[present], true[present]


def precision(y: Array, prediction: Array) -> float:
    """Mean over the classes of (rows rightly called c) / (rows called c), 0 where 0 / 0.

    The classes are those in y or in the prediction; both of them for a sigmoid output.

    >>> precision(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    0.25
    """
    hits, predicted, _ = _counts(y, prediction)
    return float(np.mean(hits / np.maximum(predicted, 1)))


def recall(y: Array, prediction: Array) -> float:
    """Mean over the classes of (rows rightly called c) / (rows of c), 0 where 0 / 0.

    >>> recall(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    0.5
    """
    hits, _, true = _counts(y, prediction)
    return float(np.mean(hits / np.maximum(true, 1)))


def f1(y: Array, prediction: Array) -> float:
    """Mean over the classes of 2 hits / (rows called c + rows of c), 0 where 0 / 0.

    >>> f1(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    1.0
    """
    hits, predicted, true = _counts(y, prediction)
    return float(np.mean(2 * hits / np.maximum(predicted + true, 1)))


def _auc(positive: Array, score: Array) -> float:
    """Mann-Whitney: P(score of a positive > score of a negative), equal ones count a half."""
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0 or np.isnan(score).any():
        return float("nan")
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(size) - (size - 1) / 2
    above = rank[group][positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def roc_auc(y: Array, prediction: Array) -> float:
    """Area under the ROC curve: of class 1, or the mean of one class against the rest.

    Classes without a row, or with every row, have no curve and are left out of the mean;
    NaN when no class has one.

    >>> roc_auc(np.array([0, 1, 1]), np.array([[0.2], [0.2], [0.7]]))
    0.75
    """
    labels, scores, multilabel = _truth(y, prediction)
    if not multilabel:
        if scores.shape[1] <= 2:
            return _auc(labels == 1, scores[:, -1])
        labels = labels[:, None] == np.arange(scores.shape[1])
    areas = np.array([_auc(labels[:, k], scores[:, k]) for k in range(scores.shape[1])])
    areas = areas[~np.isnan(areas)]
    return float(areas.mean()) if areas.size else float("nan")


def log_loss(y: Array, prediction: Array) -> float:
    """Mean over the rows of -log p(true class), or of -sum_k y_k log p_k for soft targets.

    With several labels per row: the mean over all entries of -y log p - (1 - y) log(1 - p).
    Probabilities are kept the spacing of their type away from 0 and 1.

    >>> round(log_loss(np.array([1]), np.array([[0.8, 0.2]])), 4)
    1.6094
    """
    labels, scores, multilabel = _truth(y, prediction)
    eps = np.finfo(scores.dtype).eps if scores.dtype.kind == "f" else 2.0**-52
    p = np.clip(scores.astype(np.float64), eps, 1 - eps)
    if multilabel or p.shape[1] == 1:
        target = np.asarray(y, np.float64).reshape(p.shape)
        return float(-np.mean(target * np.log(p) + (1 - target) * np.log1p(-p)))
    if np.ndim(y) == 2 and np.shape(y)[1] > 1:
        return float(-np.sum(np.asarray(y) * np.log(p)) / len(p))
    return float(-np.mean(np.log(np.take_along_axis(p, labels[:, None], axis=1))))


def _error(y: Array, prediction: Array) -> Array:
    """y - prediction (n, T) in float64."""
    y, prediction = _pair(y, prediction)
    target = y[:, None] if y.ndim == 1 else y
    if target.shape != prediction.shape:
        raise ValueError(
            f"y has shape {y.shape} but the prediction has shape {prediction.shape}; expected "
            'equal shapes of real targets; for class labels use "accuracy" or "log_loss"'
        )
    return np.subtract(target, prediction, dtype=np.float64)


def mse(y: Array, prediction: Array) -> float:
    """Mean of (y - prediction)^2 over rows and targets.

    >>> mse(np.array([1.0, 2.0]), np.array([[1.0], [4.0]]))
    2.0
    """
    return float(np.mean(_error(y, prediction) ** 2))


def rmse(y: Array, prediction: Array) -> float:
    """Mean over the targets of the root of their mean squared error.

    >>> rmse(np.array([1.0, 2.0]), np.array([[1.0], [2.0]]))
    0.0
    """
    return float(np.mean(np.sqrt(np.mean(_error(y, prediction) ** 2, axis=0))))


def mae(y: Array, prediction: Array) -> float:
    """Mean of abs(y - prediction) over rows and targets.

    >>> mae(np.array([1.0, 2.0]), np.array([[1.0], [4.0]]))
    1.0
    """
    return float(np.mean(np.abs(_error(y, prediction))))


def r2(y: Array, prediction: Array) -> float:
    """Mean over the targets of 1 - sum (y - prediction)^2 / sum (y - mean y)^2.

    A constant target scores 1 when it is met exactly and 0 otherwise; one row alone, NaN.

    >>> r2(np.array([1.0, 2.0]), np.array([[1.0], [2.0]]))
    1.0
    """
    residual = (_error(y, prediction) ** 2).sum(axis=0)
    target = np.asarray(y, np.float64).reshape(len(y), -1)
    if len(target) < 2:
        return float("nan")
    total = ((target - target.mean(axis=0)) ** 2).sum(axis=0)
    score = np.where(residual == 0, 1.0, 0.0)
    np.divide(total - residual, total, out=score, where=total > 0)
    return float(score.mean())


METRICS: dict[str, Metric] = {
    f.__name__: f for f in (accuracy, precision, recall, f1, roc_auc, log_loss, mse, rmse, mae, r2)
}


FALLING = ("loss", "log_loss", "mse", "rmse", "mae")
"""Of these less is better; of the other metrics, more."""


def direction(column: str) -> str | None:
    """Whether a column of the history is to fall, "min", or to rise, "max"; None: unknown.

    Examples
    --------
    >>> direction("val_accuracy")
    'max'
    """
    name = column.removeprefix("val_")
    if name in FALLING:
        return "min"
    return "max" if name in METRICS or name.startswith("top_") else None


def get(spec: object) -> tuple[str, Metric]:
    """The name and the function that `spec` asks for.

    `spec` is a name (``"acc"`` is ``"accuracy"``, ``"top_5"`` is ``top_k(5)``), a function
    ``(y, prediction) -> float``, or a pair of the name to show and such a function.

    Examples
    --------
    >>> get("acc")[0]
    'accuracy'
    """
    if isinstance(spec, str):
        if spec.startswith("top_") and spec[4:].isdecimal():
            return spec, top_k(int(spec[4:]))
        name = "accuracy" if spec == "acc" else spec
        if name not in METRICS:
            raise unknown("metric", spec, [*METRICS, "top_5"])
        return name, METRICS[name]
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], str):
        return spec[0], get(spec[1])[1]
    if callable(spec):
        return getattr(spec, "__name__", type(spec).__name__), spec
    raise TypeError(
        f"a metric is given as {spec!r}; expected a name, a function (y, prediction) -> float "
        'or a pair such as ("name", function)'
    )
