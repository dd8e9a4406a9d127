"""Tables for networks: robust scaling, smooth clipping, one column for each category."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import _safe_indexing, check_array

LARGEST = 3.0
"""Scaled values stay within this."""
MAX_CATEGORIES = 128


class TableEncoder:
    """Numbers (n, columns), float32, for a network (Holzmueller et al. 2024, section 3).

    Categories become a column of 0 and 1 each, two of a feature a single column of 1 and -1; one
    that `fit` has not seen is all 0. Then each
    column is centred at its median and divided by its quartile distance (or half its range, where
    that is 0), and x becomes x / sqrt(1 + (x / 3)^2): linear near 0, never beyond 3.

    Parameters
    ----------
    categorical : array-like of bool, int or str, "from_dtype" or None
        Which columns hold categories, as a mask, by position or by name.
    """

    def __init__(self, categorical: Any) -> None:
        self.categorical = categorical

    def fit_transform(self, X: Any, estimator: Any) -> np.ndarray:
        """Learn the categories, medians and distances, and encode."""
        self.columns = _positions(self.categorical, X, estimator)
        self.encoder = None
        if len(self.columns):
            self.encoder = OneHotEncoder(
                handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES,
                sparse_output=False, dtype=np.float64,
            )  # fmt: skip
            self.encoder.fit(_columns(X, self.columns))
            sizes = np.minimum([len(c) for c in self.encoder.categories_], MAX_CATEGORIES)
            self.twos = (np.cumsum(sizes) - sizes)[sizes == 2]
        numbers = self._numbers(X, estimator)
        low, self.median, high = np.percentile(numbers, [25, 50, 75], axis=0)
        distance = high - low
        flat = distance == 0
        distance[flat] = 0.5 * np.ptp(numbers[:, flat], axis=0)
        # A column that does not vary says nothing; it must not do so later either.
        self.factor = np.divide(1, distance, out=np.zeros_like(distance), where=distance != 0)
        return scaled(numbers, self.median, self.factor)

    def transform(self, X: Any, estimator: Any) -> np.ndarray:
        """Encode rows."""
        return scaled(self._numbers(X, estimator), self.median, self.factor)

    def _numbers(self, X: Any, estimator: Any) -> np.ndarray:
        if self.encoder is None:
            return check_array(X, dtype=np.float64, estimator=estimator)
        n = np.shape(X)[1]
        others = np.setdiff1d(np.arange(n), self.columns)
        found = self.encoder.transform(_columns(X, self.columns))
        found[:, self.twos] -= found[:, self.twos + 1]
        parts = [np.delete(found, self.twos + 1, axis=1)]
        if len(others):
            parts.append(check_array(_columns(X, others), dtype=np.float64, estimator=estimator))
        return np.hstack(parts)


def scaled(numbers: np.ndarray, median: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Columns centred, multiplied by a factor and smoothly kept within `LARGEST`, float32."""
    x = factor * (numbers - median)
    # Divided before squaring, and by hypot: no overflow for the largest of numbers.
    return (x / np.hypot(1, x / LARGEST)).astype(np.float32)


def _columns(X: Any, positions: np.ndarray) -> Any:
    return _safe_indexing(X, positions.tolist(), axis=1)


def _positions(given: Any, X: Any, estimator: Any) -> np.ndarray:
    """Positions of the categorical columns."""
    if given is None:
        return np.array([], dtype=np.int64)
    n = estimator.n_features_in_
    names = list(getattr(estimator, "feature_names_in_", []))
    if isinstance(given, str):
        numeric = [np.issubdtype(_dtype(X, k), np.number) for k in range(n)]
        return np.flatnonzero(~np.array(numeric))
    chosen = np.asarray(given)
    if chosen.dtype == bool:
        if chosen.shape != (n,):
            raise ValueError(
                f"categorical_features is a mask of shape {chosen.shape}; expected ({n},), one "
                "for each column of X"
            )
        return np.flatnonzero(chosen)
    if chosen.dtype.kind in "iu":
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= n):
            raise ValueError(
                f"categorical_features is {given}; expected columns from 0 to {n - 1} of X"
            )
        return chosen.astype(np.int64)
    unknown = [name for name in chosen.tolist() if name not in names]
    if unknown:
        raise ValueError(
            f"categorical_features holds {unknown}; expected names of columns of X: {names}"
        )
    return np.array([names.index(name) for name in chosen.tolist()], dtype=np.int64)


def _dtype(X: Any, k: int) -> Any:
    """NumPy's type of column k; object where it has none."""
    column = _safe_indexing(X, [k], axis=1)
    array = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
    return np.dtype(object) if array.dtype == bool else array.dtype
