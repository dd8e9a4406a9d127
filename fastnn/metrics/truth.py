"""What metrics are made of: labels beside scores, weighted counts, areas and errors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Truth(NamedTuple):
    """`labels` (n,) beside `scores` (n, K); multi-label: `labels` (n, K) of bool."""

    labels: Array
    scores: Array
    multilabel: bool


def pair(y: Array, prediction: Array) -> tuple[Array, Array]:
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


def truth(y: Array, prediction: Array, multilabel: bool | None = None) -> Truth:
    """Labels beside scores; `multilabel` as for the metrics."""
    y, scores = pair(y, prediction)
    if y.ndim == 2 and y.shape[1] > 1:
        if y.shape != scores.shape:
            raise ValueError(
                f"y has shape {y.shape} but the prediction has shape {scores.shape}; "
                "pass integer labels or one column per output"
            )
        if multilabel is None:
            multilabel = bool(np.any(np.abs(y.sum(axis=1, dtype=np.float64) - 1) > 1e-3))
        if multilabel:
            return Truth(y > 0.5, scores, True)
        return Truth(y.argmax(axis=1), scores, False)
    if y.ndim == 2:
        y = y[:, 0]
    if y.dtype.kind not in "iu":
        # A float label is either a whole number or the probability of class 1.
        y = (y > 0.5).astype(np.int64) if scores.shape[1] == 1 else y.astype(np.int64)
    return Truth(y, scores, False)


def chosen(scores: Array) -> Array:
    """The predicted class of each row; the first of equal ones, class 0 at exactly 0.5."""
    return scores[:, 0] > 0.5 if scores.shape[1] == 1 else scores.argmax(axis=1)


def columns(scores: Array) -> Array:
    """One score per class: the two of a single sigmoid output are 1 - p and p."""
    return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores


def weights(sample_weight: Any, n: int) -> Array:
    """One weight a row, (n,) of float64; 1 where there are none."""
    if sample_weight is None:
        return np.ones(n)
    found = np.asarray(sample_weight, np.float64)
    if found.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"sample_weight has shape {found.shape} but y has {n} rows; expected ({n},); pass one "
            "weight per row"
        )
    return found.reshape(-1)


def share(right: Array, sample_weight: Any) -> float:
    """Share of True among the entries of right (n,) or (n, K), by the weights of the rows."""
    if sample_weight is None:
        return int(np.count_nonzero(right)) / int(right.size)
    return mean(right.reshape(len(right), -1).mean(axis=1), sample_weight)


def mean(values: Array, sample_weight: Any) -> float:
    """Mean of values (n,) by the weights of the rows."""
    if sample_weight is None:
        return float(np.mean(values))
    w = weights(sample_weight, len(values))
    return float(w @ values / w.sum())


def counts(
    y: Array, prediction: Array, sample_weight: Any, multilabel: bool | None
) -> tuple[Array, Array, Array]:
    """Hits, predicted rows and true rows of each class found in y or in the prediction."""
    labels, scores, several = truth(y, prediction, multilabel)
    w = weights(sample_weight, len(labels))
    if several:
        calls = scores > 0.5
        return w @ (labels & calls), w @ calls, w @ labels
    calls = chosen(scores).astype(np.int64)
    k, right = int(max(labels.max(), calls.max())) + 1, labels == calls
    hits = np.bincount(labels[right], w[right], k)
    predicted, true = np.bincount(calls, w, k), np.bincount(labels, w, k)
    present = predicted + true > 0
    return hits[present], predicted[present], true[present]


def mean_ratio(above: Array, below: Array) -> float:
    """Mean of above / below, 0 where 0 / 0."""
    return float(np.mean(np.divide(above, below, out=np.zeros(len(above)), where=below > 0)))


def area(positive: Array, score: Array, w: Array) -> float:
    """Mann-Whitney: P(score of a positive > score of a negative), equal ones count a half."""
    total = w[positive].sum() * w[~positive].sum()
    if total == 0 or np.isnan(score).any():
        return float("nan")
    _, group = np.unique(score, return_inverse=True)
    positives = np.bincount(group, np.where(positive, w, 0))
    negatives = np.bincount(group, np.where(positive, 0, w))
    below = np.cumsum(negatives) - negatives / 2
    return float(positives @ below / total)


def error(y: Array, prediction: Array) -> Array:
    """y - prediction (n, T) in float64."""
    y, prediction = pair(y, prediction)
    target = y[:, None] if y.ndim == 1 else y
    if target.shape != prediction.shape:
        raise ValueError(
            f"y has shape {y.shape} but the prediction has shape {prediction.shape}; expected "
            'equal shapes of real targets; for class labels use "accuracy" or "log_loss"'
        )
    return np.subtract(target, prediction, dtype=np.float64)
