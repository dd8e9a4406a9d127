"""From the user's tables to the numbers that the network reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from fastnn.estimators.tables import TableEncoder

TYPES = (np.float64, np.float32)
SPARSE = ["csr", "csc"]


def read_training(estimator: Any, X: Any, y: Any, s: Any, first: bool) -> tuple[Any, Any]:
    """X and y of a fit, checked; where it is the first, what the estimator knows of X is set."""
    numeric = not is_classifier(estimator)
    if first:
        estimator.__dict__.pop("_inputs", None)
    if s.preset is None:
        return validate_data(
            estimator, X, y, accept_sparse=SPARSE, multi_output=True, y_numeric=numeric,
            dtype=TYPES, reset=first,
        )  # fmt: skip
    _refuse_sparse(X)
    if first:
        estimator._inputs = TableEncoder(s.categorical_features)
    validate_data(estimator, X, reset=first, skip_check_array=True)
    encoder = estimator._inputs
    X = encoder.fit_transform(X, estimator) if first else encoder.transform(X, estimator)
    y = check_array(y, ensure_2d=False, dtype="numeric" if numeric else None, estimator=estimator)
    check_consistent_length(X, y)
    return X, y


def read_features(estimator: Any, X: Any, dtype: Any = TYPES) -> Any:
    """X to predict for, or to validate on, checked against what was seen in `fit`."""
    encoder = getattr(estimator, "_inputs", None)
    if encoder is None:
        return validate_data(estimator, X, accept_sparse=SPARSE, dtype=dtype, reset=False)
    _refuse_sparse(X)
    validate_data(estimator, X, reset=False, skip_check_array=True)
    return encoder.transform(X, estimator)


def _refuse_sparse(X: Any) -> None:
    if hasattr(X, "tocsr"):
        raise TypeError(
            'X is sparse; preset="tabular" centres each feature, which would fill it: pass X as '
            "a dense array, or leave the preset out"
        )
