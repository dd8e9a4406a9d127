"""What the user passes becomes a numpy array: shared where it can be, then checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from numbers import Real
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Number = np.dtype[Any] | type
"""A number type."""

BLOCK_BYTES = 4 << 20
FEW = 10_000
"""Numbers that are compared sooner than NumPy is told not to warn of a sum."""
MISSING = ("NoneType", "NAType", "NaTType")
"""Types of what stands where nothing is known, besides NaN."""
GATHERED = {np.dtype(kind): kind for kind in ("float32", "float64", "uint8")}
ENCODE = "encode text and dates as numbers, or leave such columns out"


def as_array(value: object, name: str, advice: str = ENCODE) -> Array:
    """`value` as a numeric ndarray, an ndarray's memory always shared; or an error.

    Parameters
    ----------
    value : array, frame, series, list or scalar
    name : str
        What the messages call it.
    advice : str
        What to do when it holds something other than numbers.
    """
    if type(value) is np.ndarray:
        _check_numeric(value, name, advice)
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        at = tuple(np.argwhere(np.ma.getmaskarray(value))[0])
        fill = f"fill it in, for example {name}.filled({name}.mean())"
        raise ValueError(
            f"{name} is a masked array with a masked entry at {place(at)}; expected a number "
            f"everywhere; {missing(name, fill)}"
        )
    if hasattr(value, "nnz") and hasattr(value, "toarray"):
        raise TypeError(
            f"{name} is a sparse matrix ({type(value).__name__}); expected a dense array; "
            f"densify it with {name}.toarray()"
        )
    if hasattr(value, "to_numpy"):
        array = _from_frame(value, name, advice)
    else:
        try:
            array = np.asarray(value)
        except ValueError:
            raise ValueError(
                f"{name} is a list whose rows have different lengths; expected rows of equal "
                "length; pad or cut them"
            ) from None
    _check_numeric(array, name, advice)
    return array


def _from_frame(frame: Any, name: str, advice: str) -> Array:
    """A pandas or polars frame or series as an array, missing values as NaN."""
    names = column_names(frame)
    if names is None:
        return _numbers(frame.to_numpy())
    if not names:
        return np.empty((len(frame), 0))
    # By position: names may repeat.  Reading column by column never makes the table of
    # Python objects that a frame with one text column would become as a whole.
    pick = frame.iloc if hasattr(frame, "iloc") else frame
    columns = [_numbers(pick[:, j].to_numpy()) for j in range(len(names))]
    for label, column in zip(names, columns, strict=True):
        if column.dtype.kind not in "biuf":
            raise TypeError(
                f'{name} has the column "{label}" of dtype {column.dtype}; '
                f"expected numbers; {advice}"
            )
    if all(column.dtype == columns[0].dtype for column in columns):
        whole: Array = frame.to_numpy()
        if whole.dtype == columns[0].dtype:
            return whole
    return np.column_stack(columns)


def column_names(frame: Any) -> list[object] | None:
    """The column names of a frame; None for anything else."""
    # The columns of an Arrow table are its data.
    columns = frame.column_names if is_arrow(frame) else getattr(frame, "columns", None)
    return None if columns is None else list(columns)


def is_arrow(frame: Any) -> bool:
    """Whether it is a table of Arrow's; a column of pandas's may be called as its list of names."""
    return isinstance(getattr(frame, "column_names", None), list)


def _numbers(column: Array) -> Array:
    """A column of objects that are numbers or missing, as floats; any other as it is."""
    if column.dtype != object or column.ndim != 1:
        return column
    filled = [np.nan if is_missing(v) else v for v in column]
    numeric = all(isinstance(v, (Real, Decimal, np.bool_)) for v in filled)
    return np.array(filled, dtype=float) if numeric else column


def is_missing(value: Any) -> bool:
    """Whether it is NaN, None, NA or NaT."""
    if isinstance(value, float | np.floating):
        return bool(value != value)
    return type(value).__name__ in MISSING


def _check_numeric(array: Array, name: str, advice: str) -> None:
    if array.dtype.kind in "biuf":
        return
    what = f"{name} has dtype {array.dtype}"
    if array.dtype == object and array.ndim == 0:
        what = f"{name} is {array.item()!r:.60} of type {type(array.item()).__name__}"
        advice = "pass an array, a list of rows, or a pandas or polars frame"
    elif array.dtype == object:
        for at, v in np.ndenumerate(array):
            if not isinstance(v, (Real, np.bool_)):
                what += f" and holds {v!r:.60} at {place(at)}"
                break
        else:
            advice = f"all entries are numbers, so convert them with {name}.astype(float)"
    elif array.dtype.kind == "c":
        advice = "pass the real and imaginary parts as separate columns"
    raise TypeError(f"{what}; expected real numbers; {advice}")


def place(at: Sequence[Any], names: Sequence[object] | None = None) -> str:
    """Where an entry is, in words: ``row 3, column 1 ("age")``."""
    if len(at) == 1:
        return f"row {at[0]}"
    if len(at) == 2:
        label = f' ("{names[at[1]]}")' if names else ""
        return f"row {at[0]}, column {at[1]}{label}"
    return f"index {tuple(int(i) for i in at)}"


def check_finite(
    array: Array, name: str, dtype: Number | None = None, names: Sequence[object] | None = None,
    squares: bool = False,
) -> None:  # fmt: skip
    """Raise if there is a NaN, an infinity, or a value that `dtype` cannot hold.

    With `squares`, also if it cannot hold the value's square. It goes block by block, so that a
    memory-mapped file never is in memory as a whole.
    """
    if array.dtype.kind != "f":
        return
    largest = _largest(array.dtype, dtype, squares)
    if array.size <= FEW and _surely_fine(array, largest):
        return
    row_bytes = max(1, array.itemsize * math.prod(array.shape[1:]))
    rows = max(1, BLOCK_BYTES // row_bytes)
    for start in range(0, len(array), rows):
        block = array[start : start + rows]
        if _surely_fine(block, largest):
            continue
        with np.errstate(invalid="ignore"):
            bad = ~(np.abs(block) <= largest)
        if bad.any():
            at = np.unravel_index(int(np.argmax(bad)), bad.shape)
            where = place([start + int(at[0]), *map(int, at[1:])], names)
            raise ValueError(_not_finite(name, block[at], where, dtype, squares))


@cache
def _largest(own: np.dtype[Any], wanted: Number | None, squares: bool) -> Any:
    """The largest number that is allowed: both types can hold it, and one its square, too."""
    most = np.finfo(own).max
    if wanted is not None and np.finfo(wanted).max < most:
        # In the array's own type, where the comparison loses nothing.
        most = own.type(np.finfo(wanted).max)
    root = _root_of_largest(wanted) if squares else math.inf
    return own.type(root) if root < float(most) else most


def are_below(numbers: Array, n: int) -> bool:
    """Whether numbers, of int64, lie in 0 .. n-1."""
    # Those below 0 are large without their sign. Of few numbers, `argmax` takes a fifth of `max`.
    whole = numbers.view(np.uint64)
    return not whole.size or bool(whole.item(whole.argmax()) < n)


def surely_finite(array: Array) -> bool:
    """Whether an array of floating-point numbers holds no NaN and no infinity.

    One quick pass; a False may be a false alarm.
    """
    return bool(_surely_fine(array, np.finfo(array.dtype).max))


def _root_of_largest(dtype: Number | None) -> float:
    return float(np.sqrt(np.finfo(dtype).max.astype(np.float64)))


def _surely_fine(block: Array, largest: Any) -> bool:
    """One quick pass; a False may be a false alarm, such as a sum that overflows."""
    if block.size <= FEW:
        # Where a NaN is, there is the maximum.
        sizes = np.abs(block)
        return bool(sizes.item(sizes.argmax()) <= largest)
    with np.errstate(over="ignore", invalid="ignore"):
        if largest < np.finfo(block.dtype).max:
            return bool(block.max() <= largest and block.min() >= -largest)
        wide = np.float32 if block.dtype.itemsize == 2 else None
        return bool(np.isfinite(block.sum(dtype=wide)))


def missing(name: str, of_features: str) -> str:
    """What to do where a number is missing: no mean stands for a target or a weight."""
    if name.endswith("sample_weight"):
        return "give such rows a weight; 0 leaves a row out"
    if name.endswith("y"):
        return "leave such rows out, of X and of y: there is nothing to learn from them"
    return of_features


def _not_finite(name: str, value: Any, where: str, dtype: Number | None, squares: bool) -> str:
    if np.isnan(value):
        fix = missing(
            name, "leave such rows out or fill them in, for example with the column's mean"
        )
        return f"{name} holds NaN at {where}; expected finite numbers; {fix}"
    if np.isinf(value):
        fix = "leave such rows out or clip them"
        return f"{name} holds {float(value)} at {where}; expected finite numbers; {fix}"
    kind = np.dtype(dtype)
    most = float(np.finfo(kind).max)
    if squares and abs(value) <= most:
        return (
            f"{name} holds {value:.4g} at {where}; expected no more than "
            f"{_root_of_largest(kind):.4g}, whose square a {kind} can hold: gradients would "
            "overflow, and nothing would be learned; rescale such columns, or begin the model with "
            "Standardize()"
        )
    return (
        f"{name} holds {value:.4g} at {where}; expected no more than {most:.4g}, the largest "
        f"{kind}; rescale such columns, or use a model of a wider dtype"
    )


def as_features(
    X: object, n_features: int | None = None, name: str = "X", dtype: Number | None = None,
    squares: bool = False,
) -> Array:  # fmt: skip
    """The rows of `X` as a 2-D array (n, features), or an error that says what to do.

    An ndarray is never copied, converted or changed: the result shares its memory.

    Parameters
    ----------
    X : array, memmap, list of rows, pandas or polars frame
        Any float, integer or bool type, any strides and byte order; read-only is fine.
    n_features : int, optional
        The number of columns that the model was built for.
    name : str
        What the messages call it.
    dtype : dtype, optional
        The model's type: numbers beyond its range are errors too.
    squares : bool, default False
        Whether numbers whose squares are beyond it are errors as well.

    Examples
    --------
    >>> as_features([[0, 1], [2, 3]]).shape
    (2, 2)
    """
    array = as_array(X, name)
    names = None if array is X else column_names(X)
    if array.ndim == 0:
        raise ValueError(f"{name} is a single number; expected rows of features; pass [[...]]")
    if array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}, so it is empty; expected at least one row and "
            "one column; check the selection that made it"
        )
    if array.ndim == 1:
        raise ValueError(
            f"{name} is 1-D with shape {array.shape}; expected (rows, features); use "
            f"{name}.reshape(-1, 1) for one feature or {name}.reshape(1, -1) for one row"
        )
    if array.ndim > 2:
        raise ValueError(
            f"{name} has shape {array.shape}; expected (rows, features); "
            f"flatten each row with {name}.reshape(len({name}), -1)"
        )
    if n_features is not None and array.shape[1] != n_features:
        raise ValueError(
            f"{name} has {array.shape[1]} columns but the model was built for {n_features} "
            "features; pass the same columns as in training"
        )
    check_finite(array, name, dtype, names, squares)
    return array


def gather_kind(X: Array) -> str | None:
    """The type under which compiled code can read `X` in place; None if Python must cast rows.

    Examples
    --------
    >>> gather_kind(np.zeros((3, 2), np.uint8)), gather_kind(np.zeros((3, 2), ">f4"))
    ('uint8', None)
    """
    kind = GATHERED.get(X.dtype)
    size = X.itemsize
    apart = X.flags.aligned and all(stride % size == 0 for stride in X.strides)
    return kind if apart else None
