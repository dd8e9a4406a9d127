"""From the user's tables to the numbers that the network reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from fastnn.estimators.columns import INSTEAD, KINDS, columns_of, held
from fastnn.estimators.tables import TableEncoder
from fastnn.inputs.arrays import column_names, is_arrow, place, surely_finite
from fastnn.inputs.targets import check_known

TYPES = (np.float64, np.float32)
SPARSE = ["csr", "csc"]
MIXED = ("numbers", "flags", "numbers and text")
"""What scikit-learn takes for no classes, where it comes as objects."""
OF_TIMES = ("date", "time", "duration", "period")
"""How types of dates and durations begin, which scikit-learn takes for numbers."""


@contextmanager
def unchanged_by_errors(e: Any) -> Iterator[None]:
    """Give the estimator back the attributes that it had, where something is refused."""
    before = vars(e).copy()
    try:
        yield
    except BaseException:
        vars(e).clear()
        vars(e).update(before)
        raise


def read_training(estimator: Any, X: Any, y: Any, s: Any, first: bool) -> tuple[Any, Any]:
    """X and y of a fit, checked; where it is the first, what the estimator knows of X is set."""
    numeric = not is_classifier(estimator)
    check_y(y, numeric)
    if first:
        estimator.__dict__.pop("_inputs", None)
    if s.preset is None:
        if s.categorical_features is not None:
            raise ValueError(
                "categorical_features is given, but preset is None: pass "
                'preset="tabular", which makes columns of categories, or put a OneHotEncoder before'
            )
        if _is_plain(X, y) and not hasattr(estimator, "feature_names_in_"):
            if first:
                estimator.n_features_in_ = X.shape[1]
            if estimator.n_features_in_ == X.shape[1]:
                return X, y
        return _checked(
            estimator, X, y, multi_output=True, y_numeric=numeric, dtype=TYPES, reset=first
        )
    if first:
        estimator._inputs = TableEncoder(s.categorical_features)
    # `normalize` changes numbers once more, before an encoding, whose knots then are not theirs.
    X = _encoded(estimator, X, y, first, np.inf if s.normalize else s.encoded_from)
    y = check_array(y, ensure_2d=False, dtype="numeric" if numeric else None, estimator=estimator)
    check_consistent_length(X, y)
    return X, y


def _is_plain(X: Any, y: Any) -> bool:
    """Whether scikit-learn's checks, which take long, would hand on X and y as they are."""
    return (
        type(X) is type(y) is np.ndarray
        and X.dtype in TYPES
        and X.ndim == 2
        and X.size > 0
        and y.shape == X.shape[:1]
        and y.dtype.kind in "biuf"
        and surely_finite(X)
        and (y.dtype.kind != "f" or surely_finite(y))
    )


def read_features(estimator: Any, X: Any, dtype: Any = TYPES) -> Any:
    """X to predict for, or to validate on, checked against what was seen in `fit`."""
    if hasattr(estimator, "_inputs"):
        return _encoded(estimator, X, "no_validation", False)
    return _checked(estimator, X, dtype=dtype, reset=False)


def check_y(y: Any, numeric: bool, name: str = "y") -> None:
    """Refuse targets of which some are missing, or that are no targets; of numbers NaN is left."""
    if y is None or hasattr(y, "tocsr") or (type(y) is np.ndarray and y.dtype.kind in "biuf"):
        return
    try:
        values = np.asarray(y)
    except ValueError:
        # Rows of different lengths, of which scikit-learn tells.
        return
    check_known(values, name)
    kind = values.dtype.kind
    holds = held(values.ravel()) if kind == "O" else KINDS.get(kind, "numbers")
    if numeric and holds in INSTEAD:
        raise TypeError(f"{name} holds {holds}; expected numbers: {INSTEAD[holds]}")
    if not numeric and kind == "O" and holds in MIXED:
        raise ValueError(
            f"Unknown label type: {name} holds {holds}, as objects; expected an array of numbers, "
            f"or of text: convert it, for example with {name}.astype(int) or {name}.astype(str)"
        )


def _checked(estimator: Any, X: Any, *y: Any, **parameters: Any) -> Any:
    """What scikit-learn makes of X and y; a column that is none of numbers is named."""
    if any(str(dtype).lower().startswith(OF_TIMES) for dtype in _dtypes(X)):
        for column in columns_of(X, None):
            column.check()
    try:
        return validate_data(estimator, X, *y, accept_sparse=SPARSE, **parameters)
    except (TypeError, ValueError) as error:
        of_values = "convert string to float" in str(error) or "NAType" in str(error)
        words = _no_numbers(X) if of_values else None
        if words is None:
            raise
        raise ValueError(words) from error


def _dtypes(X: Any) -> list[Any]:
    """Those of the columns of a frame, or of an array."""
    if column_names(X) is None:
        return [getattr(X, "dtype", "")]
    return list(X.schema.types if is_arrow(X) else getattr(X, "dtypes", ()))


def _no_numbers(X: Any) -> str | None:
    """What to say of the first column that holds text or gaps."""
    for column in columns_of(X, None):
        if column.is_words:
            return (
                f'{column.label} of X holds text; expected numbers: pass preset="tabular", which '
                "makes columns of categories, or put a OneHotEncoder before"
            )
        if np.isnan(column.values).any():
            at = place([int(np.argmax(np.isnan(column.values)))])
            return (
                f"{column.label} of X has a missing value at {at}; expected numbers: pass "
                'preset="tabular", which tells gaps by columns of their own, or put a '
                "SimpleImputer before"
            )
    return None


def _encoded(
    estimator: Any, X: Any, y: Any, first: bool, encoded_from: float = np.inf
) -> np.ndarray:
    """A table as the preset reads it."""
    _refuse_sparse(X)
    names = [name for name in column_names(X) or () if isinstance(name, str | int)]
    if len(set(names)) < len(names):
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise ValueError(
            f"X has several columns of the name {twice!r}; expected a name for each: rename them"
        )
    if not hasattr(X, "columns"):
        # Of rows there must be a table before its columns can be counted.
        check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")
    validate_data(estimator, X, y, reset=first, skip_check_array=True)
    encoder = estimator._inputs
    if first:
        found: np.ndarray = encoder.fit_transform(X, estimator, encoded_from)
        return found
    return encoder.transform(X, estimator)


def _refuse_sparse(X: Any) -> None:
    if hasattr(X, "tocsr"):
        raise TypeError(
            'X is sparse; preset="tabular" centres each feature, which would fill it: pass X as '
            "a dense array, or leave the preset out"
        )
