"""Floor 3. Training: what a fit is to do, what an epoch measures, and who is told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.callbacks import Callback
from fastnn.engine import Rows
from fastnn.history import History
from fastnn.interrupts import Interrupts
from fastnn.losses import Loss
from fastnn.network import Network, Setup


class DivergenceError(ArithmeticError):
    """The loss stopped being finite; the model keeps the last weights whose loss was finite.

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
            "model keeps the last weights whose loss was finite. Try a smaller learning rate, "
            "compile(..., clip_norm=1.0), or Standardize() as the first layer"
        )


@dataclass(frozen=True)
class Part:
    """Some rows: all of them, or those of an index."""

    rows: Rows
    index: np.ndarray | None = None

    @property
    def y(self) -> np.ndarray:
        """Their targets."""
        return self.rows.targets if self.index is None else self.rows.targets[self.index]

    @property
    def sample_weight(self) -> np.ndarray | None:
        """Their weights."""
        weight = self.rows.sample_weight
        return weight if weight is None or self.index is None else weight[self.index]

    def __len__(self) -> int:
        return len(self.rows.X) if self.index is None else len(self.index)

    def weight(self, loss: Loss) -> float:
        """What the sum of the losses of its rows is divided by."""
        if loss.reduction != "mean":
            return 1.0
        weight = self.sample_weight
        return float(len(self)) if weight is None else float(weight.sum())


@dataclass(frozen=True)
class Job:
    """One call of `fit`, checked."""

    rows: Rows
    index: np.ndarray
    epochs: int
    batch_size: int
    shuffle: bool
    validation: Part | None
    callbacks: list[Callback]
    model: Any
    """What the callbacks are shown."""
    validation_freq: int = 1
    measured: Part | None = None
    """What training loss and metrics are measured on after an epoch; None: as training goes."""


def batch_bounds(n: int, batch_size: int) -> np.ndarray:
    """Cuts (n_batches + 1,) of n rows; a last batch of one row joins the one before it."""
    bounds = np.append(np.arange(0, n, batch_size), n)
    if len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        bounds = np.delete(bounds, -2)
    return bounds.astype(np.int64)


def measure(setup: Setup, y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """The metrics of the setup."""
    return {name: float(metric(y, outputs)) for name, metric in setup.metrics.items()}


def score(network: Network, setup: Setup, part: Part) -> dict[str, float]:
    """Loss (with penalties) and metrics of the network as it predicts."""
    outputs, total = network.predict_run(setup.loss).evaluate(part.rows, part.index)
    loss = total / part.weight(setup.loss) + network.state.penalty()
    return {"loss": loss, **measure(setup, part.y, outputs)}


def validate(
    network: Network, setup: Setup, job: Job, row: Mapping[str, float], last: bool
) -> dict[str, list[float]]:
    """What an epoch measured, and what is measured after it, a list a column."""
    columns = dict(row)
    if job.measured is not None:
        columns |= score(network, setup, job.measured)
    if job.validation is not None and (last or (network.epoch + 1) % job.validation_freq == 0):
        scores = score(network, setup, job.validation)
        columns |= {f"val_{name}": value for name, value in scores.items()}
    return {name: [value] for name, value in columns.items()}


def record(
    network: Network, history: History, job: Job, columns: Mapping[str, list[float]],
    start: float, interrupts: Interrupts,
) -> bool:  # fmt: skip
    """Append finished epochs to the history, and ask the callbacks whether to stop."""
    interrupts.hold()
    append(network, history, columns, start)
    # Each callback sees each epoch, also after another has asked to stop.
    stop = any([callback.on_epoch_end(job.model, history) for callback in job.callbacks])
    interrupts.let_go()
    return stop


def append(
    network: Network, history: History, columns: Mapping[str, list[float]], start: float
) -> None:
    """Append epochs, finished since `start`, to the history."""
    count = len(next(iter(columns.values()), []))
    if count:
        seconds = (time.perf_counter() - start) / count
        history.extend(network.epoch + 1, {**columns, "seconds": [seconds] * count})
    network.finish_epochs(count)


def tell_callbacks(job: Job, history: History, at_end: ExitStack) -> None:
    """That training begins, and at its end that it has ended."""
    for callback in job.callbacks:
        callback.on_train_begin(job.model, job.epochs)
        at_end.callback(callback.on_train_end, job.model, history)
