"""What all schedules share."""

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastnn.inputs.settings import Range, set_count, set_number, set_switch

_RANGES = {
    "decay_rate": Range(0, 1, "(]"),
    "power": Range(0, ends="()"),
    "t_mul": Range(1),
    "m_mul": Range(0, ends="()"),
    "div_factor": Range(1),
    "final_div_factor": Range(1),
    "warmup_share": Range(0, 1, "()"),
}


class Schedule(ABC):
    """What all schedules share: checked fields, and the warm-up.

    Examples
    --------
    >>> from fastnn.schedules import Cosine, Schedule
    >>> isinstance(Cosine(0.1, 100), Schedule)
    True
    """

    warmup_steps: int

    def __post_init__(self) -> None:
        for f in fields(self):  # type: ignore[arg-type]
            if f.type is bool:
                set_switch(self, f.name)
            elif f.type is int:
                set_count(self, f.name, 0 if f.name == "warmup_steps" else 1)
            elif f.type is float:
                set_number(self, f.name, _RANGES.get(f.name, Range(0)))

    def __call__(self, steps: ArrayLike) -> np.ndarray:
        """The learning rates (n,), float64, of the steps (n,)."""
        given = np.asarray(steps, dtype=np.float64)
        # NumPy computes powers of a single number by another way than those of an array.
        t = given.ravel()
        rates = self._rates(np.maximum(t - self.warmup_steps, 0))
        climbed = np.minimum((t + 1) / (self.warmup_steps + 1), 1)
        return (climbed * rates).reshape(given.shape)

    @abstractmethod
    def _rates(self, t: np.ndarray) -> np.ndarray:
        """The rates t steps after the warm-up."""


def between(start: Any, end: Any, share: np.ndarray) -> np.ndarray:
    """From start to end, both met exactly."""
    return (1 - share) * start + share * end


def half_wave(share: np.ndarray) -> np.ndarray:
    """From 0 to 1 along half a period of a cosine."""
    return 0.5 * (1 - np.cos(np.pi * share))
