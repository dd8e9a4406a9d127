"""Epochs: passes over the rows, step by step, and back to firm ground on divergence."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from fastnn.callbacks import Callback
from fastnn.engine.pace import Pace
from fastnn.history import History
from fastnn.inputs.rows import BLOCK_ELEMENTS, Part
from fastnn.training.batches import batch_bounds
from fastnn.training.divergence import DivergenceError
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job, append, measure, record, tell_callbacks, validate
from fastnn.training.network import Network, Partial, Setup


class Mark(NamedTuple):
    """Where a snapshot was taken: the pass, the steps of it done, and the generator after it."""

    order: np.ndarray
    done: int
    generator: Any


class Epochs:
    """The epochs of one job.

    Where nobody looks at the model after each of them, several are taken in one go, with the
    validation that follows each: the compiled loop then need not return to Python.
    """

    def __init__(
        self, network: Network, setup: Setup, history: History, job: Job, interrupts: Interrupts
    ) -> None:
        self.network, self.setup, self.history = network, setup, history
        self.interrupts = interrupts
        self.rows, self.index, self.shuffle = job.data.rows, job.data.index, job.shuffle
        self.batch_size, self.model = job.batch_size, job.model
        self.bounds = batch_bounds(len(job.data.index), job.batch_size)
        self.n_steps = len(self.bounds) - 1
        self.batch = int(np.diff(self.bounds).max())
        self.keeps_outputs = bool(setup.metrics) and job.data.measured is None
        self.validation = job.data.validation
        self.may_join = self._may_join(job)
        looking = [c for c in job.callbacks if type(c).on_steps_end is not Callback.on_steps_end]
        self.looking = looking
        self.run = network.training_run(setup, self.batch)
        self.pace = Pace(self.run, self.batch)
        self.marks: tuple[Mark | None, Mark | None] = None, None
        """Of the network's snapshots, where they were taken; None: not in this job."""
        self.finished: dict[str, list[float]] = {}
        """What the epochs of the last `take` measured, a list a column; also of one that failed."""
        self._judged: tuple[np.ndarray, np.ndarray | None] | None = None
        self._weights = np.diff(self.bounds).astype(np.float64)
        self._orders = np.empty((0, len(self.index)), np.int64)

    def _may_join(self, job: Job) -> bool:
        """Whether several epochs may be taken in one go."""
        if job.data.measured is not None or any(
            c.every_epoch or c.every_steps for c in job.callbacks
        ):
            return False
        if job.data.validation is None:
            return True
        # Penalties are measured on weights that the next epoch changes.
        direct = (
            job.data.rows.direct and job.data.validation.rows.direct and job.validation_freq == 1
        )
        return direct and not self.network.layout.has_penalties

    def together(self, left: int) -> int:
        """How many of the epochs left to take in one go."""
        if not self.may_join or self.pace.unknown or self.network.partial is not None:
            return 1
        if self.validation is not None and self.pace.best > 1:
            return 1
        width = self.network.layout.n_out if self.setup.metrics else 1
        return self.pace.together(self.n_steps, width * len(self.index), left)

    def take(self, count: int = 1) -> None:
        """Pass over the rows, so many times; each epoch's row is in `finished`.

        Ctrl-C waits for the end of a block, and from the last one on until somebody lets it go.
        """
        network = self.network
        self.finished, self._judged = {}, None
        self.interrupts.hold()
        drawn = network.rng.bit_generator.state if count > 1 else None
        part = self._begun() or self._begin(self._draw(count))
        if network.keep_snapshot(now=self.marks[0] is None):
            mark = Mark(part.order.copy(), part.done, network.rng.bit_generator.state)
            self.marks = mark, self.marks[0]
        failed = self._advance(part, count * self.n_steps)
        if failed:
            self._fail(part, failed, drawn)
        self.finished = self._measured(part, count)

    def _begun(self) -> Partial | None:
        """The epoch that an earlier fit has begun, if this one goes on with it."""
        part = self.network.partial
        if part is None or part.changes != self.network.state.changes:
            return None
        fits = part.continues(self.index, self.batch_size, self.shuffle, self.keeps_outputs)
        return part if fits else None

    def _draw(self, count: int) -> np.ndarray:
        """The rows in the order of so many epochs, until the next ones are drawn."""
        if count > len(self._orders):
            self._orders = np.empty((count, len(self.index)), np.int64)
        orders = self._orders[:count]
        if self.shuffle:
            self.network.shuffle(self.index, orders)
        else:
            orders[:] = self.index
        return orders.ravel()

    def _begin(self, order: np.ndarray) -> Partial:
        network = self.network
        outputs = None
        if self.keeps_outputs:
            outputs = np.empty((len(order), network.layout.n_out), network.dtype)
        count, changes = len(order) // len(self.index), network.state.changes
        losses, norms = np.empty(count * self.n_steps), np.zeros(count)
        return Partial(order, self.batch_size, self.shuffle, losses, norms, outputs, 0, changes)

    def _bounds(self, count: int) -> np.ndarray:
        """Cuts between the batches of several epochs."""
        if count == 1:
            return self.bounds
        starts = np.arange(count)[:, None] * len(self.index)
        return np.append((starts + self.bounds[:-1]).ravel(), count * len(self.index))

    def _advance(self, part: Partial, n: int) -> int:
        """Up to step n of the pass, some at a time; the number, from 1, of a failed one, or 0."""
        network, count = self.network, len(part.norms)
        network.partial = part
        total = len(part.losses)
        self.all_bounds = self._bounds(count)
        rates = self.setup.optimizer.rates(network.step - part.done, total)
        self.rates = network.learning_rate_factor * rates
        if count > 1 and self.validation is not None:
            return self._judged_epochs(part, self.validation)
        while (at := part.done) < n:
            threads, steps = self.pace.next_block()
            stop = self._stop(at, min(n, at + steps))
            start = time.perf_counter()
            losses, failed = self._block(part, at, stop, threads)
            self.pace.note(threads, (time.perf_counter() - start) / (stop - at))
            part.losses[at:stop] = losses
            if failed:
                return at + failed
            network.advance(stop - at)
            if count == 1:
                self.interrupts.let_go()
                for callback in self.looking:
                    callback.on_steps_end(self.model, stop / total)
                self.interrupts.hold()
        return 0

    def _judged_epochs(self, part: Partial, other: Part) -> int:
        """All epochs of a pass, each validated; the number, from 1, of a failed step, or 0."""
        network, start = self.network, time.perf_counter()
        count, answers = len(part.norms), None
        if self.setup.metrics:
            answers = np.empty((count, len(other), network.layout.n_out), network.dtype)
        part.losses[:], failed, totals = self.run.judged_epochs(
            self.rows, part.order, self.all_bounds, self.rates, network.step, part.outputs, count,
            network.predict_run(self.setup.loss), other.rows, other.index, answers,
        )  # fmt: skip
        part.norms[:] = self.run.gradient_norms
        self._judged = totals, answers
        if not failed:
            self.pace.note(1, (time.perf_counter() - start) / len(part.losses))
            network.advance(len(part.losses))
        return failed

    def _stop(self, at: int, stop: int) -> int:
        """Where the block from step `at` must end: for memory, and where callbacks look."""
        if not self.rows.direct:
            stop = min(stop, at + max(1, BLOCK_ELEMENTS // (self.batch * self.run.n_in)))
        now = self.network.step
        for callback in self.looking:
            if callback.every_steps:
                stop = min(stop, at + callback.every_steps - now % callback.every_steps)
        return stop

    def _block(self, part: Partial, at: int, stop: int, threads: int) -> tuple[np.ndarray, int]:
        low, high = self.all_bounds[at], self.all_bounds[stop]
        rows, index = self.rows, part.order[low:high]
        if not rows.direct:
            rows, index = rows.block(index, self.network.dtype), np.arange(high - low)
        outputs = None if part.outputs is None else part.outputs[low:high]
        result = self.run.steps(
            rows, index, self.all_bounds[at : stop + 1] - low, self.rates[at:stop],
            self.network.step, outputs, threads=threads, epoch=(at % self.n_steps, self.n_steps),
        )  # fmt: skip
        # Of an epoch that this block does not end, 0; the next block knows better.
        norms = self.run.gradient_norms
        part.norms[at // self.n_steps :][: len(norms)] = norms
        return result

    def _measured(self, part: Partial, count: int) -> dict[str, list[float]]:
        """Columns of the history for the first epochs of a pass."""
        losses = part.losses[: count * self.n_steps].reshape(count, self.n_steps)
        columns = {"loss": self._mean_losses(losses, part.order).tolist()}
        if part.outputs is not None:
            n = len(self.index)
            cuts = [slice(at, at + n) for at in range(0, count * n, n)]
            y = self.rows.targets
            columns |= self._metrics([(y[part.order[k]], part.outputs[k]) for k in cuts])
        columns["learning_rate"] = self.rates[self.n_steps - 1 :: self.n_steps][:count].tolist()
        columns["gradient_norm"] = part.norms[:count].tolist()
        if self._judged is not None and self.validation is not None:
            (totals, answers), y = self._judged, self.validation.y
            columns["val_loss"] = (
                totals[:count] / self.validation.weight(self.setup.loss.reduction)
            ).tolist()
            if answers is not None:
                found = self._metrics([(y, outputs) for outputs in answers[:count]])
                columns |= {f"val_{name}": values for name, values in found.items()}
        return columns

    def _metrics(self, epochs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, list[float]]:
        """The metrics of targets and outputs, a list a metric."""
        found = [measure(self.setup, *epoch) for epoch in epochs]
        return {name: [row[name] for row in found] for name in self.setup.metrics}

    def _mean_losses(self, losses: np.ndarray, order: np.ndarray) -> np.ndarray:
        """The mean loss of each epoch, a row of `losses`."""
        if self.setup.loss.reduction == "sum":
            return losses.sum(axis=1)
        weights = self._weights
        if self.rows.sample_weight is not None:
            part = self.rows.sample_weight[order[: len(losses) * len(self.index)]]
            weights = np.add.reduceat(part, self._bounds(len(losses))[:-1]) if len(part) else part
            weights = weights.reshape(losses.shape)
        return (losses * weights).sum(axis=1) / weights.sum(axis=-1)

    def _fail(self, part: Partial, failed: int, drawn: Any) -> None:
        """Back to the last weights whose loss was finite, and say so.

        They are those before the update of step `failed - 1`: the steps from the newest snapshot
        before that are taken again.
        """
        network = self.network
        complete = (failed - 1) // self.n_steps
        self.finished = self._measured(part, complete)
        if drawn is not None and self.shuffle:
            # Where the generator would be, had the epochs been taken one by one.
            network.rng.bit_generator.state = drawn
            self._draw(complete + 1)
        rate, first = self.rates[failed - 1], network.step - part.done
        target, drawn = first + failed - 2, network.rng.bit_generator.state
        snapshot, mark = network.snapshots[0], self.marks[0]
        if snapshot.step > target:
            snapshot, mark = network.snapshots[1], self.marks[1]
        network.go_back(snapshot)
        if mark is not None:
            self._repeat(mark, target)
        network.rng.bit_generator.state = drawn
        network.partial = None
        epoch = network.epoch + complete + 1
        raise DivergenceError(epoch, first + failed, rate, self.history)

    def _repeat(self, mark: Mark, target: int) -> None:
        """From a mark take the steps again, up to step `target` of the model's life."""
        network, self.looking, self.validation = self.network, [], None
        network.rng.bit_generator.state = mark.generator
        part = self._begin(mark.order)
        part.done = mark.done
        while network.step < target:
            left = target - network.step
            self._advance(part, min(len(part.losses), part.done + left))
            if network.step < target:
                part = self._begin(self._draw(1))


def train(network: Network, setup: Setup, history: History, job: Job) -> None:
    """Run epochs until their number is reached or a callback asks to stop."""
    with Interrupts() as interrupts, ExitStack() as at_end:
        epochs = Epochs(network, setup, history, job, interrupts)
        tell_callbacks(job, history, at_end)
        left = job.epochs
        while left > 0:
            count, start = epochs.together(left), time.perf_counter()
            left -= count
            try:
                epochs.take(count)
            except DivergenceError:
                append(network, history, epochs.finished, start)
                raise
            columns = epochs.finished
            if count == 1:
                interrupts.let_go()
                row = {name: column[0] for name, column in columns.items()}
                columns = validate(network, setup, job, row, left == 0)
            if record(network, history, job, columns, start, interrupts):
                return
