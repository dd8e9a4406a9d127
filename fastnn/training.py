"""Floor 3. Training: epochs of mini-batches, validation, and what to do when a loss diverges."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastnn.callbacks import Callback
from fastnn.engine import BLOCK_ELEMENTS, PredictRun, Rows, TrainingRun
from fastnn.plan import Program
from fastnn.threads import get_num_threads

if TYPE_CHECKING:
    from fastnn.history import History
    from fastnn.model import Sequential

BLOCK_SECONDS = 0.07
"""Time between returns to Python: for Ctrl-C and progress."""
SNAPSHOT_SHARE = 0.01
"""Share of the time that may go into copies of the state, for a divergence."""


class DivergenceError(ArithmeticError):
    """The loss stopped being finite; the model keeps its last finite weights.

    Attributes
    ----------
    epoch, step : int
        Where it happened, over the model's life, from 1.
    history : History
        The epochs before it.
    """

    def __init__(self, epoch: int, step: int, rate: float, history: History) -> None:
        self.epoch, self.step, self.history = epoch, step, history
        super().__init__(
            f"the loss is not finite at step {step} (epoch {epoch}, learning rate {rate:g}); the "
            "model keeps its last finite weights. Try a smaller learning rate, compile(..., "
            "clip_norm=1.0), or Standardize() as the first layer"
        )


class Validation(NamedTuple):
    """The rows to validate on."""

    rows: Rows
    index: np.ndarray | None


def batch_bounds(n: int, batch_size: int) -> np.ndarray:
    """Cuts (n_batches + 1,) of n rows; a last batch of one row joins the one before it."""
    bounds = np.append(np.arange(0, n, batch_size), n)
    if len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        bounds = np.delete(bounds, -2)
    return bounds.astype(np.int64)


def automatic_batch_size(n: int) -> int:
    """A power of two from 16 to 256, about a fiftieth of the rows."""
    return int(2 ** np.clip(np.round(np.log2(max(n / 50, 1))), 4, 8))


class Epochs:
    """The epochs of one call of `fit`."""

    def __init__(self, model: Sequential, rows: Rows, index: np.ndarray, batch_size: int) -> None:
        self.model, self.rows, self.index = model, rows, index
        self.bounds = batch_bounds(len(index), batch_size)
        largest = int(np.diff(self.bounds).max())
        self.run = model._training_run(largest)
        self.batch = largest
        self.steps_a_second = 1e9 / (1e4 + 0.1 * largest * model._layout.flops_per_row)
        self._snapshot = np.empty(0)
        self._snapshot_step = -1
        self._snapshot_due = 0.0
        weight = rows.sample_weight
        self.batch_weights = np.diff(self.bounds).astype(float) if weight is None else None

    def epoch(self, shuffle: bool) -> dict[str, float]:
        """One pass over the rows; the epoch's loss and metrics."""
        model = self.model
        self._keep_snapshot()
        order = model._rng.permutation(self.index) if shuffle else self.index
        n_steps = len(self.bounds) - 1
        rates = model.optimizer.rates(model._step, n_steps)
        outputs = None
        if model.metrics:
            outputs = np.empty((len(order), model._layout.n_out), model.dtype)
        losses, failed = self._steps(order, rates, 0, n_steps, outputs)
        if failed:
            self._go_back(order, rates, failed)
            step = model._step + failed
            raise DivergenceError(model._epoch + 1, step, rates[failed - 1], model.history)
        model._step += n_steps
        model._epoch += 1
        row = {"loss": self._mean_loss(losses, order)}
        for name, metric in model.metrics.items():
            row[name] = float(metric(self.rows.y[order], outputs))
        return row | {"learning_rate": float(rates[-1])}

    def _mean_loss(self, losses: np.ndarray, order: np.ndarray) -> float:
        if self.model.loss.reduction == "sum":
            return float(losses.sum())
        weights = self.batch_weights
        if weights is None:
            weights = np.add.reduceat(self.rows.sample_weight[order], self.bounds[:-1])
        return float(losses @ weights / weights.sum())

    def _steps(
        self, order: np.ndarray, rates: np.ndarray, first: int, last: int,
        outputs: np.ndarray | None,
    ) -> tuple[np.ndarray, int]:  # fmt: skip
        """Steps first .. last-1 of an epoch, some at a time; their losses, and the failed one."""
        losses = np.empty(last - first)
        at = first
        while at < last:
            stop = min(last, at + max(1, int(BLOCK_SECONDS * self.steps_a_second)))
            if not self.rows.direct:
                size = BLOCK_ELEMENTS // (self.rows.X.shape[1] * self.batch)
                stop = min(stop, at + max(1, size))
            start = time.perf_counter()
            part, failed = self._block(order, rates, at, stop, outputs)
            self.steps_a_second = (stop - at) / max(time.perf_counter() - start, 1e-9)
            losses[at - first : stop - first] = part
            if failed:
                return losses, at + failed
            at = stop
        return losses, 0

    def _block(
        self, order: np.ndarray, rates: np.ndarray, at: int, stop: int, outputs: np.ndarray | None
    ) -> tuple[np.ndarray, int]:
        low, high = self.bounds[at], self.bounds[stop]
        bounds = self.bounds[at : stop + 1] - low
        rows, index = self.rows, order[low:high]
        if not rows.direct:
            rows, index = rows.block(index, self.model.dtype), np.arange(high - low)
        part = None if outputs is None else outputs[low:high]
        step = self.model._step + at
        return self.run.steps(rows, index, bounds, rates[at:stop], step, part)

    def _keep_snapshot(self) -> None:
        start = time.perf_counter()
        if start >= self._snapshot_due:
            self._snapshot = self.model._state.values.copy()
            self._snapshot_step = self.model._step
            now = time.perf_counter()
            self._snapshot_due = now + (now - start) / SNAPSHOT_SHARE

    def _go_back(self, order: np.ndarray, rates: np.ndarray, failed: int) -> None:
        """To the last finite state: the steps of this epoch are taken again, up to it."""
        values = self.model._state.values
        if np.isfinite(values).all():
            return
        steps = failed - 1
        while True:
            values[:] = self._snapshot
            if steps < 1 or self._snapshot_step != self.model._step:
                return
            self._steps(order, rates, 0, steps, None)
            if np.isfinite(values).all():
                return
            steps //= 2


