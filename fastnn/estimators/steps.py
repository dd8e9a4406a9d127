"""Epochs of steps in the compiled loop, for rows in a given sequence."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fastnn.engine.pace import Pace
from fastnn.engine.steps import TrainingRun
from fastnn.estimators.machine import Machine
from fastnn.estimators.recipe import Objective
from fastnn.estimators.rows import BLOCK_BYTES
from fastnn.inputs.rows import Rows
from fastnn.kernels import codes
from fastnn.training.network import Setup


class DivergedError(ArithmeticError):
    """The loss of a step is not finite."""


def factors_of_tasks(run: TrainingRun, objective: Objective) -> np.ndarray:
    """What a task's part of fastnn's loss counts in scikit-learn's: data, or penalty."""
    turns = run.program.tasks["kind"] == codes.TURN
    return np.where(turns, objective.of_loss, objective.of_gradient)


class Steps:
    """Mini-batches of n rows at a time.

    Parameters
    ----------
    machine : Machine
    setup : Setup
    objective : Objective
    rows : Rows
    index : array (n,) of int64
        The rows that take part.
    batch_size : int
    """

    def __init__(
        self,
        machine: Machine,
        setup: Setup,
        objective: Objective,
        rows: Rows,
        index: np.ndarray,
        batch_size: int,
        join_last: bool = False,
    ) -> None:
        self.machine, self.rows, self.index = machine, rows, index
        n = len(index)
        self.bounds = np.append(np.arange(0, n, batch_size), n)
        if join_last and len(self.bounds) > 2 and n - self.bounds[-2] == 1:
            # A batch of one row has no variance.
            self.bounds = np.delete(self.bounds, -2)
        self.sizes = np.diff(self.bounds)
        self.per_epoch = len(self.sizes)
        self.batch = int(self.sizes.max())
        network = machine.network
        self.run = network.training_run(setup, self.batch)
        self.factors = factors_of_tasks(self.run, objective)
        self.pace = Pace(self.run, self.batch)
        self._repeated: dict[int, np.ndarray] = {}

    def together(self, wanted: int) -> int:
        """So many of the epochs wanted to take in one go: Ctrl-C and memory allow no more."""
        return self.pace.together(self.per_epoch, len(self.index), wanted)

    def orders(self, epochs: int, shuffle: bool) -> np.ndarray:
        """Row numbers of so many epochs, one after the other."""
        n, whole = len(self.index), len(self.index) == self.rows.X.shape[0]
        drawn = [self.machine.next_order(n, shuffle) for _ in range(epochs)]
        positions = drawn[0] if epochs == 1 else np.concatenate(drawn)
        return positions if whole else self.index[positions]

    def epochs(self, epochs: int, shuffle: bool, rates: np.ndarray) -> np.ndarray:
        """Train; the mean loss of each epoch, (epochs,), as scikit-learn counts it."""
        order = self.orders(epochs, shuffle)
        bounds = self._bounds(epochs)
        totals = self._penalties(order, bounds)
        losses = self._steps(order, bounds, rates, totals)
        network = self.machine.network
        network.step += len(rates)
        network.epoch += epochs
        return losses.reshape(epochs, -1) @ self.sizes / len(self.index)

    def _bounds(self, epochs: int) -> np.ndarray:
        if epochs not in self._repeated:
            starts = np.arange(epochs)[:, None] * len(self.index)
            cuts = (starts + self.bounds[:-1]).ravel()
            self._repeated[epochs] = np.append(cuts, epochs * len(self.index))
        return self._repeated[epochs]

    def _penalties(self, order: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """The penalties are divided by the batch's sum of sample weights."""
        weight = self.rows.sample_weight
        if weight is None:
            return 1.0 / np.diff(bounds)
        totals = np.add.reduceat(weight[order], bounds[:-1])
        return np.divide(1.0, totals, out=np.zeros(len(totals)), where=totals > 0)

    def _steps(
        self, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray, penalties: np.ndarray
    ) -> np.ndarray:
        losses = np.empty(len(rates))
        at, n = 0, len(rates)
        while at < n:
            threads, steps = self.pace.next_block()
            stop = min(n, at + steps)
            if not self.rows.direct:
                row = self.run.n_in * self.machine.dtype.itemsize
                stop = min(stop, at + max(1, BLOCK_BYTES // (self.batch * row)))
            start = time.perf_counter()
            part = slice(at, stop)
            losses[part] = self._block(order, bounds, part, rates, penalties, threads)
            self.pace.note(threads, (time.perf_counter() - start) / (stop - at))
            at = stop
        return losses

    def _block(
        self,
        order: np.ndarray,
        bounds: np.ndarray,
        part: slice,
        rates: np.ndarray,
        penalties: np.ndarray,
        threads: int,
    ) -> Any:
        low, high = bounds[part.start], bounds[part.stop]
        rows, index = self.rows, order[low:high]
        if not rows.direct:
            rows, index = rows.block(index, self.machine.dtype), np.arange(high - low)
        cuts = bounds[part.start : part.stop + 1] - low
        _, failed = self.run.steps(
            rows, index, cuts, rates[part], self.machine.network.step + part.start,
            threads=threads, penalties=penalties[part],
        )  # fmt: skip
        if failed:
            raise DivergedError
        return self.run._losses @ self.factors
