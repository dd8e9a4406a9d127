"""Class labels: those a classifier knows, and the targets that its network reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_expit, log_softmax, logsumexp
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import type_of_target, unique_labels

from fastnn.estimators.warning import warn


def one_column(y: Any) -> Any:
    """y, as a vector where it is a single column, with scikit-learn's warning."""
    if y.ndim != 2 or y.shape[1] != 1:
        return y
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y "
        "to (n_samples,), for example using ravel().",
        DataConversionWarning,
    )
    return column_or_1d(y)


def plain_classes(y: Any) -> np.ndarray | None:
    """The classes of whole numbers (n,) of which scikit-learn would say nothing else."""
    if (
        type(y) is not np.ndarray
        or y.ndim != 1
        or y.dtype.kind not in "biu"
        or not y.dtype.isnative
    ):
        return None
    classes = np.unique(y)
    # Where there are many, it doubts that they are classes.
    return classes if 2 * len(classes) <= len(y) else None


def binarizer_of(y: Any) -> LabelBinarizer:
    """A LabelBinarizer, fitted."""
    binarizer, classes = LabelBinarizer(), plain_classes(y)
    if classes is None:
        if type_of_target(y).startswith("continuous"):
            first = np.ravel(y)[np.ravel(y) % 1 != 0][0]
            raise ValueError(
                f"Unknown label type: y holds {first:.6g}, a fraction; expected classes: use "
                "MLPRegressor for numbers, or make classes of them, for example with numpy.digitize"
            )
        return binarizer.fit(y)
    binarizer.classes_, binarizer.sparse_input_ = classes, False
    binarizer.y_type_ = "multiclass" if len(classes) > 2 else "binary"
    return binarizer


def known_labels(e: Any, y: Any, warm_start: bool, incremental: bool) -> np.ndarray:
    """y, of classes that the classifier knows, or comes to know."""
    y = one_column(y)
    if not hasattr(e, "classes_") or (not warm_start and not incremental):
        e._label_binarizer = binarizer_of(y)
        e.classes_ = e._label_binarizer.classes_
        return y
    classes = plain_classes(y)
    if classes is None:
        classes = unique_labels(y)
    if np.array_equal(classes, e.classes_):
        return y
    if warm_start and set(classes) != set(e.classes_):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {e.classes_}, `y` has {classes}"
        )
    if len(np.setdiff1d(classes, e.classes_, assume_unique=True)):
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {e.classes_}. 'y' has "
            f"{classes}."
        )
    return y


def target_rows(
    binarizer: LabelBinarizer, s: Any, y: Any, dtype: np.dtype
) -> tuple[np.ndarray, bool]:
    """Class numbers (n,) for a softmax with log loss, else 0 and 1 (n, K), smoothed."""
    classes, kind = binarizer.classes_, binarizer.y_type_
    if kind == "multiclass":
        labels = np.searchsorted(classes, y).astype(np.int64)
        if s.loss == "squared_error" or (not isinstance(s.loss, str) and s.loss.fused is None):
            return np.eye(len(classes), dtype=dtype)[labels], False
        return labels, True
    if kind == "binary":
        rows = (y == classes[-1])[:, None] * (len(classes) > 1)
    else:
        rows = binarizer.transform(y)
    # Spread over both answers, as over all classes elsewhere.
    smoothing = s.label_smoothing if s.loss == "log_loss" else 0.0
    rows = rows * (1 - smoothing) + smoothing / 2
    return np.ascontiguousarray(rows, dtype), False


def weight_of_rows(class_weight: Any, classes: np.ndarray, y: Any) -> np.ndarray:
    """Weight (n,) of each row by its class, or by its labels; all classes need not be in y."""
    if isinstance(class_weight, dict) and y.ndim == 1:
        by_class = compute_class_weight(class_weight, classes=classes, y=y)
        return np.asarray(by_class[np.searchsorted(classes, y)])
    if isinstance(class_weight, list) and y.ndim == 2 and len(class_weight) == y.shape[1]:
        rows = y.toarray() if hasattr(y, "tocsr") else y
        pairs = zip(class_weight, rows.T, strict=True)
        return np.prod([weight_of_rows(w, np.array([0, 1]), label) for w, label in pairs], axis=0)
    return np.asarray(compute_sample_weight(class_weight, y))


def both(p: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities of both classes, where the network gives that of one; of a single class 1."""
    if n_classes == 1:
        return np.ones_like(p)
    if p.shape[-1] == 1:
        return np.concatenate([1 - p, p], axis=-1)
    return p


def log_odds(logits: np.ndarray, activation: str) -> np.ndarray:
    """log(p / (1 - p)), (n, K), of the mean p over networks' logits (networks, n, K)."""
    z = logits.astype(np.float64)
    if activation == "softmax":
        right, wrong = log_softmax(z, axis=-1), _log_rest(z)
    else:
        right, wrong = log_expit(z), log_expit(-z)
    # The means' common divisor drops out.
    odds: np.ndarray = logsumexp(right, axis=0) - logsumexp(wrong, axis=0)
    return odds


def _log_rest(z: np.ndarray) -> np.ndarray:
    """log(1 - p) of each class, p the softmax of z along the last axis."""
    total = logsumexp(z, axis=-1, keepdims=True)
    best = z.argmax(axis=-1)[..., None]
    rest = np.log1p(-np.minimum(np.exp(z - total), 0.5))
    # Of the likeliest class 1 - p may be less than what rounding leaves of p.
    others = z.copy()
    np.put_along_axis(others, best, -np.inf, axis=-1)
    of_best = logsumexp(others, axis=-1, keepdims=True) - total
    np.put_along_axis(rest, best, of_best, axis=-1)
    return rest
