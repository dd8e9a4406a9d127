"""Learning rates of an estimator's steps: scikit-learn's three ways, and schedules."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fastnn.estimators.recipe import _FreeSGD
from fastnn.optimizers import Adam, Optimizer
from fastnn.training.door import warn_of_end

SMALLEST = 1e-6


def cosine(share: np.ndarray) -> np.ndarray:
    """Half a cosine, from 1 to 0, over the shares [0, 1) of training (Loshchilov & Hutter 2017)."""
    return 0.5 + 0.5 * np.cos(np.pi * share)


def coslog4(share: np.ndarray) -> np.ndarray:
    """Four cycles, each twice as long as the one before (Holzmueller et al. 2024)."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.log2(1 + 15 * share))


SCHEDULES = {"cosine": cosine, "coslog4": coslog4}


class Rates:
    """The learning rate of each step of a job.

    Parameters
    ----------
    job : Job
    optimizer : Optimizer
    per_epoch : int
        Number of steps of an epoch.
    """

    def __init__(self, job: Any, optimizer: Optimizer, per_epoch: int) -> None:
        s = job.settings
        self.settings, self.estimator, self.machine = s, job.estimator, job.machine
        self.optimizer, self.per_epoch = optimizer, per_epoch
        own = s.optimizer is None and s.schedule is None
        self.way = s.learning_rate if own and s.solver == "sgd" else "constant"
        # The gradient that fastnn computes is smaller by this; Adam's steps do not depend on it.
        self.factor = job.objective.of_gradient if isinstance(optimizer, _FreeSGD) else 1.0
        self.change_every_epoch = self.way == "invscaling"
        self.current = self._start()
        by_name = isinstance(s.schedule, str)
        followed = s.schedule if s.schedule is not None else optimizer.learning_rate
        # By name, a schedule spans the epochs of a fit.
        job.machine.plan(followed, anew=by_name and not job.incremental)
        self.start = job.machine.schedule_start
        limited = by_name and s.max_time is not None and not job.incremental
        self.limit = s.max_time if limited else np.inf
        self.began, self.time_share = time.perf_counter(), 0.0
        fix = "set_params(schedule=...) to another one, which then starts at its step 0"
        if by_name:
            fix = (
                f"it spans max_iter={s.max_iter} epochs, of which each partial_fit is one: set "
                "max_iter to all of them, or go on with schedule=fastnn.schedules.Constant(1e-3)"
            )
        warn_of_end(self._is_over, job.max_iter, followed, fix)

    def _start(self) -> float:
        """The rate of the first step: where the training is continued, where it stood."""
        s, t = self.settings, self.estimator.t_
        if self.way == "adaptive" and self.machine.rate is not None and t:
            return self.machine.rate
        if self.way == "invscaling" and t:
            return float(s.learning_rate_init) / (t + 1) ** s.power_t
        return float(s.learning_rate_init)

    def _is_over(self, epoch: int) -> bool:
        """Whether a schedule gives next to nothing in an epoch of this call."""
        first = self.machine.step - self.start + epoch * self.per_epoch
        if isinstance(self.settings.schedule, str):
            return first >= self.settings.max_iter * self.per_epoch
        return self._scheduled.is_over(first + np.arange(self.per_epoch))

    @property
    def _scheduled(self) -> Optimizer:
        """What knows the rates of a schedule."""
        schedule = self.settings.schedule
        return self.optimizer if schedule is None else Adam(schedule)

    def of(self, first: int, n: int) -> np.ndarray:
        """Rates of n steps, so many of which were taken before."""
        s, first = self.settings, first - self.start
        if isinstance(s.schedule, str):
            total = s.max_iter * self.per_epoch
            share = np.clip(np.arange(first, first + n) / total, self.time_share, 1.0)
            rates = self.current * SCHEDULES[s.schedule](share)
        elif s.schedule is not None or s.optimizer is not None:
            rates = self._scheduled.rates(first, n)
        else:
            rates = np.full(n, self.current)
        if s.warmup:
            rates = rates * np.minimum(
                (np.arange(first, first + n) + 1) / (s.warmup * self.per_epoch), 1.0
            )
        return rates * self.factor

    def end_epoch(self) -> None:
        """Inverse scaling goes by the number of rows seen, and a limit by the time that is gone."""
        if self.limit < np.inf:
            self.time_share = min((time.perf_counter() - self.began) / self.limit, 1.0)
        if self.way == "invscaling":
            s = self.settings
            self._change(float(s.learning_rate_init) / (self.estimator.t_ + 1) ** s.power_t)

    def reduce(self, message: str) -> bool:
        """When nothing improves: a fifth of the rate, if that is the way; whether to go on."""
        verbose = self.settings.verbose
        if self.way != "adaptive" or self.current <= SMALLEST:
            why = " Learning rate too small." if self.way == "adaptive" else ""
            if verbose:
                print(f"{message}{why} Stopping.")
            return False
        self._change(self.current / 5.0)
        if verbose:
            print(f"{message} Setting learning rate to {self.current:f}")
        return True

    def _change(self, rate: float) -> None:
        """Another rate from now on; scikit-learn's velocities keep the one they were made with."""
        state, n = self.machine.state, self.machine.layout.n_parameters
        state.values[n : 2 * n] *= self.current / rate
        self.current = self.machine.rate = rate
