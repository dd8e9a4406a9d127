"""Input normalisation inside the network: the statistics of its Standardize layer."""

from __future__ import annotations

import numpy as np

from fastnn.estimators.machine import Machine
from fastnn.estimators.rows import take
from fastnn.inputs.rows import Part
from fastnn.training.building import fit_standardize, standard_moments

QUARTILES = np.array([0.25, 0.5, 0.75])


def set_moments(machine: Machine, normalize: str | None, part: Part) -> None:
    """Centre and spread of each feature over the training rows, each as often as it weighs.

    "standard": mean and standard deviation; "robust": median and quartile distance, or the
    standard deviation where that is 0. A feature that does not vary is only centred.
    """
    if normalize is None:
        return
    X = part.rows.X
    if not hasattr(X, "tocsr"):
        if normalize == "robust":
            _set_robust(machine, part)
        else:
            fit_standardize(machine.state, part)
        return
    if normalize == "robust":
        raise ValueError(
            'X is sparse and normalize is "robust"; quartiles of sparse columns are mostly 0: '
            'use normalize="standard", or scale X before'
        )
    from sklearn.utils.sparsefuncs import mean_variance_axis

    rows = X if part.index is None else take(X, part.index)
    centre, variance = mean_variance_axis(rows, axis=0, weights=part.sample_weight)
    spread = np.sqrt(variance)
    machine.state.fit_moments(centre, np.where(spread == 0, 1, spread))


def _set_robust(machine: Machine, part: Part) -> None:
    """Medians and quartile distances; where these are 0, the deviation that "standard" takes."""
    low, centre, high = quartiles(part)
    spread = high - low
    flat = spread == 0
    if flat.any():
        spread[flat] = standard_moments(part)[1][flat]
    machine.state.fit_moments(centre, spread)


def quartiles(part: Part) -> np.ndarray:
    """The quartiles (3, features) of some rows.

    Where so much of the weight lies below that any number between two neighbours would do, it is
    their mean (definition 2 of Hyndman & Fan 1996): a row of weight 2 then counts as two.
    """
    X = part.rows.X if part.index is None else take(part.rows.X, part.index)
    X, weight = X.astype(np.float64, copy=False), part.sample_weight
    if weight is None:
        return np.quantile(X, QUARTILES, axis=0, method="averaged_inverted_cdf")
    known = weight > 0
    X, weight = X[known], weight[known]
    least, most = (
        sign * np.quantile(sign * X, q, axis=0, weights=weight, method="inverted_cdf")
        for sign, q in ((1, QUARTILES), (-1, 1 - QUARTILES))
    )
    return np.asarray((least + most) / 2)
