"""Metrics of numbers: how far predictions are from real targets."""

from typing import Any

import numpy as np

from fastnn.metrics.truth import Array, error, mean, weights


def mse(y: Array, prediction: Array, sample_weight: Any = None) -> float:
    """Mean of (y - prediction)^2 over rows and targets.

    Parameters
    ----------
    y, prediction : array
        See `fastnn.metrics`.
    sample_weight : array (n,), optional
        How often each row counts.

    Examples
    --------
    >>> mse(np.array([1.0, 2.0]), np.array([[1.0], [4.0]]))
    2.0
    """
    return mean((error(y, prediction) ** 2).mean(axis=1), sample_weight)


def rmse(y: Array, prediction: Array, sample_weight: Any = None) -> float:
    """Mean over the targets of the root of their mean squared error.

    Parameters
    ----------
    y, prediction : array
        See `fastnn.metrics`.
    sample_weight : array (n,), optional
        How often each row counts.

    Examples
    --------
    >>> rmse(np.array([1.0, 2.0]), np.array([[1.0], [2.0]]))
    0.0
    """
    squares = error(y, prediction) ** 2
    w = weights(sample_weight, len(squares))
    return float(np.mean(np.sqrt(w @ squares / w.sum())))


def mae(y: Array, prediction: Array, sample_weight: Any = None) -> float:
    """Mean of abs(y - prediction) over rows and targets.

    Parameters
    ----------
    y, prediction : array
        See `fastnn.metrics`.
    sample_weight : array (n,), optional
        How often each row counts.

    Examples
    --------
    >>> mae(np.array([1.0, 2.0]), np.array([[1.0], [4.0]]))
    1.0
    """
    return mean(np.abs(error(y, prediction)).mean(axis=1), sample_weight)


def r2(y: Array, prediction: Array, sample_weight: Any = None) -> float:
    """Mean over the targets of 1 - sum (y - prediction)^2 / sum (y - mean y)^2.

    A constant target scores 1 when it is met exactly and 0 otherwise; one row alone, NaN.

    Parameters
    ----------
    y, prediction : array
        See `fastnn.metrics`.
    sample_weight : array (n,), optional
        How often each row counts.

    Examples
    --------
    >>> r2(np.array([1.0, 2.0]), np.array([[1.0], [2.0]]))
    1.0
    """
    squares = error(y, prediction) ** 2
    target = np.asarray(y, np.float64).reshape(len(y), -1)
    if len(target) < 2:
        return float("nan")
    w = weights(sample_weight, len(target))
    missed, total = w @ squares, w @ (target - w @ target / w.sum()) ** 2
    scores = np.where(missed == 0, 1.0, 0.0)
    np.divide(total - missed, total, out=scores, where=total > 0)
    return float(scores.mean())
