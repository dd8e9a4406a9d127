"""Which rows an estimator learns from, and what it is scored on after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.validation import _check_sample_weight

from fastnn.estimators.inputs import check_y, read_features
from fastnn.estimators.recipe import solver_of
from fastnn.estimators.rows import rows_of
from fastnn.estimators.scoring import Scorer
from fastnn.inputs.arrays import as_array
from fastnn.inputs.reading import Data
from fastnn.inputs.rows import Part, Rows


def as_weights(weight: Any, name: str = "sample_weight") -> np.ndarray:
    """Weights (n,) of float64, the factors of the classes in them: none below 0."""
    found = np.ascontiguousarray(weight, np.float64)
    if found.min(initial=0) < 0:
        row = int(np.argmax(found < 0))
        raise ValueError(
            f"{name} is {found[row]:g} at row {row}, class_weight included; expected nothing below "
            "0: 0 leaves a row out"
        )
    return found


def read_weights(weight: Any, X: Any, name: str = "sample_weight") -> np.ndarray:
    """Weights (n,) as scikit-learn reads them; of a frame or a series NA is NaN."""
    if not np.isscalar(weight):
        weight = as_array(weight, name, "pass an array of one weight a row, such as weights[y]")
    return _check_sample_weight(weight, X)


TOO_SMALL = "The validation set is too small"
"""As scikit-learn says."""


def hold_out(
    e: Any, s: Any, table: Any, rows: Rows, y: Any, extra: dict[str, Any], incremental: bool
) -> tuple[Data, Scorer | None]:
    """The rows to learn from, and what scores the validation: rows given, or a part held out."""
    everything = np.arange(len(rows))
    if extra.get("X_val") is not None:
        part, score = _given(e, s, rows.X.dtype, y, extra)
        return Data(rows, everything, part), Scorer(part, score, e._link)
    if extra.get("y_val") is not None or extra.get("sample_weight_val") is not None:
        raise ValueError("got y_val or sample_weight_val, but no X_val; pass X_val and y_val")
    if not s.early_stopping or incremental or solver_of(s) == "lbfgs":
        return Data(rows, everything), None
    machine, before = e._machine, (e._machine.split, e._machine.drawn)
    learned, held = extra.get("split") or _split(e, s, y)
    if rows.sample_weight is not None:
        for use, some in (("to learn from", learned), ("to hold out", held)):
            if not rows.sample_weight[some].any():
                machine.split, machine.drawn = before
                raise ValueError(
                    f"sample_weight is 0 in all of the {len(some)} rows that early stopping leaves "
                    f"{use}; expected a weight above 0 among them; pass another "
                    "validation_fraction or random_state, or a validation set: fit(..., X_val=...)"
                )
    score, part = _own_score(e, s), Part(rows, held)
    if s.monitor is not None:
        score = _scorer(e, s, _safe_indexing(table, held), y[held], part.sample_weight)
    return Data(rows, learned, part), Scorer(part, score, e._link)


def _split(e: Any, s: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Training rows and held-out rows; for as many rows as before the same ones again."""
    machine, n = e._machine, y.shape[0]
    if machine.split is None or machine.split[0] != n:
        strata = e._strata(y)
        try:
            learned, held = train_test_split(
                np.arange(n),
                random_state=machine.random_state,
                test_size=s.validation_fraction,
                stratify=strata,
            )
        except ValueError as error:
            # Of classes of one row scikit-learn says which they are.
            alone = "least populated class" in str(error)
            raise too_few(s, n, strata, why=str(error) if alone else TOO_SMALL) from error
        if len(held) < 2:
            raise too_few(s, n, strata)
        machine.split = n, learned, held
    return machine.split[1], machine.split[2]


def too_few(
    s: Any, n: int, strata: Any = None, members: int = 1, why: str = TOO_SMALL
) -> ValueError:
    """What to say where no part of n rows can be held out, or none for each of the members."""
    setting, each = f"validation_fraction={s.validation_fraction:g}", ""
    if members > 1:
        setting, each = f"n_members={members}", " for each member"
    elif strata is not None:
        sizes = " and ".join(map(str, np.unique(strata, return_counts=True)[1]))
        each = f", of each class some in either part (its classes have {sizes})"
    return ValueError(
        f"{why}: early stopping with {setting} cannot hold out some of {n} "
        f"sample{'s' * (n != 1)}; expected two or more to hold out and one or more to learn "
        f"from{each}: pass more, another {setting.split('=')[0]}, or rows to validate on, "
        "fit(..., X_val=..., y_val=...)"
    )


def _given(
    e: Any, s: Any, dtype: np.dtype, learned: np.ndarray, extra: dict[str, Any]
) -> tuple[Part, Callable]:
    X, y, weight = extra["X_val"], extra.get("y_val"), extra.get("sample_weight_val")
    if y is None:
        raise ValueError("got X_val, but no y_val; pass both")
    check_y(y, not is_classifier(e), "y_val")
    table, X = X, read_features(e, X, dtype)
    y = e._known(e._read_y(y, X), s, True)
    check_consistent_length(X, y)
    if weight is not None:
        weight = as_weights(read_weights(weight, X, "sample_weight_val"), "sample_weight_val")
    if y.shape[1:] != learned.shape[1:]:
        raise ValueError(
            f"y_val has shape {y.shape} but y has {learned.shape}; expected as many targets a row"
        )
    targets, labels = e._targets(s, y, X.dtype, False)
    score = _own_score(e, s) if s.monitor is None else _scorer(e, s, table, y, weight)
    return Part(rows_of(X, targets, labels, weight)), score


def _own_score(e: Any, s: Any) -> Callable:
    """The estimator's own; a few rows tell more by their likelihoods than by right and wrong."""
    return e._preset_score if s.preset else e._plain_score


def _scorer(e: Any, s: Any, X: Any, y: Any, weight: Any) -> Callable:
    """A scorer of scikit-learn in the form that `Validation` calls: it predicts by itself."""
    scorer = check_scoring(e, s.monitor)
    more = {} if weight is None else {"sample_weight": weight}

    def score(_y: np.ndarray, _outputs: np.ndarray, _weight: np.ndarray | None) -> float:
        return float(scorer(e, X, y, **more))

    return score
