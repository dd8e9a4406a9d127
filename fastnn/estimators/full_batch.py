"""Training by L-BFGS on all rows, as scikit-learn's MLP calls SciPy's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.callbacks import Callback
from fastnn.estimators.machine import Machine
from fastnn.estimators.recipe import setup_of
from fastnn.estimators.warning import warn
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.training.door import refuse_l1
from fastnn.training.job import Job
from fastnn.training.lbfgs import Objective, iterate
from fastnn.training.network import Setup

CONVERGED, ASKED_TO_STOP = 0, 99
"""What SciPy's status may be without a warning."""


def positions(machine: Machine) -> np.ndarray:
    """Where the parameters lie in the flat vector: all W, all b, then the others."""
    rank = {"W": 0, "b": 1}
    chosen = sorted(machine.layout.parameters, key=lambda t: (rank.get(t.name, 2), t.layer))
    return np.concatenate([np.arange(t.offset, t.offset + t.size) for t in chosen])


class Loss(Objective):
    """Mean loss of all rows and its gradient, as a function of the parameters."""

    def __init__(self, machine: Machine, setup: Setup, data: Data, of_gradient: float) -> None:
        # The sum, since the blocks of a sparse table add up.
        super().__init__(machine, replace(setup, loss=replace(setup.loss, reduction="sum")), data)
        self.at = positions(machine)
        self.total = data.training.weight("mean")
        self.of_gradient = of_gradient / self.total

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = super().__call__(parameters)
        return value / self.total, gradient * self.of_gradient


class Iterations(Callback):
    """What follows an iteration."""

    def __init__(self, fit: Any) -> None:
        self.fit, self.number = fit, 0

    def on_epoch_end(self, model: Any, history: History) -> bool:
        """Whether a callback of scikit-learn's asks to stop."""
        self.number += 1
        if self.fit.settings.verbose:
            print(f"Iteration {self.number}, loss = {history['loss'][-1]:.8f}")
        return bool(self.fit.watch.end_epoch())


def train_lbfgs(fit: Any) -> None:
    """At most `max_iter` iterations and `max_fun` evaluations."""
    e, s, machine, data = fit.estimator, fit.settings, fit.machine, fit.data
    setup = setup_of(s, fit.objective)
    refuse_l1(machine.layout, setup.optimizer)
    n = len(data.index)
    bounds = np.array([0, n])
    job = Job(data, fit.max_iter, n, bounds, False, [Iterations(fit)], e, score=fit.score)
    options = {"maxfun": s.max_fun, "maxiter": fit.max_iter, "gtol": s.tol}
    loss = Loss(machine, setup, data, fit.objective.of_gradient)
    result = iterate(machine, setup, e.history_, job, loss, options)
    e.n_iter_ = min(result.nit, fit.max_iter)
    if result.status not in (CONVERGED, ASKED_TO_STOP):
        more = ""
        if e.n_iter_ == fit.max_iter:
            more = f"Increase max_iter, which is {fit.max_iter}. "
        warn(
            f"lbfgs failed to converge after {e.n_iter_} iteration(s) (status={result.status}):\n"
            f"{result.message}\n{more}You might also want to scale the data.",
            ConvergenceWarning,
        )
    e.loss_ = float(result.fun)
    machine.settle(data)
