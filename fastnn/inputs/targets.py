"""The door: every error in the user's data is raised here, before any work."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastnn.inputs.arrays import (
    Array,
    Number,
    are_below,
    as_array,
    check_finite,
    is_missing,
    missing,
    place,
)  # fmt: skip
from fastnn.inputs.arrays import as_features as as_features
from fastnn.inputs.arrays import gather_kind as gather_kind

RENUMBER = "classes, y = np.unique(y, return_inverse=True)"


class Targets(NamedTuple):
    """What the engine reads: int64 labels (n,), or rows (n, T) of the model's type."""

    array: Array
    labels: bool


def as_targets(
    y: object,
    loss_kind: str,
    n_outputs: int,
    n_rows: int,
    dtype: Number,
    name: str = "y",
    *,
    n_targets: int | None = None,
) -> Targets:
    """The targets in the form that a loss reads, or an error that says what to do.

    Parameters
    ----------
    y : array, list, pandas or polars series or frame
        Never changed; shared when its type and layout are right already.
    loss_kind : {"classes", "binary", "real", "counts"}
        Labels (n,) or class probabilities (n, outputs); values in [0, 1]; real numbers;
        real numbers that are not negative.
    n_outputs, n_rows : int
        Columns of the model's output and rows of X.
    dtype : dtype
        The model's type.
    name : str
        What the messages call it.
    n_targets : int, optional
        Targets per row where they are not `n_outputs`, as for several quantiles of each.

    Examples
    --------
    >>> as_targets([2, 0], "classes", 3, 2, np.float32)
    Targets(array=array([2, 0]), labels=True)
    """
    array = _target_rows(y, n_rows, name)
    check_finite(array, name, dtype)
    if loss_kind == "classes":
        return _classes(array, n_outputs, dtype, name)
    array = _target_columns(array, loss_kind, n_targets or n_outputs, name)
    if loss_kind == "binary":
        _check_unit(array, name)
    if loss_kind == "counts":
        _check_not_negative(array, name, "counts", 'for real targets use the loss "mse"')
    return Targets(_own(array, dtype), False)


def check_known(values: Array, name: str = "y") -> None:
    """Refuse targets, of objects or of dates, of which some are missing; of numbers NaN is left."""
    kind = values.dtype.kind
    if kind not in "OMm":
        return
    flat = values.ravel()
    lost = np.flatnonzero([is_missing(v) for v in flat] if kind == "O" else np.isnat(flat))
    if len(lost):
        raise ValueError(
            f"{name} holds {flat[lost[0]]} at {place(np.unravel_index(lost[0], values.shape))}; "
            f"expected a target everywhere; {missing('y', '')}"
        )


def _own(array: Array, dtype: Number) -> Array:
    """As the engine reads it; the same memory if nothing has to change."""
    if array.dtype == dtype and array.flags.carray:
        return array
    # Writable, since compiled code takes a read-only array for another type.
    return np.require(array, dtype, ["C", "A", "W"])


def _target_rows(y: object, n_rows: int, name: str) -> Array:
    array = as_array(y, name, advice=f"for class labels use {RENUMBER}")
    if array.ndim == 0 or array.ndim > 2:
        raise ValueError(
            f"{name} has shape {array.shape}; expected ({n_rows},) or ({n_rows}, targets); "
            "pass one target row per sample"
        )
    if len(array) != n_rows:
        hint = f", here {name}.ravel()" if array.shape == (1, n_rows) else ""
        beside = name.removesuffix("y") + "X"
        raise ValueError(
            f"{name} has {len(array)} rows but {beside} has {n_rows}; pass one target row per "
            f"sample{hint}"
        )
    return array


def _classes(y: Array, n_classes: int, dtype: Number, name: str) -> Targets:
    if n_classes == 1:
        raise ValueError(
            "cross_entropy with 1 output: the softmax of one number is always 1; expected at "
            "least 2; for two classes end with Dense(1), Sigmoid() and use the loss "
            '"binary_cross_entropy", or end with Dense(2), Softmax()'
        )
    if y.ndim == 1 or y.shape[1] == 1:
        # The same array each time: who has checked it need not look again.
        return Targets(_labels(y if y.ndim == 1 else y.reshape(-1), n_classes, name), True)
    return Targets(_distributions(y, n_classes, dtype, name), False)


