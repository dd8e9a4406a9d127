"""The learning-rate range test: which rates train a model, found in some hundred steps."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.engine.blocks import Blocks, Course
from fastnn.engine.layout import Layout
from fastnn.inputs.calls import explained
from fastnn.inputs.reading import feature_rows, target_rows
from fastnn.inputs.rows import Part, Rows
from fastnn.inputs.settings import Range, check_count
from fastnn.training import building
from fastnn.training.batches import batch_rows
from fastnn.training.network import Network, Setup

SMOOTHING_DECADES = 0.1
"""Deviation of the Gaussian that smooths the curve, in powers of ten of the rate."""
FALL = 0.9
"""Share of the whole fall of the loss that the suggested rate has made.

On twelve small problems, SGD with and without momentum, Adam and RMSprop, that is 0.1 decades below
the best rate of twenty epochs, deviation 0.6, and never ruinous. The steepest descent is 0.5 below,
deviation 0.8; a tenth of the rate of the lowest loss is 0.5 below, and ruinous where that is late.
"""
DIVERGED = 1.0
"""The test ends where the loss has risen by so many times the loss of the untouched weights."""


@dataclass(frozen=True, eq=False, repr=False)
class LearningRateFinder:
    """What a range test has measured; `fastnn.plotting.learning_rate_finder` draws it.

    Attributes
    ----------
    learning_rates : array (n,)
        Of each step, growing by the same factor; it ends where the loss diverges.
    losses : array (n,)
        Of each step's batch, before its update.
    smoothed : array (n,)
        The losses smoothed over a tenth of a decade, with less of the noise of the batches: how
        far each is harder or easier than most is known from what the weights at the start lose
        on it.
    suggestion : float or None
        The first rate at which `smoothed` has made nine tenths of its fall; None if it never
        falls.
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None

    def __repr__(self) -> str:
        n, rates = len(self.losses), self.learning_rates
        found = "None" if self.suggestion is None else f"{self.suggestion:.2g}"
        return (
            f"LearningRateFinder(suggestion={found}, {n} steps from {rates[0]:.2g} to "
            f"{rates[-1]:.2g}, lowest smoothed loss {self.smoothed.min():.4g})"
        )


