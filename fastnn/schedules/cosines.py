"""Rates that follow a cosine: down once, again and again, or up and down."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.schedules.base import Schedule, between, half_wave


@dataclass(frozen=True)
class Cosine(Schedule):
    """From learning_rate to end_learning_rate along half a period of a cosine.

    end + (learning_rate - end) (1 + cos(pi t / decay_steps)) / 2 (Loshchilov & Hutter 2017).

    Parameters
    ----------
    learning_rate : float
        The first rate.
    decay_steps : int
        Steps to the end.
    end_learning_rate : float, default 0
    warmup_steps : int, default 0

    Examples
    --------
    >>> from fastnn.schedules import Cosine
    >>> Cosine(0.4, decay_steps=3, warmup_steps=1)([0, 1, 2, 3, 4, 5])
    array([0.2, 0.4, 0.3, 0.1, 0. , 0. ])
    """

    learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0
    warmup_steps: int = 0

    def _rates(self, t: np.ndarray) -> np.ndarray:
        share = half_wave(np.minimum(t / self.decay_steps, 1))
        return between(self.learning_rate, self.end_learning_rate, share)


@dataclass(frozen=True)
class CosineRestarts(Schedule):
    """SGDR (Loshchilov & Hutter 2017): `Cosine`, begun anew at the end of each period.

    Parameters
    ----------
    learning_rate : float
        The first rate of each period.
    first_decay_steps : int
        Length of the first period.
    t_mul : float of at least 1, default 2
        Each period is so many times as long as the one before it.
    end_learning_rate : float, default 0
        What each period falls to; its last step is just above, for the next one is a restart.
    warmup_steps : int, default 0
    m_mul : float above 0, default 1
        What is above end_learning_rate begins each period so many times as large as the one before
        it, as in Keras: period k, from 0, at end + (learning_rate - end) m_mul^k.

    Examples
    --------
    >>> from fastnn.schedules import CosineRestarts
    >>> CosineRestarts(0.4, first_decay_steps=1)([0, 1, 2, 3])
    array([0.4, 0.4, 0.2, 0.4])
    >>> CosineRestarts(0.4, first_decay_steps=1, m_mul=0.5)([0, 1, 2, 3])
    array([0.4, 0.2, 0.1, 0.1])
    """

    learning_rate: float
    first_decay_steps: int
    t_mul: float = 2.0
    end_learning_rate: float = 0.0
    warmup_steps: int = 0
    m_mul: float = 1.0

    def _rates(self, t: np.ndarray) -> np.ndarray:
        period, share = self._position(t)
        height = self.learning_rate - self.end_learning_rate
        # One factor for all gives the first rate itself, without rounding.
        start: Any = self.learning_rate
        if self.m_mul != 1:
            start = self.end_learning_rate + height * self.m_mul**period
        return between(start, self.end_learning_rate, half_wave(share))

    def _position(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The period, from 0, in which step t is, and how much of that is over."""
        first = float(self.first_decay_steps)
        if self.t_mul == 1:
            return t // first, t % first / first
        # Sums, not the closed form of the geometric series: whole lengths give exact starts.
        starts = [0.0, first]
        while starts[-1] <= t.max(initial=0):
            starts.append(starts[-1] + self.t_mul * (starts[-1] - starts[-2]))
        edges = np.array(starts)
        period = np.searchsorted(edges, t, side="right") - 1
        return period, (t - edges[period]) / np.diff(edges)[period]


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One cycle (Smith 2018): up to a large rate, and down to far below the first one.

    From learning_rate / div_factor up to learning_rate in the first `warmup_share` of the steps,
    then down to learning_rate / div_factor / final_div_factor at step `total_steps`, each along
    half a period of a cosine. The momentum stays as it is; Smith also lowers it on the way up.

    Parameters
    ----------
    learning_rate : float
        The largest rate.
    total_steps : int
        Steps to the end.
    warmup_share : float in (0, 1), default 0.3
    div_factor : float of at least 1, default 25
    final_div_factor : float of at least 1, default 1e4
    three_phase : bool, default False
        Straight lines, as Smith has them: up, as long down to learning_rate / div_factor, and in
        the rest of the steps to the end; `warmup_share` is at most 0.5.

    Examples
    --------
    >>> from fastnn.schedules import OneCycle
    >>> OneCycle(0.5, total_steps=10)([0, 3, 10])
    array([2.e-02, 5.e-01, 2.e-06])
    """

    learning_rate: float
    total_steps: int
    warmup_share: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    three_phase: bool = False
    warmup_steps = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.three_phase and self.warmup_share > 0.5:
            raise ValueError(
                f"OneCycle(warmup_share={self.warmup_share:g}, three_phase=True): expected at most "
                "0.5, for the way down is as long as the way up"
            )

    def _rates(self, t: np.ndarray) -> np.ndarray:
        first = self.learning_rate / self.div_factor
        rates = np.array([first, self.learning_rate, first / self.final_div_factor])
        up, end = self.warmup_share * self.total_steps, float(self.total_steps)
        if self.three_phase:
            return np.interp(t, [0, up, 2 * up, end], np.insert(rates, 2, first))
        phase = np.interp(t, [0, up, end], [0, 1, 2])
        down = (phase >= 1).astype(np.int64)
        return between(rates[down], rates[down + 1], half_wave(phase - down))
