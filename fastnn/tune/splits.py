"""Splits: which rows a trial trains on, and which it is judged by; X itself is shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fastnn.inputs.arrays import as_features
from fastnn.inputs.calls import explained
from fastnn.inputs.columns import text_names
from fastnn.inputs.settings import check_count
from fastnn.inputs.splits import as_parts, split
from fastnn.inputs.targets import check_known
from fastnn.tune.groups import check_apart, group_folds, group_share, read_groups


class Fold(NamedTuple):
    """Rows to be judged by, and rows to train on: None are all others."""

    held_out: np.ndarray
    trained_on: np.ndarray | None = None


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
    trained_on : sequence of arrays of row numbers, or None
        One a fold; None where it trains on all rows that are not held out. Empty: so in each.
    """

    X: Any
    y: Any
    held_out: list[np.ndarray | None]
    fit: dict[str, Any] = field(default_factory=dict)
    trained_on: Sequence[np.ndarray | None] = ()
    names: tuple[str, ...] | None = None
    """Columns of the frame that X was."""

    def read(self) -> None:
        """Make an array of X: once, not in every fit."""
        self.names, self.X = text_names(self.X), as_features(self.X)

    def name_features(self, model: Any) -> None:
        """Let a trained Sequential know the columns."""
        model._built().feature_names = self.names

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return int(self.X.shape[0])

    def learned(self, fold: int) -> np.ndarray:
        """The row numbers that a fold trains on."""
        held_out = self.held_out[fold]
        if self.trained_on and (given := self.trained_on[fold]) is not None:
            return given
        everything = np.arange(self.n_rows)
        return everything if held_out is None else np.delete(everything, held_out)

    def split(self, fold: int) -> Any:
        """A fold as `validation_split`; None where `validation_data` judges."""
        held_out = self.held_out[fold]
        if held_out is None or not self.trained_on or self.trained_on[fold] is None:
            return held_out
        return self.trained_on[fold], held_out


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


@explained
def folds(y: Any, k: Any, seed: int = 0, groups: Any = None) -> list[np.ndarray]:
    """The held-out row numbers of k folds: each row in one of them, each class in proportion.

    Parameters
    ----------
    y : array (n,) or (n, K)
        Class labels, one-hot rows or real numbers.
    k : int
        At least 2, at most n.
    seed : int, default 0
        Of the dealing.
    groups : array (n,), optional
        Such as the patient that each row is of. A group is in one fold as a whole; then the folds
        are about as large, and classes are not looked at.

    Examples
    --------
    >>> [len(rows) for rows in folds([0, 0, 0, 1, 1, 1], 3)]
    [2, 2, 2]
    """
    if not hasattr(y, "__len__"):
        raise TypeError(f"y is {y!r:.60}; expected an array, one target row per sample")
    n = len(y)
    if check_count(k, "cv", 2) > n:
        raise ValueError(f"cv is {k}, but there are {n} rows; expected at most one fold a row")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    if groups is not None:
        return group_folds(read_groups(groups, n), k, rng)
    order = rng.permutation(n)
    labels = labels_of(y)
    if labels is not None:
        # Dealt out class by class, the folds differ by one row of each at most.
        order = order[np.argsort(labels[order], kind="stable")]
    return [np.sort(order[fold::k]) for fold in range(k)]


def as_folds(cv: Any, X: Any, y: Any, seed: int, groups: Any = None) -> list[Fold]:
    """The folds: of a number of them, of a splitter of scikit-learn, or as given.

    Parameters
    ----------
    cv : int, splitter, or iterable of (train, test) pairs or of arrays of held-out rows
    """
    n = len(y)
    given: Iterable[Any]
    if hasattr(cv, "split") and not isinstance(cv, type | str | bytes | np.ndarray):
        given = cv.split(X, y, groups)
    elif isinstance(cv, Iterable) and not isinstance(cv, str | bytes | dict | set):
        given = cv
    elif isinstance(cv, bool | str | bytes | dict | set | type) or cv is None:
        raise TypeError(
            f"cv is {cv!r:.60}; expected a number of folds, a splitter of scikit-learn such as "
            "KFold(5), or a list of (train, test) row numbers or of held-out row numbers"
        )
    else:
        given = folds(y, cv, seed, groups)
    found = [_fold(part, n) for part in given]
    if not found:
        raise ValueError("cv holds no folds; expected at least one")
    return found


def _fold(given: Any, n: int) -> Fold:
    learned, held_out = as_parts(given, n, "cv")
    held_out = np.sort(held_out)
    others = np.delete(np.arange(n), held_out)
    return Fold(held_out, None if np.array_equal(learned, others) else learned)


def share_out(X: Any, y: Any, cv: Any, seed: int, fit: dict[str, Any], groups: Any = None) -> Data:
    """The data of a search, checked; `fit` is what the user passes on to every fit."""
    seed = check_count(seed, "seed", 0)
    if y is None or not hasattr(X, "__len__") or not hasattr(y, "__len__"):
        raise TypeError("X and y must be arrays: one row of features and one target per sample")
    # Frames stay frames: estimators may look at their names.
    X, y = (a if hasattr(a, "shape") else np.asarray(a) for a in (X, y))
    if X.shape[:1] != y.shape[:1] or not y.shape:
        raise ValueError(
            f"y has {y.shape[0] if y.shape else 'no'} rows but X has {X.shape[0]}; pass one target "
            "row per sample"
        )
    if not hasattr(y, "tocsr"):
        check_known(np.asarray(y))
    fit = dict(fit)
    share = fit.pop("validation_split", None)
    if groups is not None:
        groups = read_groups(groups, len(y))
    if fit.get("validation_data") is not None:
        if cv is not None or share is not None or groups is not None:
            raise ValueError("got validation_data and cv, groups or validation_split; pass one")
        return Data(X, y, [None], fit)
    if cv is not None and share is not None:
        raise ValueError("got cv and validation_split; pass one of them")
    if cv is not None:
        found = as_folds(cv, X, y, seed, groups)
    elif isinstance(share, np.ndarray | list | tuple):
        found = [_fold(share, len(y))]
    else:
        found = [_share(y, 0.2 if share is None or share is True else share, seed, groups)]
    data = Data(X, y, [f.held_out for f in found], fit, [f.trained_on for f in found])
    if groups is not None:
        for fold, held_out in enumerate(data.held_out):
            check_apart(groups, data.learned(fold), held_out)
    return data


def _share(y: Any, fraction: Any, seed: int, groups: np.ndarray | None) -> Fold:
    """A share of the rows held out, by class where y holds classes, or in whole groups."""
    rng = np.random.default_rng(seed)
    if groups is not None:
        return Fold(group_share(groups, fraction, rng))
    labels = labels_of(y)
    by = len(y) if labels is None else np.unique(labels, return_inverse=True)[1]
    return Fold(np.sort(split(by, fraction, rng)[1]))
