"""Scales: the distributions of single hyperparameters.

They follow scipy.stats' frozen distributions (`rvs`, `ppf`, `cdf`), so that scikit-learn's searches
take them too, and map exactly to Optuna's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.files import forms
from fastnn.inputs.notes import warn
from fastnn.inputs.packages import package
from fastnn.inputs.settings import Range, set_number

DECADES = 2
"""A linear range that spans more of them hardly ever draws a small value."""


def as_generator(random_state: Any) -> Any:
    """What draws: a Generator or RandomState as it is, else a new Generator from a seed."""
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    return np.random.default_rng(random_state)


class Scale:
    """Base of the numeric scales: a range `low` to `high` and how values are spread over it."""

    low: float
    high: float

    def ppf(self, q: Any) -> Any:
        """Quantiles: the values below which the shares q, in [0, 1], of all draws lie."""
        q = np.asarray(q, dtype=np.float64)
        values = np.where((q >= 0) & (q <= 1), self._at(np.clip(q, 0, 1)), np.nan)
        # exp(log(x)) is seldom x.
        return np.where(q == 0, self.low, np.where(q == 1, self.high, values))[()]

    def cdf(self, x: Any) -> Any:
        """Shares of all draws that are at most x; of a whole-number scale, x rounded down."""
        x = np.asarray(x, dtype=np.float64)
        inside = self._share(np.clip(x, self.low, self.high))
        return np.where(x < self.low, 0.0, np.where(x >= self.high, 1.0, inside))[()]

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draws: one number, or an array of the given size.

        Parameters
        ----------
        size : int or tuple of int, optional
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        """
        return self._typed(self.ppf(as_generator(random_state).uniform(size=size)))

    def to_optuna(self) -> Any:
        """The same distribution as Optuna's; `from_optuna` turns its values into this scale's."""
        raise NotImplementedError

    def from_optuna(self, value: Any) -> Any:
        """The value that Optuna's value stands for."""
        return value

    def to_label(self, value: Any) -> Any:
        """What JSON holds for a value."""
        return value

    def from_label(self, label: Any) -> Any:
        """The value of what JSON held; a ValueError for what is none."""
        forms.number()(label, "the value of a parameter")
        return label

    def note(self, value: Any) -> str:
        """What a report says of a value."""
        return f"{value:.4g}"

    def _at(self, q: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _share(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _typed(self, values: Any) -> Any:
        return float(values) if np.ndim(values) == 0 else values


def _set_ends(scale: Any, allowed: Range) -> None:
    set_number(scale, "low", allowed)
    set_number(scale, "high", allowed)
    check_order(scale)


def check_order(scale: Any) -> None:
    """Refuse a range that is empty."""
    if not scale.low < scale.high:
        raise ValueError(
            f"{type(scale).__name__}({scale.low:g}, {scale.high:g}): expected low below high; for "
            "a constant write the plain value"
        )


def warn_of_decades(scale: Any, better: str) -> None:
    """Warn of a linear range over more than two decades; called by `__post_init__`."""
    if scale.low > 0 and scale.high / scale.low > 10**DECADES:
        name = type(scale).__name__
        tenth = 100 * (scale.high - scale.high / 10) / (scale.high - scale.low)
        warn(
            f"{name}({scale.low:g}, {scale.high:g}) spans {math.log10(scale.high / scale.low):.1f} "
            f"decades: {min(tenth, 99):.0f} % of its draws lie in the last one; use "
            f"{better}({scale.low:g}, {scale.high:g})",
        )


@dataclass(frozen=True)
class Uniform(Scale):
    """Numbers spread evenly from `low` to `high`.

    A range of positive numbers over more than two decades brings a warning that names
    `LogUniform`.

    Parameters
    ----------
    low, high : float
        Both ends included.

    Examples
    --------
    >>> from fastnn.tune import Uniform
    >>> float(Uniform(0, 0.5).ppf(0.5))
    0.25
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _set_ends(self, Range())
        warn_of_decades(self, "LogUniform")

    def _at(self, q: np.ndarray) -> np.ndarray:
        return np.clip(self.low + q * (self.high - self.low), self.low, self.high)

    def _share(self, x: np.ndarray) -> np.ndarray:
        return (x - self.low) / (self.high - self.low)

    def to_optuna(self) -> Any:
        return distributions().FloatDistribution(self.low, self.high)


@dataclass(frozen=True)
class LogUniform(Scale):
    """Positive numbers whose logarithms are spread evenly: each decade is as likely.

    The scale of learning rates and penalties.

    Parameters
    ----------
    low, high : float above 0
        Both ends included.

    Examples
    --------
    >>> from fastnn.tune import LogUniform
    >>> round(float(LogUniform(1e-4, 1).ppf(0.5)), 12)
    0.01
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _set_ends(self, Range(0, ends="()"))

    def _at(self, q: np.ndarray) -> np.ndarray:
        low, high = math.log(self.low), math.log(self.high)
        return np.clip(np.exp(low + q * (high - low)), self.low, self.high)

    def _share(self, x: np.ndarray) -> np.ndarray:
        return np.log(x / self.low) / math.log(self.high / self.low)

    def to_optuna(self) -> Any:
        return distributions().FloatDistribution(self.low, self.high, log=True)


@dataclass(frozen=True)
class OneMinusLog(Scale):
    """Numbers below 1 whose distance to 1 is spread evenly in its logarithm.

    The scale of momentum and of Adam's betas: what counts there is the averaging window
    1 / (1 - beta), and 0.9 to 0.9005 changes nothing while 0.999 to 0.9995 doubles it. Reports
    show the window.

    Parameters
    ----------
    low, high : float in [0, 1)

    Examples
    --------
    >>> from fastnn.tune import OneMinusLog
    >>> beta = OneMinusLog(0.9, 0.999)
    >>> round(float(beta.ppf(0.5)), 3)
    0.99
    >>> beta.note(0.99)
    '0.99 (window 100)'
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _set_ends(self, Range(0, 1))

    def _at(self, q: np.ndarray) -> np.ndarray:
        near, far = math.log1p(-self.high), math.log1p(-self.low)
        return np.clip(-np.expm1(far + q * (near - far)), self.low, self.high)

    def _share(self, x: np.ndarray) -> np.ndarray:
        near, far = math.log1p(-self.high), math.log1p(-self.low)
        return (np.log1p(-x) - far) / (near - far)

    def to_optuna(self) -> Any:
        # Of 1 - beta; Optuna knows no scale for beta itself.
        return distributions().FloatDistribution(1 - self.high, 1 - self.low, log=True)

    def from_optuna(self, value: Any) -> Any:
        return float(np.clip(1 - value, self.low, self.high))

    def note(self, value: Any) -> str:
        return f"{value:.4g} (window {window(value):.3g})"


def window(beta: float) -> float:
    """About how many of the last values an average with this beta sees: 1 / (1 - beta)."""
    return 1 / (1 - beta)


def distributions() -> Any:
    """Optuna's distributions."""
    return package("optuna.distributions", "distributions are Optuna's", '"fastnn-mlp[tune]"')
