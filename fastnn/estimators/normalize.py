"""Input normalisation inside the network: the statistics of its Standardize layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.estimators.machine import Machine
from fastnn.estimators.rows import take
from fastnn.training.building import fit_standardize


def set_moments(machine: Machine, normalize: str | None, X: Any, index: np.ndarray) -> None:
    """Centre and spread of each feature over the training rows.

    "standard": mean and standard deviation; "robust": median and quartile distance, or the
    standard deviation where that is 0. A feature that does not vary is only centred.
    """
    if normalize is None:
        return
    state = machine.state
    sparse = hasattr(X, "tocsr")
    if normalize == "standard" and not sparse:
        fit_standardize(state, X, index)
        return
    if normalize == "robust" and sparse:
        raise ValueError(
            'X is sparse and normalize is "robust"; quartiles of sparse columns are mostly 0: '
            'use normalize="standard", or scale X before'
        )
    rows = take(X, index)
    if sparse:
        from sklearn.utils.sparsefuncs import mean_variance_axis

        centre, variance = mean_variance_axis(rows, axis=0)
        spread = np.sqrt(variance)
    else:
        low, centre, high = np.percentile(rows, [25, 50, 75], axis=0)
        spread = high - low
        flat = spread == 0
        spread[flat] = rows[:, flat].std(axis=0)
    state.fit_moments(centre, np.where(spread == 0, 1, spread))
