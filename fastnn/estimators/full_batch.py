"""Training by L-BFGS on all rows, as scikit-learn's MLP calls SciPy's."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fastnn.engine.threads import one_blas_thread
from fastnn.estimators.machine import Machine
from fastnn.estimators.recipe import Objective, summed
from fastnn.estimators.rows import BLOCK_BYTES
from fastnn.estimators.steps import factors_of_tasks
from fastnn.optimizers import LBFGS
from fastnn.training.door import refuse_l1


def positions(machine: Machine) -> np.ndarray:
    """Where the parameters lie in the flat vector: all W, all b, then the others."""
    tensors = machine.network.layout.parameters
    rank = {"W": 0, "b": 1}
    chosen = sorted(tensors, key=lambda t: (rank.get(t.name, 2), t.layer))
    return np.concatenate([np.arange(t.offset, t.offset + t.size) for t in chosen])


class Loss:
    """Mean loss of all rows and its gradient, as a function of the parameters."""

    def __init__(self, machine: Machine, objective: Objective, rows: Any, index: np.ndarray):
        network = machine.network
        self.machine, self.rows, self.index = machine, rows, index
        self.at = positions(machine)
        size = len(index)
        if not rows.direct:
            size = max(1, min(size, BLOCK_BYTES // (machine.n_in * machine.dtype.itemsize)))
        self.cuts = np.append(np.arange(0, len(index), size), len(index))
        # The sum, since the blocks of a sparse table add up.
        self.run = network.gradient_run(summed(objective.loss), size)
        self.factors = factors_of_tasks(self.run, objective)
        weight = rows.sample_weight
        self.total = len(index) if weight is None else float(weight[index].sum())
        self.of_gradient = objective.of_gradient / self.total

    def parameters(self) -> np.ndarray:
        """The parameters (n_parameters,), in double."""
        return self.machine.state.parameters[self.at].astype(np.float64)

    def assign(self, parameters: np.ndarray) -> None:
        """Set the parameters."""
        self.machine.state.parameters[self.at] = parameters
        self.machine.state.changes += 1

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        self.assign(parameters)
        value, gradient = 0.0, np.zeros(len(self.at))
        for block, (low, high) in enumerate(zip(self.cuts[:-1], self.cuts[1:], strict=True)):
            rows, order = self.rows, self.index[low:high]
            if not rows.direct:
                rows, order = rows.block(order, self.machine.dtype), np.arange(high - low)
            penalty = np.array([1.0 if block == 0 else 0.0])
            self.run.steps(
                rows, order, np.array([0, len(order)]), np.zeros(1), self.machine.network.step,
                threads=self.run.threads, penalties=penalty,
            )  # fmt: skip
            value += float((self.run._losses @ self.factors)[0])
            gradient += self.run.gradient[self.at]
        return value / self.total, gradient * self.of_gradient


def train_lbfgs(job: Any) -> None:
    """At most `max_iter` iterations and `max_fun` evaluations."""
    from scipy.optimize import minimize
    from sklearn.utils.optimize import _check_optimize_result

    e, s = job.estimator, job.settings
    refuse_l1(job.machine.network.layout, LBFGS())
    loss = Loss(job.machine, job.objective, job.rows, job.index)
    start = time.perf_counter()
    number = 0

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal start, number
        number += 1
        value = float(intermediate_result.fun)
        if s.verbose:
            print(f"Iteration {number}, loss = {value:.8f}")
        row = {"loss": value}
        if job.validation is not None or job.watch.active:
            loss.assign(intermediate_result.x)
        if job.validation is not None:
            row["val_score"], row["val_loss"] = job.validation.measure(job.machine, job.objective)
        now = time.perf_counter()
        e.history_.append(number, row | {"seconds": now - start})
        start = now
        if job.watch.end_epoch():
            raise StopIteration

    options = {"maxfun": s.max_fun, "maxiter": job.max_iter, "gtol": s.tol}
    # SciPy's own products are of ten vectors: threads would only wait for each other.
    with one_blas_thread:
        result = minimize(
            loss, loss.parameters(), method="L-BFGS-B", jac=True, callback=after_iteration,
            options=options,
        )  # fmt: skip
    e.n_iter_ = _check_optimize_result("lbfgs", result, job.max_iter)
    e.loss_ = float(result.fun)
    loss.assign(result.x)
    job.machine.settle(job.rows, job.index)
