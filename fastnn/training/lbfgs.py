"""L-BFGS: SciPy's optimizer around the engine's gradient of the full batch."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import numpy as np

from fastnn.engine.threads import one_blas_thread
from fastnn.history import History
from fastnn.inputs.rows import Part
from fastnn.training.divergence import DivergenceError
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job, record, tell_callbacks, validate
from fastnn.training.measuring import measure
from fastnn.training.network import Network, Setup


class _StopRequestError(Exception):
    """A callback asks to stop."""


class Objective:
    """Loss and gradient of all rows as a function of the parameter vector."""

    def __init__(self, network: Network, setup: Setup, job: Job) -> None:
        self.network = network
        n = len(job.data.index)
        self.run = network.gradient_run(setup.loss, n)
        self.rows = (
            job.data.rows
            if job.data.rows.direct
            else job.data.rows.block(job.data.index, network.dtype)
        )
        self.order = job.data.index if job.data.rows.direct else np.arange(n)
        self.outputs = np.empty((n, network.layout.n_out), network.dtype)
        self.learned = np.zeros(network.layout.n_parameters, dtype=bool)
        for tensor in network.layout.parameters:
            self.learned[tensor.slice] = tensor.layer >= network.frozen

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        network = self.network
        network.state.assign(parameters)
        bounds = np.array([0, len(self.order)])
        # The step stays, and with it every dropout mask: the objective must not change.
        losses, _ = self.run.steps(
            self.rows, self.order, bounds, np.zeros(1), network.step, self.outputs,
            threads=self.run.threads,
        )  # fmt: skip
        gradient = np.where(self.learned, self.run.gradient, 0).astype(np.float64)
        return float(losses[0]), gradient


def train_lbfgs(network: Network, setup: Setup, history: History, job: Job) -> None:
    """At most `job.epochs` iterations, each recorded as an epoch."""
    from scipy.optimize import minimize

    objective = Objective(network, setup, job)
    best = network.state.parameters.astype(np.float64)
    y = Part(job.data.rows, job.data.index).y
    start, first = time.perf_counter(), network.epoch
    interrupts = Interrupts()

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal start
        best[:] = intermediate_result.x
        network.state.assign(best)
        row = {"loss": float(intermediate_result.fun)}
        if setup.metrics:
            objective(best)
            row |= measure(setup, y, objective.outputs)
        last = network.epoch + 1 == first + job.epochs
        columns = validate(network, setup, job, row, last)
        stop = record(network, history, job, columns, start, interrupts)
        start = time.perf_counter()
        if stop:
            raise _StopRequestError

    options = {
        "maxiter": job.epochs,
        "maxfun": 20 * job.epochs + 20,
        "maxcor": setup.optimizer.settings()["memory"],
        "gtol": setup.optimizer.settings()["tolerance"],
        "ftol": 0.0,
    }
    with ExitStack() as at_end:
        tell_callbacks(job, history, at_end)
        try:
            # Its vectors are too short for BLAS to share out.
            with one_blas_thread:
                result = minimize(
                    objective, best.copy(), jac=True, method="L-BFGS-B", options=options,
                    callback=after_iteration,
                )  # fmt: skip
            if not np.isfinite(result.fun):
                raise DivergenceError(network.epoch + 1, network.step + 1, 1.0, history)
        except _StopRequestError:
            pass
        finally:
            network.state.assign(best)
