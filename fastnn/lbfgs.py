"""Floor 3. L-BFGS: SciPy's optimizer around the engine's gradient of the full batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn.callbacks import Callback
from fastnn.engine import Rows
from fastnn.training import DivergenceError, Validation, gradient_run, record, validate

if TYPE_CHECKING:
    from fastnn.model import Sequential


class _StopRequestError(Exception):
    pass


class Objective:
    """Loss and gradient of all rows as a function of the parameter vector."""

    def __init__(self, model: Sequential, rows: Rows, index: np.ndarray) -> None:
        self.model, self.index = model, index
        self.run = gradient_run(model, len(index))
        self.rows = rows if rows.direct else rows.block(index, model.dtype)
        self.order = index if rows.direct else np.arange(len(index))
        self.outputs = np.empty((len(index), model._layout.n_out), model.dtype)
        self.learned = np.zeros(model._layout.n_parameters, dtype=bool)
        for tensor in model._layout.parameters:
            self.learned[tensor.slice] = tensor.layer >= model.frozen

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        model = self.model
        model._state.parameters[:] = parameters
        bounds = np.array([0, len(self.index)])
        # The step stays, and with it every dropout mask: the objective must not change.
        losses, _ = self.run.steps(
            self.rows, self.order, bounds, np.zeros(1), model._step, self.outputs
        )
        gradient = np.where(self.learned, self.run.gradient, 0).astype(np.float64)
        return float(losses[0]), gradient


def train_lbfgs(
    model: Sequential,
    rows: Rows,
    index: np.ndarray,
    n_epochs: int,
    validation: Validation | None,
    callbacks: Sequence[Callback],
) -> None:
    """At most n_epochs iterations, each recorded as an epoch."""
    from scipy.optimize import minimize

    objective = Objective(model, rows, index)
    optimizer = model.optimizer
    best = model._state.parameters.astype(np.float64)
    clock = [time.perf_counter()]

    def after_iteration(intermediate_result: object) -> None:
        best[:] = intermediate_result.x  # type: ignore[attr-defined]
        model._state.parameters[:] = best
        model._step += 1
        model._epoch += 1
        row = {"loss": float(intermediate_result.fun)}  # type: ignore[attr-defined]
        for name, metric in model.metrics.items():
            row[name] = float(metric(rows.y[index], objective.outputs))
        if validation is not None:
            row |= validate(model, validation)
        record(model, row, clock[0])
        clock[0] = time.perf_counter()
        if any([callback.on_epoch_end(model, model.history) for callback in callbacks]):
            raise _StopRequestError

    for callback in callbacks:
        callback.on_train_begin(model, n_epochs)
    try:
        result = minimize(
            objective, best.copy(), jac=True, method="L-BFGS-B", callback=after_iteration,
            options={
                "maxiter": n_epochs, "maxcor": optimizer.memory, "gtol": optimizer.tolerance,
                "ftol": 0.0, "maxfun": 20 * n_epochs + 20,
            },
        )  # fmt: skip
        if not np.isfinite(result.fun):
            raise DivergenceError(model._epoch + 1, model._step + 1, 1.0, model.history)
    except _StopRequestError:
        pass
    finally:
        model._state.parameters[:] = best
        for callback in callbacks:
            callback.on_train_end(model, model.history)
