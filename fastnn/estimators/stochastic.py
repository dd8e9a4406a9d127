"""Training by mini-batches, epoch by epoch, as scikit-learn's MLP goes through them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.callbacks import Callback
from fastnn.estimators.machine import Machine
from fastnn.estimators.presets import AtMost
from fastnn.estimators.recipe import Objective, setup_of
from fastnn.estimators.schedules import Rates
from fastnn.estimators.scoring import Scorer
from fastnn.estimators.stopping import Stopping
from fastnn.estimators.warning import OURS, warn
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.optimizers import Optimizer
from fastnn.training.batches import batch_bounds
from fastnn.training.divergence import DivergenceError
from fastnn.training.epochs import train
from fastnn.training.job import Job

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


@dataclass
class Fit:
    """One call of fit or partial_fit, checked."""

    estimator: Any
    settings: Any
    machine: Machine
    objective: Objective
    data: Data
    score: Scorer | None
    incremental: bool
    watch: Any
    max_iter: int
    fixed: bool = False
    """So many epochs, as they were found to be best or as a schedule is planned for: no reason to
    warn."""
    held: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    """Of the rows held out: answers before softmax or sigmoid, truth, weights."""


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
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return int(max(1, min(given, n)))


class Rules(Callback):
    """What scikit-learn's MLP does after an epoch: it counts, changes the rate, and stops."""

    def __init__(self, fit: Fit, rates: Rates) -> None:
        s, e = fit.settings, fit.estimator
        self.fit, self.estimator, self.settings, self.rates = fit, e, s, rates
        # Validation without early stopping is there to be looked at.
        by_score = bool(s.early_stopping and not fit.incremental and fit.score is not None)
        limit = s.n_iter_no_change if s.patience is None else s.patience - 1
        self.stopping = Stopping(e, fit.machine, limit, s.tol, by_score)
        self.every_epoch = bool(fit.watch.active or s.max_time or rates.change_every_epoch)
        self.end = time.perf_counter() + (s.max_time or np.inf)
        self.stopped = fit.incremental
        self.seen = fit.machine.epoch

    def on_epoch_end(self, model: Any, history: History) -> bool:
        """Count epochs, and judge them; whether to stop after them."""
        losses = self.count(history)
        score = None if self.fit.score is None else self._note_score(history["val_score"][-1])
        for loss in losses:
            self.stopped = self._judge(loss, score) or self.fit.incremental
        self.stopped |= time.perf_counter() > self.end
        return self.stopped

    def count(self, history: History) -> list[float]:
        """The losses of the epochs that are new, counted."""
        e, epoch = self.estimator, self.fit.machine.epoch
        new, self.seen = epoch - self.seen, epoch
        losses = history["loss"][-new:] if new else []
        for loss in losses:
            e.n_iter_ += 1
            e.loss_ = loss
            if self.settings.verbose:
                print(f"Iteration {e.n_iter_}, loss = {loss:.8f}")
        e.t_ += len(losses) * len(self.fit.data.index)
        e.loss_curve_ += losses
        return losses

    def _note_score(self, score: float) -> float:
        e = self.estimator
        if e.validation_scores_ is None:
            e.validation_scores_ = []
        e.validation_scores_.append(score)
        if self.settings.verbose:
            print(f"Validation score: {score:f}")
        return score

    def _judge(self, loss: float, score: float | None) -> bool:
        """What follows an epoch: whether to stop after it."""
        too_many = self.stopping.note(loss, score)
        self.rates.end_epoch()
        asked = self.fit.watch.end_epoch()
        if not too_many:
            return bool(asked)
        if self.rates.reduce(self.stopping.message()):
            self.estimator._no_improvement_count = 0
            return bool(asked)
        return True

    def warn_of_nan(self) -> None:
        """Say so where no score of early stopping was a number."""
        if self.stopping.by_score and self.estimator.n_iter_:
            warn(
                f"the validation score is NaN in each of {self.estimator.n_iter_} epochs: no epoch "
                "is the best, and the last weights stay; look at the rows held out (roc_auc needs "
                "two classes among them), or choose another monitor",
                module=OURS,
            )

    def diverged(self, history: History) -> None:
        """The loss is not finite: an error, unless an earlier epoch's weights are kept."""
        for loss in self.count(history):
            # Epochs that were taken in one go with the one that failed.
            self._judge(loss, None)
        if not self.stopping.by_score or self.estimator._best is None:
            raise ValueError(f"{NOT_FINITE} Or pass clip_norm, or a smaller learning rate.")
        e = self.estimator
        e.n_iter_ += 1
        e.loss_ = float("nan")
        e.loss_curve_.append(e.loss_)
        e.validation_scores_.append(float("nan"))
        warn(
            f"the loss is not finite in iteration {e.n_iter_}; training stops, with the weights of "
            "the best iteration before; use a smaller learning rate, or clip_norm",
            ConvergenceWarning,
            OURS,
        )


def train_stochastic(fit: Fit) -> None:
    """Until the rules stop it, or `max_iter` epochs."""
    e, s, machine, n = fit.estimator, fit.settings, fit.machine, len(fit.data.index)
    setup = setup_of(s, fit.objective)
    size = batch_rows(s.batch_size, n, setup.optimizer)
    machine.use(setup.optimizer.name)
    bounds = batch_bounds(n, size, join_last=s.batch_norm)
    rates = Rates(fit, setup.optimizer, len(bounds) - 1)
    rules = Rules(fit, rates)
    job = Job(
        fit.data, fit.max_iter, size, bounds, s.shuffle, [rules], e,
        rates=rates.of, score=fit.score, ahead=rules.stopping.safe_epochs,
        rule=rules.stopping.rule,
    )  # fmt: skip
    e.n_iter_ = 0
    try:
        train(machine, setup, e.history_, job)
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
    except DivergenceError:
        rules.diverged(e.history_)
    else:
        if not (rules.stopped or fit.fixed):
            warn(
                f"Stochastic Optimizer: Maximum iterations ({fit.max_iter}) reached and "
                "the optimization hasn't converged yet.",
                ConvergenceWarning,
            )
    machine.partial = None
    if not rules.stopping.restore():
        machine.settle(fit.data)
        rules.warn_of_nan()
