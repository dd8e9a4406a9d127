"""Scores of predictions on rows that were not trained on."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

from fastnn.tabular.target import Target


def measure(
    target: Target, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """What the predictions are worth.

    Parameters
    ----------
    target : Target
    y : array (n,)
        Class numbers, or numbers.
    outputs : array (n, classes) or (n,)
        Probabilities, or numbers.
    weight : array (n,), optional

    Returns
    -------
    scores : dict
        Of classes "accuracy", "balanced_accuracy", "log_loss", and "roc_auc" of two; else "r2",
        "rmse", "mae".
    """
    if target.task == "regression":
        mse = metrics.mean_squared_error(y, outputs, sample_weight=weight)
        return {
            "r2": float(metrics.r2_score(y, outputs, sample_weight=weight)) if len(y) > 1 else 0.0,
            "rmse": float(np.sqrt(mse)),
            "mae": float(metrics.mean_absolute_error(y, outputs, sample_weight=weight)),
        }
    labels = np.arange(len(target.classes))
    chosen = outputs.argmax(axis=1)
    present = np.unique(y)
    recalls = [np.average(chosen[y == k] == k, weights=_of(weight, y == k)) for k in present]
    found = {
        "accuracy": float(metrics.accuracy_score(y, chosen, sample_weight=weight)),
        "balanced_accuracy": float(np.mean(recalls)),
        "log_loss": float(metrics.log_loss(y, outputs, labels=labels, sample_weight=weight)),
    }
    if len(labels) == 2 and len(present) == 2:
        found["roc_auc"] = float(metrics.roc_auc_score(y, outputs[:, 1], sample_weight=weight))
    return found


def _of(weight: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    """The weights of some rows; all alike where they sum to 0."""
    return None if weight is None or not weight[rows].any() else weight[rows]
