"""Scales of whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.inputs.settings import Range, is_switch
from fastnn.tune.scales import Scale, check_order, distributions, warn_of_decades


class WholeScale(Scale):
    """Base of the whole-number scales."""

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if is_switch(value) or not Range().holds(value) or int(value) != value:
                raise ValueError(
                    f"{type(self).__name__}({name}={value!r}): expected a whole number"
                )
            object.__setattr__(self, name, int(value))
        check_order(self)

    def cdf(self, x: Any) -> Any:
        return super().cdf(np.floor(np.asarray(x, dtype=np.float64)))

    def note(self, value: Any) -> str:
        return f"{value}"

    def _typed(self, values: Any) -> Any:
        return int(values) if np.ndim(values) == 0 else np.asarray(values, dtype=np.int64)


@dataclass(frozen=True)
class Int(WholeScale):
    """Whole numbers from `low` to `high`, both included, each as likely.

    A range of positive numbers over more than two decades brings a warning that names `LogInt`.

    Parameters
    ----------
    low, high : int
        Both ends included.

    Examples
    --------
    >>> from fastnn.tune import Int
    >>> Int(2, 4).ppf([0.2, 0.5, 0.9]).tolist()
    [2.0, 3.0, 4.0]
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        super().__post_init__()
        warn_of_decades(self, "LogInt")

    def _at(self, q: np.ndarray) -> np.ndarray:
        n = self.high - self.low + 1
        # The quantile of a whole number's own share must be that number, rounding errors or not.
        return self.low + np.clip(np.ceil(q * n - 1e-9) - 1, 0, n - 1)

    def _share(self, x: np.ndarray) -> np.ndarray:
        return (x - self.low + 1) / (self.high - self.low + 1)

    def to_optuna(self) -> Any:
        return distributions().IntDistribution(self.low, self.high)


@dataclass(frozen=True)
class LogInt(WholeScale):
    """Whole numbers of at least 1, spread evenly in the logarithm: for units and batches.

    k has the share of the logarithmic axis from log(k - 1/2) to log(k + 1/2), as in Optuna.

    Parameters
    ----------
    low, high : int of at least 1
        Both ends included.

    Examples
    --------
    >>> from fastnn.tune import LogInt
    >>> int(LogInt(16, 256).ppf(0.5))
    63
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low < 1:
            raise ValueError(f"LogInt(low={self.low}): expected a whole number of at least 1")

    def _ends(self) -> tuple[float, float]:
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def _at(self, q: np.ndarray) -> np.ndarray:
        low, high = self._ends()
        return np.clip(np.ceil(np.exp(low + q * (high - low)) - 0.5 - 1e-9), self.low, self.high)

    def _share(self, x: np.ndarray) -> np.ndarray:
        low, high = self._ends()
        return (np.log(x + 0.5) - low) / (high - low)

    def to_optuna(self) -> Any:
        return distributions().IntDistribution(self.low, self.high, log=True)