def _labels(y: Array, n_classes: int, name: str) -> Array:
    if y.dtype.kind == "f" and not np.array_equal(y, np.rint(y)):
        row = int(np.argmax(y != np.rint(y)))
        raise ValueError(
            f"{name} holds {y[row]:g} at row {row}; cross_entropy expects whole-number class "
            'labels; for real targets use the loss "mse"'
        )
    if y.dtype == np.int64 and are_below(y, n_classes):
        return _own(y, np.int64)
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= n_classes:
        row = int(np.argmax((y < 0) | (y >= n_classes)))
        if low == 1 and high == n_classes:
            fix = f"labels here run from 1 to {high}: pass {name} - 1, or {RENUMBER}"
        elif low < 0 or high >= 10 * len(np.unique(y)):
            fix = f"renumber the classes from 0 with {RENUMBER}"
        else:
            fix = f"end the model with Dense({high + 1})"
            if len(np.unique(y)) <= n_classes:
                fix += f", or renumber the classes from 0 with {RENUMBER}"
        raise ValueError(
            f"{name} holds the label {int(y[row])} at row {row}; expected 0 to "
            f"{n_classes - 1} for {n_classes} outputs; {fix}"
        )
    return _own(y, np.int64)


def _distributions(y: Array, n_classes: int, dtype: Number, name: str) -> Array:
    if y.shape[1] != n_classes:
        raise ValueError(
            f"{name} has {y.shape[1]} columns but the model has {n_classes} outputs; expected "
            f"one column per class, or integer labels (n,); end with Dense({y.shape[1]})"
        )
    _check_not_negative(y, name, "class probabilities", "pass one-hot or soft targets")
    sums = y.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1) > 1e-3
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{name} sums to {sums[row]:g} in row {row}; expected class probabilities that sum "
            "to 1; divide each row by its sum, or for independent labels end with Sigmoid() "
            'and use the loss "binary_cross_entropy"'
        )
    return _own(y, dtype)


def _target_columns(y: Array, loss_kind: str, n_columns: int, name: str) -> Array:
    """y as (n, n_columns)."""
    if y.ndim == 1 and n_columns == 1:
        return y[:, None]
    if y.ndim == 2 and y.shape[1] == n_columns:
        return y
    fix = f"end the model with Dense({1 if y.ndim == 1 else y.shape[1]})"
    if loss_kind == "binary" and y.ndim == 1:
        fix += ', or for labels of which one is right use Softmax and "cross_entropy"'
    elif y.ndim == 1:
        fix += ', or for class labels use Softmax and "cross_entropy"'
    raise ValueError(
        f"{name} has shape {y.shape}; expected ({len(y)}, {n_columns}) to match the model's "
        f"{n_columns} target{'s' * (n_columns != 1)}; {fix}"
    )


def _check_unit(y: Array, name: str) -> None:
    bad = (y < 0) | (y > 1)
    if not bad.any():
        return
    at = np.unravel_index(int(np.argmax(bad)), bad.shape)
    distinct = np.unique(y)
    if len(distinct) == 2:
        fix = f"for two classes pass {name} == {distinct[1]:g}, or {RENUMBER}"
    else:
        fix = 'for more classes use Softmax and "cross_entropy", for real targets "mse"'
    raise ValueError(
        f"{name} holds {y[at]:g} at {place(at)}; binary_cross_entropy expects values from 0 "
        f"to 1; {fix}"
    )


def _check_not_negative(array: Array, name: str, expected: str, fix: str) -> None:
    bad = array < 0
    if bad.any():
        at = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise ValueError(
            f"{name} holds {array[at]:g} at {place(at)}; expected {expected}, so nothing below 0; "
            f"{fix}"
        )


def as_sample_weight(
    w: object, n_rows: int, dtype: Number, name: str = "sample_weight"
) -> Array | None:
    """One weight per row as (n,) of `dtype`: finite, not negative, not all zero; None as it is.

    Examples
    --------
    >>> as_sample_weight([1, 2], 2, np.float64)
    array([1., 2.])
    """
    if w is None:
        return None
    array = as_array(w, name, advice="pass an array of one weight a row, such as weights[y]")
    if array.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(
            f"{name} has shape {array.shape} but {name.removesuffix('sample_weight')}X has "
            f"{n_rows} rows; expected ({n_rows},); pass one weight per sample"
        )
    array = array.reshape(-1)
    check_finite(array, name, dtype)
    _check_not_negative(array, name, "weights", "use 0 to leave a row out")
    if not array.any():
        raise ValueError(f"{name} is 0 in every row; expected a weight above 0; leave it out")
    return _own(array, dtype)
