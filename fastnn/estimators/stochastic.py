"""Training by mini-batches, epoch by epoch, as scikit-learn's MLP goes through them."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.estimators.machine import Machine
from fastnn.estimators.presets import AtMost
from fastnn.estimators.recipe import Objective, setup_of
from fastnn.estimators.schedules import Rates
from fastnn.estimators.scoring import Validation
from fastnn.estimators.steps import DivergedError, Steps
from fastnn.estimators.stopping import Stopping
from fastnn.inputs.rows import Rows
from fastnn.optimizers import Optimizer

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


@dataclass
class Job:
    """One call of fit or partial_fit, checked."""

    estimator: Any
    settings: Any
    machine: Machine
    objective: Objective
    rows: Rows
    index: np.ndarray
    validation: Validation | None
    incremental: bool
    watch: Any
    max_iter: int
    fixed: bool = False
    """So many epochs, as they were found to be best or as a schedule is planned for: no reason to
    warn."""


def batch_rows(given: Any, n: int, optimizer: Optimizer) -> int:
    """Rows a step."""
    if given == "auto":
        return n if optimizer.full_batch else min(200, n)
    if optimizer.full_batch and given < n:
        raise ValueError(
            f"batch_size is {given} for {n} rows; {type(optimizer).__name__} needs the full batch, "
            'for it goes by the signs of the gradient of all rows; pass batch_size="auto"'
        )
    if given > n and not isinstance(given, AtMost):
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return int(np.clip(given, 1, n))


class Stochastic:
    """The epochs of a job."""

    def __init__(self, job: Job) -> None:
        s, e = job.settings, job.estimator
        self.job, self.estimator, self.settings = job, e, s
        setup = setup_of(s, job.objective)
        size = batch_rows(s.batch_size, len(job.index), setup.optimizer)
        job.machine.use(setup.optimizer.name)
        self.steps = Steps(
            job.machine, setup, job.objective, job.rows, job.index, size, join_last=s.batch_norm
        )
        # Validation without early stopping is there to be looked at.
        by_score = bool(s.early_stopping and not job.incremental and job.validation is not None)
        limit = s.n_iter_no_change if s.patience is None else s.patience - 1
        self.stopping = Stopping(e, job.machine, limit, s.tol, by_score)
        self.rates = Rates(job, setup.optimizer, self.steps.per_epoch)
        one_by_one = job.validation is not None or job.incremental or job.watch.active or s.max_time
        self.one_by_one = bool(one_by_one or self.rates.change_every_epoch)

    def run(self) -> None:
        """Until the rule stops it, or `max_iter`."""
        e, s, job = self.estimator, self.settings, self.job
        e.n_iter_ = 0
        end = time.perf_counter() + (s.max_time or np.inf)
        stopped = False
        try:
            while e.n_iter_ < job.max_iter and not stopped:
                stopped = self._some_epochs(job.max_iter - e.n_iter_)
                if job.incremental or time.perf_counter() > end:
                    break
            else:
                if not (stopped or job.incremental or job.fixed):
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({job.max_iter}) reached and "
                        "the optimization hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=2,
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        except DivergedError:
            self._diverged()
        self.stopping.restore()
        if not self.stopping.by_score:
            self.job.machine.settle(self.job.rows, self.job.index)

    def _some_epochs(self, left: int) -> bool:
        """As many epochs as need no decision in between; whether to stop after them."""
        epochs = 1
        if not self.one_by_one:
            epochs = self.steps.together(self.stopping.safe_epochs(left))
        rates = self.rates.of(epochs)
        start = time.perf_counter()
        losses = self.steps.epochs(epochs, self.settings.shuffle, rates)
        seconds = (time.perf_counter() - start) / epochs
        last = rates[self.steps.per_epoch - 1 :: self.steps.per_epoch]
        columns = {
            "loss": losses.tolist(), "learning_rate": last.tolist(), "seconds": [seconds] * epochs,
        }  # fmt: skip
        return self._end_epochs(columns)

    def _end_epochs(self, columns: dict[str, list[float]]) -> bool:
        """Count epochs, a list a column; whether to stop after them."""
        e, job, losses = self.estimator, self.job, columns["loss"]
        for loss in losses:
            e.n_iter_ += 1
            if self.settings.verbose:
                print(f"Iteration {e.n_iter_}, loss = {loss:.8f}")
        e.loss_ = losses[-1]
        e.t_ += len(losses) * len(job.index)
        e.loss_curve_ += losses
        score = self._validate(columns)
        e.history_.extend(job.machine.network.epoch - len(losses) + 1, columns)
        stopped = False
        for loss in losses:
            stopped = self._judge(loss, score)
        return stopped

    def _judge(self, loss: float, score: float | None) -> bool:
        """What follows an epoch: whether to stop after it."""
        too_many = self.stopping.note(loss, score)
        self.rates.end_epoch()
        asked = self.job.watch.end_epoch()
        if not too_many:
            return bool(asked)
        if self.rates.reduce(self.stopping.message()):
            self.estimator._no_improvement_count = 0
            return bool(asked)
        return True

    def _validate(self, columns: dict[str, list[float]]) -> float | None:
        """Measure the validation rows after an epoch."""
        e, validation = self.estimator, self.job.validation
        if validation is None:
            return None
        score, loss = validation.measure(self.job.machine, self.job.objective)
        columns |= {"val_loss": [loss], "val_score": [score]}
        if e.validation_scores_ is None:
            e.validation_scores_ = []
        e.validation_scores_.append(score)
        if self.settings.verbose:
            print(f"Validation score: {score:f}")
        return score

    def _diverged(self) -> None:
        """The loss is not finite: an error, unless an earlier epoch's weights are kept."""
        e = self.estimator
        if not self.stopping.by_score:
            raise ValueError(f"{NOT_FINITE} Or pass clip_norm, or a smaller learning rate.")
        e.n_iter_ += 1
        e.loss_ = float("nan")
        e.loss_curve_.append(e.loss_)
        e.validation_scores_.append(float("nan"))
        warnings.warn(
            f"the loss is not finite in iteration {e.n_iter_}; training stops, with the weights of "
            "the best iteration before; use a smaller learning rate, or clip_norm",
            ConvergenceWarning,
            stacklevel=2,
        )
