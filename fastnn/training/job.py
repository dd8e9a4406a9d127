"""Training: what a fit is to do, and who is told of what it has done."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from fastnn.callbacks import Callback
from fastnn.history import History
from fastnn.inputs.reading import Data
from fastnn.inputs.rows import Part
from fastnn.training.interrupts import Interrupts
from fastnn.training.measuring import Columns, score, told
from fastnn.training.network import Network, Setup


def _as_many(left: int) -> int:
    return left


def _no_rule() -> None:
    return None


class Job(NamedTuple):
    """One call of `fit`, checked."""

    data: Data
    epochs: int
    batch_size: int
    bounds: np.ndarray
    """Cuts between the batches of an epoch."""
    shuffle: bool
    callbacks: list[Callback]
    model: Any
    """What the callbacks are shown."""
    validation_freq: int = 1
    rates: Callable[[int, int], np.ndarray] | None = None
    """The learning rates of so many steps from one on; None: the optimizer's own."""
    score: Callable[[Network, Setup, Part], dict[str, float]] | None = None
    """What validation measures, "loss" among it; None: loss and metrics."""
    ahead: Callable[[int], int] = _as_many
    """So many of the epochs left can pass before somebody decides by what they have measured."""
    rule: Callable[[], np.ndarray | None] = _no_rule
    """Of `TrainingRun.watched_epochs`, as it stands: who decides only after the epoch at which it
    says stop. None: who decides looks at more than the loss."""

    @property
    def largest_batch(self) -> int:
        """Rows of the largest batch; the last one may be it."""
        return max(self.batch_size, len(self.data.index) - int(self.bounds[-2]))


def validate(network: Network, setup: Setup, job: Job, columns: Columns, last: bool) -> None:
    """Add to what an epoch measured what is measured after it."""
    data = job.data
    if data.measured is not None:
        scores = score(network, setup, data.measured)
        columns |= {name: [value] for name, value in scores.items()}
    if data.validation is not None and (last or (network.epoch + 1) % job.validation_freq == 0):
        scores = (job.score or score)(network, setup, data.validation)
        scores["loss"] = told(scores["loss"])
        columns |= {f"val_{name}": [value] for name, value in scores.items()}


def ask(history: History, job: Job, interrupts: Interrupts) -> bool:
    """Ask the callbacks whether to stop, after epochs are in the history."""
    stop = False
    if job.callbacks:
        interrupts.hold(patient=False)
        # Each callback sees each epoch, also after another has asked to stop.
        stop = any([callback.on_epoch_end(job.model, history) for callback in job.callbacks])
    interrupts.let_go()
    return stop


def append(
    network: Network, history: History, columns: dict[str, list[float]], start: float
) -> None:
    """Append epochs, finished since `start`, to the history."""
    count = len(next(iter(columns.values()), []))
    with network.lock:
        if count:
            columns["seconds"] = [(time.perf_counter() - start) / count] * count
            history.extend(network.epoch + 1, columns)
        network.finish_epochs(count)


def tell_callbacks(job: Job, history: History, at_end: ExitStack, interrupts: Interrupts) -> None:
    """That training begins, and at its end, in the same sequence, that it has ended."""
    if not job.callbacks:
        return
    begun: list[Callback] = []

    def end() -> None:
        # What they give back, such as the best weights, is whole.
        interrupts.hold(patient=False)
        with ExitStack() as ends:
            # A stack runs backwards. Each is told, also after another has failed.
            for callback in reversed(begun):
                ends.callback(callback.on_train_end, job.model, history)

    at_end.callback(end)
    for callback in job.callbacks:
        callback.on_train_begin(job.model, job.epochs)
        begun.append(callback)
