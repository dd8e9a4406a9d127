"""L-BFGS: SciPy's optimizer around the engine's gradient of the full batch."""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn.engine.threads import one_blas_thread
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.training.divergence import DivergenceError
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job, record, tell_callbacks, validate
from fastnn.training.measuring import measure
from fastnn.training.network import Network, Setup


class Objective:
    """Loss and gradient of all rows as a function of the parameter vector."""

    at: Any = slice(None)
    """Which places of the network's parameter vector make the vector here."""

    def __init__(self, network: Network, setup: Setup, data: Data) -> None:
        self.network, self.rows, self.index = network, data.rows, data.index
        n = size = len(data.index)
        if not data.rows.direct and setup.loss.reduction == "sum":
            # The gradients of blocks add up.
            size = min(n, data.rows.at_a_time())
        if not data.rows.direct and size == n:
            self.rows, self.index = data.rows.block(data.index), np.arange(n)
        self.cuts = np.append(np.arange(0, n, size), n)
        self.run = network.gradient_run(setup.loss, size, setup.shares)
        self.outputs = None
        if setup.metrics:
            self.outputs = np.empty((n, network.layout.n_out), network.dtype)
        self.learned = np.zeros(network.layout.n_parameters, dtype=bool)
        for tensor in network.layout.parameters:
            self.learned[tensor.slice] = tensor.layer >= network.frozen

    def parameters(self) -> np.ndarray:
        """The parameters, in double."""
        return self.network.state.parameters[self.at].astype(np.float64)

    def assign(self, parameters: np.ndarray) -> None:
        """Set the parameters."""
        self.network.state.parameters[self.at] = parameters
        self.network.state.changes += 1

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        self.assign(parameters)
        value, gradient = 0.0, np.zeros(len(parameters))
        for low, high in pairwise(self.cuts):
            rows, order = self.rows, self.index[low:high]
            if not rows.direct:
                rows, order = rows.block(order), np.arange(high - low)
            # The step stays, and with it every dropout mask: the objective must not change.
            losses, _ = self.run.steps(
                rows, order, np.array([0, high - low]), np.zeros(1), self.network.step,
                None if self.outputs is None else self.outputs[low:high],
                threads=self.run.threads, penalties=np.array([1.0 if low == 0 else 0.0]),
            )  # fmt: skip
            value += float(losses[0])
            gradient += np.where(self.learned, self.run.gradient, 0)[self.at]
        return value, gradient


def train_lbfgs(network: Network, setup: Setup, history: History, job: Job) -> None:
    """At most `job.epochs` iterations, each recorded as an epoch."""
    options = {
        "maxiter": job.epochs,
        "maxfun": 20 * job.epochs + 20,
        "maxcor": setup.optimizer.settings()["memory"],
        "gtol": setup.optimizer.settings()["tolerance"],
        "ftol": 0.0,
    }
    objective = Objective(network, setup, job.data)
    result = iterate(network, setup, history, job, objective, options)
    if not np.isfinite(result.fun):
        raise DivergenceError(network.epoch + 1, network.step + 1, 1.0, history)


def iterate(
    network: Network, setup: Setup, history: History, job: Job, objective: Objective, options: Any
) -> Any:
    """What SciPy finds; each iteration is recorded as an epoch."""
    from scipy.optimize import minimize

    best = objective.parameters()
    start, last = time.perf_counter(), network.epoch + job.epochs
    interrupts = Interrupts()

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal start
        best[:] = intermediate_result.x
        objective.assign(best)
        row = {"loss": float(intermediate_result.fun)}
        if objective.outputs is not None:
            objective(best)
            rows = job.data.training
            row |= measure(setup, rows.y, objective.outputs, rows.sample_weight)
        columns = validate(network, setup, job, row, network.epoch + 1 == last)
        stop = record(network, history, job, columns, start, interrupts)
        start = time.perf_counter()
        if stop:
            raise StopIteration

    with ExitStack() as at_end:
        tell_callbacks(job, history, at_end)
        try:
            # Its vectors are too short for BLAS to share out.
            with one_blas_thread:
                return minimize(
                    objective, best.copy(), jac=True, method="L-BFGS-B", options=options,
                    callback=after_iteration,
                )  # fmt: skip
        finally:
            objective.assign(best)
