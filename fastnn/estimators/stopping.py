"""When to stop: scikit-learn's rule, on the training loss or on a validation score."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.estimators.machine import Machine


class Stopping:
    """Counts the epochs without improvement, in the estimator's own attributes.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    machine : Machine
    limit : float
        It stops when more epochs than these pass without an improvement of `tol`.
    by_score : bool
        Go by the validation score, and keep the best epoch's weights.
    """

    def __init__(
        self, estimator: Any, machine: Machine, limit: float, tol: float, by_score: bool
    ) -> None:
        self.estimator, self.machine = estimator, machine
        self.limit, self.tol, self.by_score = limit, tol, by_score

    def safe_epochs(self, wanted: int) -> int:
        """So many epochs can pass before the rule could stop or change anything."""
        if self.by_score:
            return 1
        room = self.limit - self.estimator._no_improvement_count + 1
        return int(max(1, min(wanted, room)))

    def rule(self) -> np.ndarray | None:
        """The rule as it stands, for `TrainingRun.watched_epochs`."""
        e = self.estimator
        if self.by_score:
            return None
        best = np.inf if e.best_loss_ is None else e.best_loss_
        return np.array([best, self.tol, self.limit, e._no_improvement_count], np.float64)

    def note(self, loss: float, score: float | None) -> bool:
        """Take an epoch into account; whether it is one too many without improvement."""
        e = self.estimator
        if self.by_score and score is not None:
            # Of a score that is NaN this is true.
            worse = not score >= e.best_validation_score_ + self.tol
            if score > e.best_validation_score_:
                e.best_validation_score_ = score
                e._best = self.machine.keep(), e.n_iter_
        else:
            best = np.inf if e.best_loss_ is None else e.best_loss_
            worse = loss > best - self.tol
            e.best_loss_ = min(best, loss)
        e._no_improvement_count = e._no_improvement_count + 1 if worse else 0
        return bool(e._no_improvement_count > self.limit)

    def message(self) -> str:
        """Why it stops, in scikit-learn's words."""
        what = "Validation score" if self.by_score else "Training loss"
        return (
            f"{what} did not improve more than tol={self.tol:f} for {self.limit:g} consecutive "
            "epochs."
        )

    def restore(self) -> bool:
        """Back to the best epoch; whether there is one."""
        if not self.by_score or self.estimator._best is None:
            return False
        self.machine.return_to(self.estimator._best[0])
        return True
