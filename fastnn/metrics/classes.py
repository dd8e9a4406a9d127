"""Metrics of classes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.inputs.calls import explained
from fastnn.metrics.truth import (
    Array,
    area,
    chosen,
    columns,
    counts,
    mean,
    mean_ratio,
    share,
    truth,
    weights,
)

Metric = Callable[..., float]


def _of_classes(metric: Metric) -> Metric:
    """Mark a metric of classes, which takes `multilabel`."""
    metric.of_classes = True  # type: ignore[attr-defined]
    return metric


@_of_classes
def accuracy(
    y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
) -> float:
    """Fraction of rows whose most probable class is the true one.

    With several labels per row: fraction of the n K entries on the right side of 0.5.

    Parameters
    ----------
    y, prediction, sample_weight, multilabel
        As of all metrics, see `fastnn.metrics`.

    Examples
    --------
    >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    0.5
    """
    labels, scores, several = truth(y, prediction, multilabel)
    return share(labels == ((scores > 0.5) if several else chosen(scores)), sample_weight)


@explained
def top_k(k: int) -> Metric:
    """Make the metric ``top_<k>``: the true class is among the k most probable ones.

    Equal scores count in the order of their columns, so ``top_k(1)`` is `accuracy`.

    Parameters
    ----------
    k : int
        At least 1.

    Examples
    --------
    >>> top_k(2)(np.array([2]), np.array([[0.5, 0.2, 0.3]]))
    1.0
    """
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k is {k!r}; expected a whole number of at least 1")

    def metric(
        y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
    ) -> float:
        labels, scores, several = truth(y, prediction, multilabel)
        if several:
            raise ValueError(f"top_{k} needs one true class per row, but y has several; use f1")
        scores = columns(scores)
        true = np.take_along_axis(scores, labels[:, None], axis=1)
        # "Not less or equal" instead of "greater": a NaN among the scores is a miss.
        before = ~(scores <= true)
        before |= (scores == true) & (np.arange(scores.shape[1]) < labels[:, None])
        return share(before.sum(axis=1) < k, sample_weight)

    metric.__name__ = metric.__qualname__ = f"top_{k}"
    return _of_classes(metric)


@_of_classes
def precision(
    y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
) -> float:
    """Mean over the classes of (rows rightly called c) / (rows called c), 0 where 0 / 0.

    The classes are those in y or in the prediction; both of them for a sigmoid output.

    Parameters
    ----------
    y, prediction, sample_weight, multilabel
        As of all metrics, see `fastnn.metrics`.

    Examples
    --------
    >>> precision(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    0.25
    """
    hits, predicted, _ = counts(y, prediction, sample_weight, multilabel)
    return mean_ratio(hits, predicted)


@_of_classes
def recall(
    y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
) -> float:
    """Mean over the classes of (rows rightly called c) / (rows of c), 0 where 0 / 0.

    Parameters
    ----------
    y, prediction, sample_weight, multilabel
        As of all metrics, see `fastnn.metrics`.

    Examples
    --------
    >>> recall(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    0.5
    """
    hits, _, true = counts(y, prediction, sample_weight, multilabel)
    return mean_ratio(hits, true)


@_of_classes
def f1(
    y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
) -> float:
    """Mean over the classes of 2 hits / (rows called c + rows of c), 0 where 0 / 0.

    Parameters
    ----------
    y, prediction, sample_weight, multilabel
        As of all metrics, see `fastnn.metrics`.

    Examples
    --------
    >>> f1(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    1.0
    """
    hits, predicted, true = counts(y, prediction, sample_weight, multilabel)
    return mean_ratio(2 * hits, predicted + true)


@_of_classes
def roc_auc(
    y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
) -> float:
    """Area under the ROC curve: of class 1, or the mean of one class against the rest.

    Classes without a row, or with every row, have no curve and are left out of the mean;
    NaN when no class has one.

    Parameters
    ----------
    y, prediction, sample_weight, multilabel
        As of all metrics, see `fastnn.metrics`.

    Examples
    --------
    >>> roc_auc(np.array([0, 1, 1]), np.array([[0.2], [0.2], [0.7]]))
    0.75
    """
    labels, scores, several = truth(y, prediction, multilabel)
    w = weights(sample_weight, len(labels))
    if not several:
        if scores.shape[1] <= 2:
            return area(labels == 1, scores[:, -1], w)
        labels = labels[:, None] == np.arange(scores.shape[1])
    areas = np.array([area(labels[:, k], scores[:, k], w) for k in range(scores.shape[1])])
    areas = areas[~np.isnan(areas)]
    return float(areas.mean()) if areas.size else float("nan")


@_of_classes
def log_loss(
    y: Array, prediction: Array, sample_weight: Any = None, *, multilabel: bool | None = None
) -> float:
    """Mean over the rows of -log p(true class), or of -sum_k y_k log p_k for soft targets.

    With several labels per row: the mean over all entries of -y log p - (1 - y) log(1 - p).
    Probabilities are kept the spacing of their type away from 0 and 1.

    Parameters
    ----------
    y, prediction, sample_weight, multilabel
        As of all metrics, see `fastnn.metrics`.

    Examples
    --------
    >>> round(log_loss(np.array([1]), np.array([[0.8, 0.2]])), 4)
    1.6094
    """
    labels, scores, several = truth(y, prediction, multilabel)
    eps = np.finfo(scores.dtype).eps if scores.dtype.kind == "f" else 2.0**-52
    p = np.clip(scores.astype(np.float64), eps, 1 - eps)
    if several or p.shape[1] == 1:
        target = np.asarray(y, np.float64).reshape(p.shape)
        each = (target * np.log(p) + (1 - target) * np.log1p(-p)).mean(axis=1)
    elif np.ndim(y) == 2 and np.shape(y)[1] > 1:
        each = (np.asarray(y) * np.log(p)).sum(axis=1)
    else:
        each = np.log(np.take_along_axis(p, labels[:, None], axis=1))[:, 0]
    return -mean(each, sample_weight)
