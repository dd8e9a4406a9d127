"""A temperature, so that probabilities are those that the rows held out bear out.

Guo et al. 2017, "On calibration of modern neural networks", section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, softmax

from fastnn.estimators.stochastic import Fit
from fastnn.layers import Sigmoid

MOST = 5.0
"""Bound of the logarithm of the factor, either way."""


def hold_answers(fit: Fit) -> None:
    """Note what a preset's classifier makes of the rows held out, before softmax or sigmoid."""
    part = fit.data.validation
    if fit.settings.preset is None or fit.settings.loss != "log_loss" or part is None:
        return
    rows = part.rows.block(slice(None) if part.index is None else part.index)
    logits = fit.estimator._computed(rows, logits=True).astype(np.float64)
    y = fit.estimator._numbers(part.y)
    # Rows of 0 and 1 are smoothed where the labels are.
    truth = np.eye(logits.shape[1])[y] if y.ndim == 1 else y > 0.5
    weight = np.ones(len(rows)) if rows.sample_weight is None else rows.sample_weight
    fit.held = logits, truth, weight


def calibrate(fits: Sequence[Fit]) -> None:
    """Divide what networks have before softmax or sigmoid by their likeliest temperature.

    It is one for all of them, and becomes part of the last layer's weights.
    """
    held = [fit.held for fit in fits if fit.held is not None]
    if not held:
        return
    logits, truth, weight = map(np.concatenate, zip(*held, strict=True))
    sigmoid = isinstance(fits[0].machine.layers[-1], Sigmoid)
    factor = likeliest_factor(logits, truth, weight, sigmoid)
    for fit in fits:
        for last in (fit.machine.coefs()[-1], fit.machine.intercepts()[-1]):
            last *= factor
        fit.machine.state.changes += 1


def likeliest_factor(
    logits: np.ndarray, truth: np.ndarray, weight: np.ndarray, sigmoid: bool
) -> float:
    """The factor 1 / T of the logits (n, K) by which the truth (n, K), 0 or 1, is likeliest.

    One row more, in which all are equally right, keeps it finite where no row is wrong. Rows count
    by their weights' shares, of which the mean is 1: that row is as large as they are.
    """
    weight = weight / weight[weight > 0].mean()
    n = weight.sum()
    truth = (n * truth + 1 / (2 if sigmoid else truth.shape[1])) / (n + 1)

    def slope(log_factor: float) -> float:
        scaled = np.exp(log_factor) * logits
        found = expit(scaled) if sigmoid else softmax(scaled, axis=1)
        return float(weight @ ((found - truth) * logits).sum(axis=1))

    if slope(-MOST) >= 0:
        return float(np.exp(-MOST))
    if slope(MOST) <= 0:
        return float(np.exp(MOST))
    return float(np.exp(brentq(slope, -MOST, MOST, xtol=1e-6)))
