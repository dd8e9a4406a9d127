"""Training: what a fit is to do, what an epoch measures, and who is told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.callbacks import Callback
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.inputs.rows import Part
from fastnn.training.interrupts import Interrupts
from fastnn.training.network import Network, Setup


@dataclass(frozen=True)
class Job:
    """One call of `fit`, checked."""

    data: Data
    epochs: int
    batch_size: int
    shuffle: bool
    callbacks: list[Callback]
    model: Any
    """What the callbacks are shown."""
    validation_freq: int = 1


def measure(setup: Setup, y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """The metrics of the setup."""
    return {name: float(metric(y, outputs)) for name, metric in setup.metrics.items()}


def score(network: Network, setup: Setup, part: Part) -> dict[str, float]:
    """Loss (with penalties) and metrics of the network as it predicts."""
    outputs, total = network.predict_run(setup.loss).evaluate(part.rows, part.index)
    loss = total / part.weight(setup.loss.reduction) + network.state.penalty()
    return {"loss": loss, **measure(setup, part.y, outputs)}


def validate(
    network: Network, setup: Setup, job: Job, row: Mapping[str, float], last: bool
) -> dict[str, list[float]]:
    """What an epoch measured, and what is measured after it, a list a column."""
    columns = dict(row)
    if job.data.measured is not None:
        columns |= score(network, setup, job.data.measured)
    if job.data.validation is not None and (last or (network.epoch + 1) % job.validation_freq == 0):
        scores = score(network, setup, job.data.validation)
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
