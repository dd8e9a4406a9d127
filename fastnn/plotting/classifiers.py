"""What a classifier answers, whatever kind it is of: class probabilities, and classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.layers import Sigmoid
from fastnn.model.sequential import Sequential

EXPECTED = (
    "expected class probabilities (n, K), the probability of the second class (n,), or labels"
)


def class_labels(y: Any, n: int) -> np.ndarray:
    """Labels (n,) from labels (n,) or (n, 1) of any type, or from one-hot rows (n, K)."""
    labels = np.asarray(y)
    if len(labels.shape) == 2 and labels.shape[1] > 1:
        labels = labels.argmax(axis=1)
    if labels.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"y has shape {labels.shape} but X has {n} rows; pass one label per row of X"
        )
    labels = labels.reshape(-1)
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        raise ValueError(f"y holds {labels[labels != np.rint(labels)][0]:g}; expected class labels")
    return labels


def answers(classifier: Any, points: Any, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, K) at the points, and the K classes; `labels` are those of known rows.

    One-hot where the classifier only names a class.
    """
    classes = None
    if isinstance(classifier, Sequential):
        given = classifier.predict(points)
        if isinstance(classifier.layers[-1], Sigmoid) and given.shape[1] > 1:
            raise ValueError(
                f"the model ends with {given.shape[1]} sigmoid units, each a class of its own; "
                "expected one class for each point: Softmax(), or Dense(1) and Sigmoid()"
            )
    elif hasattr(classifier, "predict_proba"):
        given, classes = classifier.predict_proba(points), getattr(classifier, "classes_", None)
    elif hasattr(classifier, "predict"):
        given, classes = classifier.predict(points), getattr(classifier, "classes_", None)
    elif callable(classifier):
        given = classifier(points)
    else:
        raise TypeError(
            f"got {classifier!r:.60}; expected a Sequential, an estimator with predict_proba or "
            "predict, or a function of an array (n, 2)"
        )
    array = np.asarray(given)
    if array.shape[:1] != (len(points),) or array.ndim > 2:
        raise ValueError(
            f"the classifier answered {len(points)} points with shape {array.shape}; {EXPECTED}"
        )
    return _as_probabilities(array, None if classes is None else np.asarray(classes), labels)


def _as_probabilities(
    given: np.ndarray, classes: np.ndarray | None, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 1:
        if given.dtype.kind != "f" or np.isin(given, labels).all():
            return _one_hot(given, classes, labels)
        given = np.column_stack([1 - given, given])
    _check_probabilities(given)
    if classes is None:
        classes = _classes_of(given.shape[1], labels)
    return given, classes


def _one_hot(
    named: np.ndarray, classes: np.ndarray | None, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if classes is None:
        classes = np.union1d(named, labels)
    return (named[:, None] == classes).astype(float), classes


def _check_probabilities(given: np.ndarray) -> None:
    wrong = ~((given >= -1e-6) & (given <= 1 + 1e-6))
    if wrong.any():
        raise ValueError(f"the classifier answered {given[wrong][0]:g} at a point; {EXPECTED}")
    sums = given.sum(axis=1)
    if np.abs(sums - 1).max() > 1e-2:
        worst = sums[np.abs(sums - 1).argmax()]
        raise ValueError(f"the classifier's probabilities sum to {worst:g} at a point; {EXPECTED}")


def _classes_of(n: int, labels: np.ndarray) -> np.ndarray:
    """The classes that n columns of probabilities stand for."""
    if labels.dtype.kind in "iub" and np.isin(labels, np.arange(n)).all():
        return np.arange(n).astype(labels.dtype)
    found = np.unique(labels)
    if len(found) == n:
        return found
    raise ValueError(
        f"y holds {len(found)} class{'es' * (len(found) != 1)}, {', '.join(map(str, found[:6]))}, "
        f"but the classifier knows {n}; pass labels from 0 to {n - 1}"
    )