@explained
def lr_find(
    model: Any,
    X: Any,
    y: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    batch_size: int | str | None = 32,
    sample_weight: Any = None,
) -> LearningRateFinder:
    """Train a copy of the model with a growing learning rate (the range test of Smith 2017).

    The rate of step t is low (high / low)^(t / (steps - 1)). The model itself stays as it is, to
    the bit: weights, optimizer state, generator and history. The copy goes on from where the
    model stands, also in the middle of a training; one that has no weights yet draws those that
    `fit` would draw.

    Parameters
    ----------
    model : Sequential
        Compiled. The optimizer's own learning rate and `learning_rate_factor` play no part.
    X : array (n, features)
    y : array (n,) or (n, targets)
    low, high : float, default 1e-6 and 10
        The first and the last rate.
    steps : int of at least 10, default 200
    batch_size : int, "auto" or None, default 32
        As for `fit`; a good rate goes with a batch size.
    sample_weight : array (n,), optional

    Returns
    -------
    result : LearningRateFinder
        With `learning_rates`, `losses`, `smoothed` and `suggestion`.

    Raises
    ------
    ValueError, TypeError
        For data or settings that do not fit, for Rprop and LBFGS, which find their own step
        sizes, and for a model whose loss is not finite to begin with.

    Examples
    --------
    >>> from fastnn import Adam, Dense, ReLU, Sequential, Softmax
    >>> from fastnn.datasets import load_digits
    >>> from fastnn.training.lr_find import lr_find
    >>> X, y = load_digits()
    >>> model = Sequential([Dense(64), ReLU(), Dense(10), Softmax()], seed=0)
    >>> model.compile("adam")
    >>> found = lr_find(model, X, y)
    >>> model.compile(Adam(found.suggestion))
    >>> 1e-3 < found.suggestion < 1e-1
    True
    """
    setup = model._compiled()
    if setup.optimizer.full_batch:
        raise ValueError(
            f"there is no learning rate to find: {type(setup.optimizer).__name__} finds its own "
            "step sizes; train with it as it is, or compile another optimizer"
        )
    check_count(steps, "steps", 10)
    rates = _growing(low, high, steps)
    old = model._network
    rows = old.read(X) if old else feature_rows(X, None, model.dtype)
    layout = old.layout if old else Layout(model.layers, rows.X.shape[1])
    rows = target_rows(rows, y, sample_weight, setup.form(layout, model.dtype))
    size = batch_rows(batch_size, len(rows.X), setup.optimizer)

    network = _scratch(model, layout, rows)
    n = len(rows.X)
    orders = np.empty((-(-steps * size // n), n), np.int64)
    network.draw_orders(np.arange(n), orders, True)
    order = orders.ravel()[: steps * size]
    start = network.state.values.copy()
    untouched = _losses(network, setup, rows, order, np.zeros(steps))
    if not np.isfinite(untouched).all():
        raise ValueError(
            "the loss of the model is not finite before any step; look at the weights, or scale "
            "the features with Standardize() as the first layer"
        )
    network.state.restore(start)
    losses = _losses(network, setup, rows, order, rates)
    return _result(rates, losses, untouched)


def _growing(low: Any, high: Any, steps: int) -> np.ndarray:
    """Rates (steps,) from low to high, each by the same factor larger than the one before it."""
    above_0 = Range(0, ends="()")
    for name, value in (("low", low), ("high", high)):
        if not above_0.holds(value):
            raise ValueError(f"{name} is {value!r}; expected a learning rate, a {above_0}")
    if low >= high:
        raise ValueError(f"low is {low:g} and high is {high:g}; expected low to be the smaller one")
    return np.geomspace(float(low), float(high), steps)


def _scratch(model: Any, layout: Layout, rows: Rows) -> Network:
    """A network of its own in the state of the model's, or in that in which `fit` would start."""
    rng, old = copy.deepcopy(model._shuffle_rng), model._network
    network = Network(layout, model.dtype, rng, model._dropout_seed)
    if old is None:
        building.draw_weights(network.state, copy.deepcopy(model._init_rng))
    else:
        network.state.restore(old.state.values)
        network.step, network.frozen = old.step, old.frozen
    if not network.state.is_fitted:
        building.fit_standardize(network.state, Part(rows))
    return network


def _losses(
    network: Network, setup: Setup, rows: Rows, order: np.ndarray, rates: np.ndarray
) -> np.ndarray:
    """The loss of each step (steps,) through the rows of `order`; infinite once it is not finite.

    Python gets its turn several times a second, for Ctrl-C.
    """
    steps = len(rates)
    size = len(order) // steps
    blocks = Blocks(network.training_run(setup, size), rows, size)
    course = Course(order, np.arange(0, len(order) + 1, size), rates, network.step, steps)
    losses = np.full(steps, np.inf)
    at = failed = 0
    while at < steps and not failed:
        block, failed = blocks.take(course, at, steps)
        finite = failed - 1 if failed else len(block)
        losses[at : at + finite] = block[:finite]
        at += len(block)
    return losses


def _result(rates: np.ndarray, losses: np.ndarray, untouched: np.ndarray) -> LearningRateFinder:
    """The curve up to where it diverges, and what it suggests."""
    level, mean = DIVERGED * float(np.abs(untouched).mean()), float(untouched.mean())
    deviation = SMOOTHING_DECADES * len(rates) / np.log10(rates[-1] / rates[0])
    # A single huge loss must not reach far to its left.
    risen = _smooth(np.minimum(losses - mean, 4 * level), untouched - mean, deviation)
    diverged = (risen > level) | ~np.isfinite(losses)
    end = max(1, int(np.argmax(diverged))) if diverged.any() else len(rates)
    risen = risen[:end]
    fallen = risen <= FALL * risen.min()
    # The first loss is that before any step.
    better = end > 1 and risen.min() < 0
    suggestion = float(rates[int(np.argmax(fallen))]) if better else None
    return LearningRateFinder(rates[:end], losses[:end], mean + risen, suggestion)


def _smooth(losses: np.ndarray, untouched: np.ndarray, deviation: float) -> np.ndarray:
    """Smoothed losses (steps,), less what the noise of the batches adds to them.

    A batch that is hard is so for the untouched weights, too: these losses, of mean 0, are a
    control variate, with the coefficient of a local regression. In a trained model the steps
    change far less than the batches differ.
    """
    from scipy.ndimage import gaussian_filter1d

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter1d(values, deviation, mode="nearest")

    center, control = mean(losses), mean(untouched)
    variance = mean(untouched**2) - control**2
    covariance = mean(losses * untouched) - center * control
    # Without noise, as of the full batch, both are of rounding size.
    noisy = variance > 1e-12 * max(float(np.square(losses).max()), 1e-300)
    share = np.clip(covariance / np.where(noisy, variance, 1), 0, 1)
    return center - np.where(noisy, share, 0) * control
