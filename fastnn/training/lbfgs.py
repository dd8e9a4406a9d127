"""L-BFGS around the engine's gradient of the full batch; SciPy's, for the estimators."""

from __future__ import annotations

import time
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn.engine.threads import one_blas_thread
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.training.curvature import Curvature, Point, next_point
from fastnn.training.divergence import DivergenceError
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job, append, ask, tell_callbacks, validate
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
        state = self.network.state
        with state.lock:
            # First: who is broken off in between leaves no copy of weights that seems fresh.
            state.changes += 1
            state.parameters[self.at] = parameters

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        with self.network.lock:
            return self._evaluated(parameters)

    def _evaluated(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        self.assign(parameters)
        statistics = self.network.state.statistics
        before = statistics.copy()
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
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            # A search may try such a point, and go on from another.
            statistics[:] = before
        return value, gradient


class Recorder:
    """Records each iteration as an epoch."""

    def __init__(
        self, network: Network, setup: Setup, history: History, job: Job, objective: Objective,
        interrupts: Interrupts,
    ) -> None:  # fmt: skip
        self.network, self.setup, self.history, self.job = network, setup, history, job
        self.objective, self.interrupts = objective, interrupts
        self.start, self.last = time.perf_counter(), network.epoch + job.epochs

    def note(self, x: np.ndarray, value: float) -> bool:
        """After an iteration that has led to x; whether a callback asks to stop."""
        network, objective = self.network, self.objective
        self.interrupts.hold()
        objective.assign(x)
        columns = {"loss": [value]}
        if objective.outputs is not None:
            statistics = network.state.statistics
            kept = statistics.copy()
            objective(x)
            # It has been there before.
            statistics[:] = kept
            rows = self.job.data.training
            found = measure(self.setup, rows.y, objective.outputs, rows.sample_weight)
            columns |= {name: [value] for name, value in found.items()}
        last = network.epoch + 1 == self.last
        validate(network, self.setup, self.job, columns, last)
        append(network, self.history, columns, self.start)
        stop = ask(self.history, self.job, self.interrupts)
        self.start = time.perf_counter()
        return stop


def train_lbfgs(network: Network, setup: Setup, history: History, job: Job) -> None:
    """At most `job.epochs` iterations, each recorded as an epoch.

    What it knows of the curvature stays with the network: the next call goes on with it, if the
    gradient is still the same to the bit.
    """
    memory, tolerance = (setup.optimizer.settings()[name] for name in ("memory", "tolerance"))
    objective = Objective(network, setup, job.data)
    left = job.epochs
    with Interrupts() as interrupts, ExitStack() as at_end:
        recorder = Recorder(network, setup, history, job, objective, interrupts)
        x, kept = objective.parameters(), network.state.statistics.copy()
        now = Point(x, *objective(x))
        known = network.curvature
        if known is None or not np.array_equal(known.gradient, now.gradient):
            known = Curvature.nothing(now.gradient)
        else:
            # An earlier call has been there.
            network.state.statistics[:] = kept
        try:
            interrupts.let_go()
            tell_callbacks(job, history, at_end, interrupts)
            if not (np.isfinite(now.value) and np.isfinite(now.gradient).all()):
                raise DivergenceError(network.epoch + 1, network.step + 1, 1.0, history)
            while left and np.abs(now.gradient).max() > tolerance:
                found = next_point(objective, now, known.direction())
                if found is None and not len(known.steps):
                    break
                if found is None:
                    known = Curvature.nothing(now.gradient)
                    continue
                interrupts.hold()
                with network.lock:
                    # The parameters are rounded to the network's type, and so is what follows.
                    objective.assign(found.x)
                    new = found._replace(x=objective.parameters())
                    known, now, left = known.after(now, new, memory), new, left - 1
                    network.curvature, kept = known, network.state.statistics.copy()
                if recorder.note(now.x, now.value):
                    break
        except BaseException:
            # Of a search that has found nothing nothing stays.
            interrupts.hold()
            network.state.statistics[:] = kept
            raise
        finally:
            interrupts.hold()
            objective.assign(now.x)


def iterate(
    network: Network, setup: Setup, history: History, job: Job, objective: Objective, options: Any
) -> Any:
    """What SciPy finds; each iteration is recorded as an epoch."""
    from scipy.optimize import minimize

    best, statistics = objective.parameters(), network.state.statistics
    kept = statistics.copy()

    def after_iteration(intermediate_result: Any) -> None:
        best[:], kept[:] = intermediate_result.x, statistics
        if recorder.note(best, float(intermediate_result.fun)):
            raise StopIteration

    with Interrupts() as interrupts, ExitStack() as at_end:
        recorder = Recorder(network, setup, history, job, objective, interrupts)
        interrupts.let_go()
        tell_callbacks(job, history, at_end, interrupts)
        try:
            # Its sums are BLAS's, which adds up otherwise where it shares them out.
            with one_blas_thread:
                result = minimize(
                    objective, best.copy(), jac=True, method="L-BFGS-B", options=options,
                    callback=after_iteration,
                )  # fmt: skip
            if not np.isfinite(result.fun):
                statistics[:] = kept
            return result
        finally:
            interrupts.hold()
            objective.assign(best)
