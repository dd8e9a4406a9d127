"""The columns of a table: what each holds, and its values as numbers or as words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_array

from fastnn.inputs.arrays import MISSING, column_names, is_arrow, is_missing

CATEGORICAL = ("category", "Categorical", "Enum", "dictionary")
"""How types begin by which pandas, polars and Arrow tell that values are categories."""
KINDS = {"U": "text", "S": "text", "T": "text", "M": "dates", "m": "durations"}
TIMES = {
    "date": "dates", "datetime": "dates", "Timestamp": "dates", "datetime64": "dates",
    "Period": "dates", "time": "dates", "timedelta": "durations", "Timedelta": "durations",
    "timedelta64": "durations",
}  # fmt: skip
INSTEAD = {
    "dates": "pass what of them counts as numbers, such as year, month and days since a start",
    "durations": "pass them as numbers, such as seconds",
    "complex numbers": "pass real and imaginary parts as columns",
    "numbers and text": "make them all text with astype(str), or all numbers",
}
FEW_ROWS = 20
UNLIKE_SHARE = 0.9
"""Texts of which so many are different, in so many rows, tell the rows apart."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    label : str
        What messages call it.
    holds : str
        "numbers", "flags", "text", "nothing", or what no network reads.
    declared : bool
        Whether its type says that these are categories.
    values : array (n,)
        Numbers and flags as float64, NaN where missing; text as objects, None where missing.
    """

    label: str
    holds: str
    declared: bool
    values: np.ndarray

    @property
    def is_words(self) -> bool:
        """Whether the values are text."""
        return self.holds == "text"

    @property
    def looks_categorical(self) -> bool:
        """Whether the column's type, or what it holds, tells that these are categories."""
        return self.declared or self.holds in ("text", "flags")

    @property
    def identifies(self) -> bool:
        """Whether nearly each row has a text of its own, which no other row can learn from."""
        known = [value for value in self.values if value is not None] if self.is_words else []
        return len(known) >= FEW_ROWS and len(set(known)) > UNLIKE_SHARE * len(known)

    def check(self) -> None:
        """TypeError for what can be neither a number nor a category."""
        if self.holds in ("numbers", "flags", "text", "nothing"):
            return
        advice = INSTEAD.get(self.holds)
        if self.holds == "complex numbers":
            raise ValueError(f"Complex data not supported: {self.label} of X; {advice}")
        if advice is None:
            raise TypeError(
                f"{self.label} of X holds {self.holds}; each argument must be a string or a "
                "number: leave the column out, or encode it before"
            )
        raise TypeError(
            f"{self.label} of X holds {self.holds}; expected either numbers or text: {advice}"
        )


def columns_of(X: Any, estimator: Any) -> list[Column]:
    """The columns of a frame, an array or a list of rows; scikit-learn's error for other things."""
    names = column_names(X)
    if names is None:
        # Of a list of rows NumPy would make text as soon as one entry is.
        dtype = None if hasattr(X, "dtype") else object
        array = check_array(
            X, dtype=dtype, ensure_all_finite=False, estimator=estimator, input_name="X"
        )
        return [_column(f"column {k}", values) for k, values in enumerate(array.T)]
    if not len(X) or not names:
        check_array(np.empty((len(X), len(names))), estimator=estimator, input_name="X")
    return [_series(f'column "{name}"', _column_of(X, k)) for k, name in enumerate(names)]


def _column_of(X: Any, k: int) -> Any:
    """A column of a frame of pandas or polars, or of an Arrow table."""
    if is_arrow(X):
        return X.column(k)
    return (X.iloc if hasattr(X, "iloc") else X)[:, k]


def _series(label: str, series: Any) -> Column:
    """A column of a frame."""
    kind = series.dtype if hasattr(series, "dtype") else series.type
    declared, values = str(kind).startswith(CATEGORICAL), series.to_numpy()
    if values.ndim != 1:
        return Column(label, f"values of type {kind}", declared, values)
    if declared and values.dtype == object:
        words = np.empty(len(values), dtype=object)
        words[:] = [_word(value) for value in values]
        values = words
    return _column(label, values, declared)


def _word(value: Any) -> Any:
    """A category as a number or as a text, such as "(0, 18]" of an interval."""
    plain = isinstance(value, str | Real | Decimal) or type(value).__name__ in MISSING
    return value if plain else str(value)


def _column(label: str, values: np.ndarray, declared: bool = False) -> Column:
    kind = values.dtype.kind
    if kind in "iufb":
        holds = "flags" if kind == "b" else "numbers"
        if kind == "f" and np.isnan(values).all():
            holds = "nothing"
        return Column(label, holds, declared, values.astype(np.float64))
    if kind == "c":
        return Column(label, "complex numbers", declared, values)
    if kind in KINDS:
        return Column(label, KINDS[kind], declared, values.astype(object))
    holds = held(values)
    if holds == "text":
        return Column(label, holds, declared, _filled(values, None, str))
    if holds in ("numbers", "flags", "nothing"):
        return Column(label, holds, declared, _filled(values, np.nan, float).astype(np.float64))
    return Column(label, holds, declared, values)


def held(values: np.ndarray) -> str:
    """What an array of objects holds."""
    types = {type(v) for v in values if not is_missing(v)}
    if not types:
        return "nothing"
    if all(issubclass(t, bool | np.bool_) for t in types):
        return "flags"
    if all(issubclass(t, Real | Decimal | np.bool_) for t in types):
        return "numbers"
    if all(issubclass(t, str | bytes) for t in types):
        return "text"
    if all(issubclass(t, str | bytes | Real | Decimal | np.bool_) for t in types):
        return "numbers and text"
    other = sorted(t.__name__ for t in types if not issubclass(t, str | bytes | Real | Decimal))
    return TIMES.get(other[0], f"values of type {other[0]}")


def _filled(values: np.ndarray, missing: Any, kind: Callable[[Any], Any]) -> np.ndarray:
    """Each value as `kind` makes it, with `missing` where there is none."""
    filled = np.empty(len(values), dtype=object)
    filled[:] = [missing if is_missing(v) else kind(v) for v in values]
    return filled
