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
    expected = "expected a fraction between 0 and 1; 0.2 validates on every fifth row"
    if isinstance(fraction, bool) or not isinstance(fraction, Real):
        raise TypeError(f"validation_split is {fraction!r}; {expected}")
    if not 0 < fraction < 1:
        raise ValueError(f"validation_split is {fraction}; {expected}")
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


def as_row_numbers(given: Any, n: int) -> np.ndarray:
    """Row numbers (m,) of rows to hold out: whole, each once, in 0 .. n-1, and not all of them."""
    rows = np.asarray(given)
    expected = f"expected a share in (0, 1), or numbers of some of the {n} rows, each once"
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"validation_split holds {rows.dtype} of shape {rows.shape}; {expected}; of a mask, "
            "pass np.flatnonzero(mask)"
        )
    if rows.min() < 0 or rows.max() >= n or len(np.unique(rows)) < len(rows) or len(rows) == n:
        raise ValueError(
            f"validation_split holds {len(rows)} row numbers from {rows.min()} to {rows.max()}, "
            f"{len(np.unique(rows))} of them different; {expected}"
        )
    return rows.astype(np.int64)
