"""Splits: which rows to learn from, and which to hold out."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from fastnn.inputs.arrays import Array, as_array


def split(
    y_or_n: object, fraction: float, rng: np.random.Generator, stratify: bool = True
) -> tuple[Array, Array]:
    """Shuffled row numbers for training and for validation.

    Parameters
    ----------
    y_or_n : int or array
        The number of rows, or one label (n,) or one-hot row (n, K) for each of them.
    fraction : float
        The share of validation rows, between 0 and 1.
    rng : numpy.random.Generator
    stratify : bool
        With labels: each class is split in the same proportion, to within one row. A class
        of two rows or more is in both parts, a class of one row in the training part.

    Examples
    --------
    >>> train, validation = split([0, 0, 0, 1, 1, 1], 1 / 3, np.random.default_rng(0))
    >>> len(train), len(validation)
    (4, 2)
    """
    check_share(fraction)
    if isinstance(y_or_n, (int, np.integer)):
        n, labels = int(y_or_n), None
    else:
        labels = as_array(y_or_n, "y")
        n = len(labels)
    if n < 2:
        raise ValueError(
            f"{n} row{'s' * (n != 1)} cannot be split; expected at least 2, one to train on and "
            "one to validate on; pass more rows, or validation_data"
        )
    order = rng.permutation(n)
    n_validation = min(max(round(fraction * n), 1), n - 1)
    chosen = np.arange(n) < n_validation
    if stratify and labels is not None:
        if labels.ndim == 2 and labels.shape[1] > 1:
            labels = labels.argmax(axis=1)
        by_class = _stratified(labels.reshape(-1)[order], n_validation)
        # Nothing chosen: no class has two rows, so there is nothing to stratify.
        chosen = by_class if by_class.any() else chosen
    return order[~chosen], order[chosen]


def check_share(share: Any) -> None:
    """Refuse what is no fraction of the rows."""
    expected = "expected a fraction between 0 and 1; 0.2 validates on every fifth row"
    if isinstance(share, bool) or not isinstance(share, Real):
        raise TypeError(f"validation_split is {share!r}; {expected}")
    if not 0 < float(share) < 1:
        raise ValueError(f"validation_split is {share}; {expected}")


def _stratified(labels: Array, n_chosen: int) -> Array:
    """Which rows to choose: of each class its quota, the rest by the largest remainders."""
    _, group, size = np.unique(labels, return_inverse=True, return_counts=True)
    quota = size * n_chosen / len(labels)
    most = np.minimum(np.ceil(quota), size - 1).astype(np.int64)
    share = np.minimum(np.maximum(np.floor(quota), size > 1), most).astype(np.int64)
    hungry = np.argsort(share - quota, kind="stable")
    hungry = hungry[share[hungry] < most[hungry]]
    share[hungry[: max(0, n_chosen - int(share.sum()))]] += 1
    by_class = np.argsort(group, kind="stable")
    rank = np.empty_like(group)
    rank[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(size) - size, size)
    return np.asarray(rank < share[group])


def as_parts(given: Any, n: int, name: str = "validation_split") -> tuple[Array, Array]:
    """Numbers of the rows to learn from and of those held out, of n rows.

    Parameters
    ----------
    given : array (m,), or pair of arrays
        The rows held out: all others are learned from. Or both, as a splitter of scikit-learn gives
        them: (train, test), taken as they are. A mask (n,) is row numbers, too.
    n : int
    name : str
        What the messages call it.

    Examples
    --------
    >>> as_parts([0, 3], 4)
    (array([1, 2]), array([0, 3]))
    >>> as_parts(([1], [2]), 4)
    (array([1]), array([2]))
    """
    if not _is_pair(given):
        held_out = _row_numbers(given, n, name)
        different = len(np.unique(held_out))
        if different < len(held_out) or len(held_out) == n:
            raise ValueError(
                f"{name} holds {len(held_out)} row numbers from {held_out.min()} to "
                f"{held_out.max()}, {different} of them different; {_expected(name, n)}"
            )
        return np.delete(np.arange(n), held_out), held_out
    learned, held_out = (_row_numbers(part, n, name) for part in given)
    both = np.intersect1d(learned, held_out)
    if len(both):
        raise ValueError(
            f"{name} holds {len(both)} rows on both sides, such as row {both[0]}; expected (train, "
            "test) without a row in common: no model is judged by a row that it learns from"
        )
    return learned, held_out


def _is_pair(given: Any) -> bool:
    return (
        isinstance(given, tuple | list)
        and len(given) == 2
        and all(isinstance(part, slice) or np.ndim(part) == 1 for part in given)
    )


def _row_numbers(given: Any, n: int, name: str) -> Array:
    """Row numbers (m,), of n rows; also of a mask or a slice."""
    rows = np.arange(n)[given] if isinstance(given, slice) else np.asarray(given)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        what = f"{rows.dtype} of shape {rows.shape}" if rows.size else "no rows"
        raise ValueError(f"{name} holds {what}; {_expected(name, n)}")
    if rows.min() < 0 or rows.max() >= n:
        raise ValueError(
            f"{name} holds row numbers from {rows.min()} to {rows.max()}; {_expected(name, n)}"
        )
    return rows.astype(np.int64)


def _expected(name: str, n: int) -> str:
    share = "a share in (0, 1), or " if name == "validation_split" else ""
    return f"expected {share}numbers of some of the {n} rows, each once, from 0 to {n - 1}"