def validate(model: Sequential, validation: Validation) -> dict[str, float]:
    """Loss and metrics on validation rows, as "val_..." columns."""
    scores = score(model, model._predict_run(), validation.rows, validation.index)
    return {f"val_{name}": value for name, value in scores.items()}


def score(
    model: Sequential, run: PredictRun, rows: Rows, index: np.ndarray | None
) -> dict[str, float]:
    """Loss (with penalties) and metrics of the model as it predicts."""
    total, outputs = run.evaluate(rows, index)
    y, weight = rows.y, rows.sample_weight
    if index is not None:
        y = y[index]
        weight = None if weight is None else weight[index]
    if model.loss.reduction == "mean":
        total /= len(outputs) if weight is None else float(weight.sum())
    scores = {"loss": total + model._penalty()}
    for name, metric in model.metrics.items():
        scores[name] = float(metric(y, outputs))
    return scores


def train(
    model: Sequential,
    epochs: Epochs,
    n_epochs: int,
    shuffle: bool,
    validation: Validation | None,
    callbacks: Sequence[Callback],
) -> None:
    """Run epochs until their number is reached or a callback asks to stop."""
    with ExitStack() as at_end:
        for callback in callbacks:
            callback.on_train_begin(model, n_epochs)
            at_end.callback(callback.on_train_end, model, model.history)
        for _ in range(n_epochs):
            start = time.perf_counter()
            row: dict[str, Any] = epochs.epoch(shuffle)
            if validation is not None:
                row |= validate(model, validation)
            record(model, row, start)
            # Each callback sees each epoch, also after another has asked to stop.
            if any([callback.on_epoch_end(model, model.history) for callback in callbacks]):
                return


def record(model: Sequential, row: Mapping[str, float], start: float) -> None:
    """Append an epoch to the history."""
    model.history.append(model._epoch, {**row, "seconds": time.perf_counter() - start})


def gradient_run(model: Sequential, rows: int) -> TrainingRun:
    """A run that leaves the mean gradient of one batch in its gradient vector."""
    program = Program(model._layout, rows, model.loss, frozen=model.frozen, gradient_only=True)
    return TrainingRun(program, model._state, {}, model._dropout_seed, get_num_threads())
