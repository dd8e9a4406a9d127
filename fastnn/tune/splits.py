"""Splits: which rows a trial trains on, and which it is judged by; X itself is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.inputs.settings import check_count
from fastnn.inputs.splits import split


@dataclass
class Data:
    """What all trials of a search share.

    Attributes
    ----------
    X, y
        As the user gave them: every fit reads the same memory.
    held_out : list of arrays of row numbers, or None
        One a fold; None where `validation_data` judges.
    fit : dict
        Further arguments of `fit`, such as `sample_weight`.
    """

    X: Any
    y: Any
    held_out: list[np.ndarray | None]
    fit: dict[str, Any] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return len(self.X)

    def learned(self, fold: int) -> np.ndarray:
        """The row numbers that a fold trains on, ascending."""
        held_out = self.held_out[fold]
        everything = np.arange(self.n_rows)
        return everything if held_out is None else np.delete(everything, held_out)


def labels_of(y: Any) -> np.ndarray | None:
    """What to keep in proportion when rows are dealt out: class labels; None for real numbers.

    Examples
    --------
    >>> labels_of([0, 1, 1]), labels_of([0.5, 1.5])
    (array([0, 1, 1]), None)
    """
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and ((array == 0) | (array == 1)).all():
        array = array.argmax(axis=1)
    return array if array.ndim == 1 and array.dtype.kind in "biuUSO" else None


def folds(y: Any, k: Any, seed: int = 0) -> list[np.ndarray]:
    """The held-out row numbers of k folds: each row in one of them, each class in proportion.

    Parameters
    ----------
    y : array (n,) or (n, K)
        Class labels, one-hot rows or real numbers.
    k : int
        At least 2, at most n.
    seed : int, default 0
        Of the dealing.

    Examples
    --------
    >>> [len(rows) for rows in folds([0, 0, 0, 1, 1, 1], 3)]
    [2, 2, 2]
    """
    n = len(y)
    if check_count(k, "cv", 2) > n:
        raise ValueError(f"cv is {k}, but there are {n} rows; expected at most one fold a row")
    order = np.random.default_rng(seed).permutation(n)
    labels = labels_of(y)
    if labels is not None:
        # Dealt out class by class, the folds differ by one row of each at most.
        order = order[np.argsort(labels[order], kind="stable")]
    return [np.sort(order[fold::k]) for fold in range(k)]


def as_folds(cv: Any, y: Any, seed: int) -> list[np.ndarray]:
    """The held-out rows of each fold: of a number of folds, or as given.

    Parameters
    ----------
    cv : int, or sequence of arrays of row numbers, or of (train, test) pairs
    """
    if not isinstance(cv, Sequence) or isinstance(cv, str):
        return folds(y, cv, seed)
    given = [rows[1] if isinstance(rows, tuple) and len(rows) == 2 else rows for rows in cv]
    return [np.sort(np.asarray(rows, dtype=np.int64)) for rows in given]


def share_out(X: Any, y: Any, cv: Any, seed: int, fit: dict[str, Any]) -> Data:
    """The data of a search, checked; `fit` is what the user passes on to every fit."""
    if y is None or not hasattr(X, "__len__") or not hasattr(y, "__len__"):
        raise TypeError("X and y must be arrays: one row of features and one target per sample")
    # Frames stay frames: estimators may look at their names.
    X, y = (a if hasattr(a, "shape") else np.asarray(a) for a in (X, y))
    if len(X) != len(y):
        raise ValueError(f"y has {len(y)} rows but X has {len(X)}; pass one target row per sample")
    fit = dict(fit)
    share = fit.pop("validation_split", None)
    if fit.get("validation_data") is not None:
        if cv is not None or share is not None:
            raise ValueError("got validation_data and cv or validation_split; pass one of them")
        return Data(X, y, [None], fit)
    if cv is not None:
        if share is not None:
            raise ValueError("got cv and validation_split; pass one of them")
        return Data(X, y, list(as_folds(cv, y, seed)), fit)
    if isinstance(share, np.ndarray | list | tuple):
        return Data(X, y, [np.sort(np.asarray(share, dtype=np.int64))], fit)
    fraction = 0.2 if share is None or share is True else share
    labels = labels_of(y)
    by = len(y) if labels is None else np.unique(labels, return_inverse=True)[1]
    held_out = split(by, fraction, np.random.default_rng(seed))[1]
    return Data(X, y, [np.sort(held_out)], fit)
