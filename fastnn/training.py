"""Floor 3. Training: epochs of mini-batches, validation, and what to do when a loss diverges."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.callbacks import Callback
from fastnn.engine import BLOCK_ELEMENTS, Rows
from fastnn.history import History
from fastnn.network import Network, Setup

BLOCK_SECONDS = 0.07
"""Time between returns to Python: for Ctrl-C and progress."""
TRIAL_SECONDS = 0.004
"""Time given to the other number of threads, to see whether it is faster by now."""


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


def batch_bounds(n: int, batch_size: int) -> np.ndarray:
    """Cuts (n_batches + 1,) of n rows; a last batch of one row joins the one before it."""
    bounds = np.append(np.arange(0, n, batch_size), n)
    if len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        bounds = np.delete(bounds, -2)
    return bounds.astype(np.int64)


class Pace:
    """How many threads pay, and how many steps make a block: found out as training goes.

    One thread and many compute the same bits, so that a run may change over at any step. Many do
    not pay for tiny networks, nor where another program has a processor: then each waits for all.
    """

    def __init__(self, threads: int, guess: float) -> None:
        self.seconds = dict.fromkeys({threads, 1}, guess)
        self.unknown = list(self.seconds)
        self.best = threads
        self.next_trial = 0.0
        self.trial_after = TRIAL_SECONDS

    def next_block(self) -> tuple[int, int]:
        """Threads and number of steps of the block to come."""
        if len(self.seconds) > 1 and not self.unknown and time.perf_counter() >= self.next_trial:
            self.unknown = [k for k in self.seconds if k != self.best]
        threads = self.unknown[0] if self.unknown else self.best
        budget = TRIAL_SECONDS if self.unknown else BLOCK_SECONDS
        # By the faster way: one bad trial must not make the next too short to tell.
        return threads, max(1, int(budget / min(self.seconds.values())))

    def note(self, threads: int, seconds: float) -> None:
        """What a step of the last block took."""
        self.seconds[threads] = seconds
        if threads in self.unknown:
            self.unknown.remove(threads)
            # The first trials come soon, for the first block also warms the caches.
            self.trial_after = min(4 * self.trial_after, 2.0)
            self.next_trial = time.perf_counter() + self.trial_after
        self.best = min(self.seconds, key=self.seconds.__getitem__)


class Epochs:
    """The epochs of one job."""

    def __init__(self, network: Network, setup: Setup, history: History, job: Job) -> None:
        self.network, self.setup, self.history = network, setup, history
        self.rows, self.index, self.shuffle = job.rows, job.index, job.shuffle
        self.bounds = batch_bounds(len(job.index), job.batch_size)
        self.n_steps = len(self.bounds) - 1
        self.batch = int(np.diff(self.bounds).max())
        self.run = network.training_run(setup, self.batch)
        # A first guess; each block corrects it.
        guess = 1e-5 + 1e-10 * self.batch * network.layout.flops_per_row
        self.pace = Pace(self.run.threads, guess)

    def epoch(self) -> dict[str, float]:
        """One pass over the rows; the epoch's loss and metrics."""
        network, setup = self.network, self.setup
        network.keep_snapshot()
        order = network.rng.permutation(self.index) if self.shuffle else self.index
        rates = setup.optimizer.rates(network.step, self.n_steps)
        outputs = None
        if setup.metrics:
            outputs = np.empty((len(order), network.layout.n_out), network.dtype)
        losses, failed = self._steps(order, rates, self.n_steps, outputs)
        if failed:
            step = network.step + failed
            self._go_back(order, rates, failed)
            raise DivergenceError(network.epoch + 1, step, rates[failed - 1], self.history)
        network.finish_epoch(self.n_steps)
        row = {"loss": self._mean_loss(losses, order)}
        if outputs is not None:
            row |= measure(setup, Part(self.rows, order).y, outputs)
        return row | {"learning_rate": float(rates[-1])}

    def _mean_loss(self, losses: np.ndarray, order: np.ndarray) -> float:
        if self.setup.loss.reduction == "sum":
            return float(losses.sum())
        weight = self.rows.sample_weight
        if weight is None:
            weights = np.diff(self.bounds).astype(np.float64)
        else:
            weights = np.add.reduceat(weight[order], self.bounds[:-1])
        return float(losses @ weights / weights.sum())

    def _steps(
        self, order: np.ndarray, rates: np.ndarray, n: int, outputs: np.ndarray | None
    ) -> tuple[np.ndarray, int]:
        """The first n steps of an epoch, some at a time; their losses, and the failed one."""
        losses = np.empty(n)
        at = 0
        while at < n:
            threads, steps = self.pace.next_block()
            stop = min(n, at + steps)
            if not self.rows.direct:
                stop = min(stop, at + max(1, BLOCK_ELEMENTS // (self.batch * self.run.n_in)))
            start = time.perf_counter()
            losses[at:stop], failed = self._block(order, rates, at, stop, outputs, threads)
            self.pace.note(threads, (time.perf_counter() - start) / (stop - at))
            if failed:
                return losses, at + failed
            at = stop
        return losses, 0

    def _block(
        self,
        order: np.ndarray,
        rates: np.ndarray,
        at: int,
        stop: int,
        outputs: np.ndarray | None,
        threads: int,
    ) -> tuple[np.ndarray, int]:
        low, high = self.bounds[at], self.bounds[stop]
        rows, index = self.rows, order[low:high]
        if not rows.direct:
            rows, index = rows.block(index, self.network.dtype), np.arange(high - low)
        part = None if outputs is None else outputs[low:high]
        bounds = self.bounds[at : stop + 1] - low
        step = self.network.step + at
        return self.run.steps(rows, index, bounds, rates[at:stop], step, part, threads=threads)

    def _go_back(self, order: np.ndarray, rates: np.ndarray, failed: int) -> None:
        """To the last weights whose loss was finite: step `failed - 1` of this epoch had them.

        The steps before it are taken again, from the start of the epoch.
        """
        network = self.network
        new, old = network.snapshots
        if failed == 1 and new.step == network.step:
            network.go_back(old)
            return
        replay = failed - 2 if new.step == network.step else 0
        network.go_back(new)
        if replay > 0:
            self._steps(order, rates, replay, None)
            network.step += replay


def measure(setup: Setup, y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """The metrics of the setup."""
    return {name: float(metric(y, outputs)) for name, metric in setup.metrics.items()}


def score(network: Network, setup: Setup, part: Part) -> dict[str, float]:
    """Loss (with penalties) and metrics of the network as it predicts."""
    outputs, total = network.predict_run(setup.loss).evaluate(part.rows, part.index)
    if setup.loss.reduction == "mean":
        weight = part.sample_weight
        total /= len(outputs) if weight is None else float(weight.sum())
    return {"loss": total + network.state.penalty(), **measure(setup, part.y, outputs)}


def record(
    network: Network, setup: Setup, history: History, job: Job, row: Mapping[str, float],
    start: float,
) -> bool:  # fmt: skip
    """Validate, append an epoch to the history, and ask the callbacks whether to stop."""
    columns: dict[str, Any] = dict(row)
    if job.validation is not None:
        scores = score(network, setup, job.validation)
        columns |= {f"val_{name}": value for name, value in scores.items()}
    history.append(network.epoch, {**columns, "seconds": time.perf_counter() - start})
    # Each callback sees each epoch, also after another has asked to stop.
    return any([callback.on_epoch_end(job.model, history) for callback in job.callbacks])


def train(network: Network, setup: Setup, history: History, job: Job) -> None:
    """Run epochs until their number is reached or a callback asks to stop."""
    epochs = Epochs(network, setup, history, job)
    with ExitStack() as at_end:
        for callback in job.callbacks:
            callback.on_train_begin(job.model, job.epochs)
            at_end.callback(callback.on_train_end, job.model, history)
        for _ in range(job.epochs):
            start = time.perf_counter()
            row = epochs.epoch()
            if record(network, setup, history, job, row, start):
                return
