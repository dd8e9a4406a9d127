"""Rates that stay, fall in steps, or fall smoothly."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np

from fastnn.inputs.settings import Range
from fastnn.schedules.base import Schedule, between


@dataclass(frozen=True)
class Constant(Schedule):
    """Always the same rate, after the warm-up.

    Parameters
    ----------
    learning_rate : float
    warmup_steps : int, default 0

    Examples
    --------
    >>> from fastnn.schedules import Constant
    >>> Constant(0.4, warmup_steps=3)([0, 1, 2, 3, 4])
    array([0.1, 0.2, 0.3, 0.4, 0.4])
    """

    learning_rate: float
    warmup_steps: int = 0

    def _rates(self, t: np.ndarray) -> np.ndarray:
        return np.full(t.shape, self.learning_rate)


@dataclass(frozen=True)
class Piecewise(Schedule):
    """values[k] from step boundaries[k - 1] on, up to step boundaries[k].

    Keras's PiecewiseConstantDecay keeps a rate one step longer, through step boundaries[k]: of the
    boundaries (2, 4) it gives the first rate to 3 steps, not to 2.

    Parameters
    ----------
    boundaries : tuple of int
        Steps at which the rate changes, in growing order: the first `boundaries[0]` steps have
        the rate `values[0]`.
    values : tuple of float
        Rates, one more than boundaries.
    warmup_steps : int, default 0

    Examples
    --------
    >>> from fastnn.schedules import Piecewise
    >>> Piecewise((2, 4), (0.1, 0.01, 0.001))([0, 1, 2, 3, 4, 5])
    array([0.1  , 0.1  , 0.01 , 0.01 , 0.001, 0.001])
    """

    boundaries: tuple[int, ...]
    values: tuple[float, ...]
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("boundaries", "values"):
            self._set_tuple(name)
        if not all(a < b for a, b in pairwise((0, *self.boundaries))):
            raise ValueError(
                f"Piecewise(boundaries={self.boundaries}): expected numbers above 0, each larger "
                "than the one before it"
            )
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"Piecewise has {len(self.boundaries)} boundaries and {len(self.values)} values; "
                "expected one value more than boundaries: that of the first steps"
            )

    def _set_tuple(self, name: str) -> None:
        """Make a field a tuple of plain numbers, or refuse its value."""
        given, whole = getattr(self, name), name == "boundaries"
        fits = isinstance(given, Sequence | np.ndarray) and all(map(Range(0).holds, given))
        if not fits or (whole and not all(isinstance(number, Integral) for number in given)):
            expected = "whole numbers" if whole else f"{Range(0)}".replace("number", "numbers")
            raise ValueError(f"Piecewise({name}={given!r}): expected a tuple of {expected}")
        object.__setattr__(self, name, tuple(map(int if whole else float, given)))

    def _rates(self, t: np.ndarray) -> np.ndarray:
        return np.array(self.values)[np.searchsorted(self.boundaries, t, side="right")]


@dataclass(frozen=True)
class StepDecay(Schedule):
    """learning_rate decay_rate^floor(t / decay_steps): it falls by a factor, again and again.

    Parameters
    ----------
    learning_rate : float
        The first rate.
    decay_steps : int
        Steps between two falls.
    decay_rate : float in (0, 1], default 0.1
        Factor of a fall.
    warmup_steps : int, default 0

    Examples
    --------
    >>> from fastnn.schedules import StepDecay
    >>> StepDecay(0.8, decay_steps=2, decay_rate=0.5)([0, 1, 2, 3, 4])
    array([0.8, 0.8, 0.4, 0.4, 0.2])
    """

    learning_rate: float
    decay_steps: int
    decay_rate: float = 0.1
    warmup_steps: int = 0

    def _rates(self, t: np.ndarray) -> np.ndarray:
        return self.learning_rate * self.decay_rate ** (t // self.decay_steps)


@dataclass(frozen=True)
class Exponential(Schedule):
    """learning_rate decay_rate^(t / decay_steps): as `StepDecay`, but a little at each step.

    Parameters
    ----------
    learning_rate : float
        The first rate.
    decay_steps : int
        Steps in which the rate falls by the factor `decay_rate`.
    decay_rate : float in (0, 1], default 0.1
    warmup_steps : int, default 0

    Examples
    --------
    >>> from fastnn.schedules import Exponential
    >>> Exponential(0.8, decay_steps=2, decay_rate=0.25)([0, 1, 2, 3, 4])
    array([0.8 , 0.4 , 0.2 , 0.1 , 0.05])
    """

    learning_rate: float
    decay_steps: int
    decay_rate: float = 0.1
    warmup_steps: int = 0

    def _rates(self, t: np.ndarray) -> np.ndarray:
        return self.learning_rate * self.decay_rate ** (t / self.decay_steps)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """learning_rate / (1 + t / decay_steps): the 1/t of Robbins & Monro 1951.

    Parameters
    ----------
    learning_rate : float
        The first rate.
    decay_steps : int
        Steps after which the rate is half of it; after twice as many it is a third.
    warmup_steps : int, default 0

    Examples
    --------
    >>> from fastnn.schedules import InverseTime
    >>> InverseTime(0.6, decay_steps=100)([0, 100, 200])
    array([0.6, 0.3, 0.2])
    """

    learning_rate: float
    decay_steps: int
    warmup_steps: int = 0

    def _rates(self, t: np.ndarray) -> np.ndarray:
        return self.learning_rate / (1 + t / self.decay_steps)


@dataclass(frozen=True)
class Polynomial(Schedule):
    """end + (learning_rate - end) (1 - t / decay_steps)^power, then end_learning_rate.

    Parameters
    ----------
    learning_rate : float
        The first rate.
    decay_steps : int
        Steps to the end.
    end_learning_rate : float, default 0
    power : float above 0, default 1
        1 is a straight line.
    warmup_steps : int, default 0
    cycle : bool, default False
        Whether, past decay_steps, it goes on from a lower peak instead of staying at the end, as
        in Keras: decay_steps counts as often as it takes to be at least t.

    Examples
    --------
    >>> from fastnn.schedules import Polynomial
    >>> Polynomial(0.4, decay_steps=4)([0, 1, 2, 3, 4, 5])
    array([0.4, 0.3, 0.2, 0.1, 0. , 0. ])
    >>> Polynomial(0.4, decay_steps=2, cycle=True)([0, 1, 2, 3, 4])
    array([0.4, 0.2, 0. , 0.1, 0. ])
    """

    learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0
    power: float = 1.0
    warmup_steps: int = 0
    cycle: bool = False

    def _rates(self, t: np.ndarray) -> np.ndarray:
        often = np.maximum(np.ceil(t / self.decay_steps), 1) if self.cycle else 1
        left = np.maximum(1 - t / (self.decay_steps * often), 0) ** self.power
        return between(self.end_learning_rate, self.learning_rate, left)
