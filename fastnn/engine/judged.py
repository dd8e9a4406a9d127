"""Runs of training: steps, and epochs that are each followed by an evaluation."""

import numpy as np

from fastnn.engine.buffers import address
from fastnn.engine.context import COUNTERS
from fastnn.engine.predictions import PredictRun
from fastnn.engine.steps import StepsRun
from fastnn.inputs.rows import Rows

_FAILED = COUNTERS["failed"]


class TrainingRun(StepsRun):
    """Steps, and several epochs with what is measured after each of them in one call."""

    def judged_epochs(
        self, rows: Rows, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray, step: int,
        outputs: np.ndarray | None, count: int, judge: PredictRun, others: Rows,
        index: np.ndarray | None, answers: np.ndarray | None,
    ) -> tuple[np.ndarray, int, np.ndarray]:  # fmt: skip
        """Epochs on this thread, after each of which other rows are evaluated.

        Parameters
        ----------
        rows, order, bounds, rates, step, outputs
            As of `steps`, for all epochs one after the other.
        count : int
            Number of epochs.
        judge, others, index
            What evaluates, and the rows that it reads.
        answers : array (count, rows, n_out), optional
            Receives the outputs of these rows.

        Returns
        -------
        losses, failed
            As from `steps`.
        totals : array (count,)
            Sums over the other rows of weight times loss; of epochs that did not fail.
        """
        with self._lock:
            self._begin()
            judge._begin()
            calls = self._each_epoch(rows, order, bounds, rates, step, outputs, None, count)
            calls[2::2], found = judge.calls(count, others, index, answers)
            self._serial(address(calls))
            self._finish()
            judge._release()
            judge._busy = False
            return self._summed(), self._failed_step(), found.sum(axis=1)

    def watched_epochs(
        self, rows: Rows, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray, step: int,
        outputs: np.ndarray | None, penalties: np.ndarray | None, count: int, rule: np.ndarray,
    ) -> tuple[np.ndarray, int, int]:  # fmt: skip
        """Epochs on this thread, up to the one after which a rule says stop.

        Parameters
        ----------
        rows, order, bounds, rates, step, outputs, penalties
            As of `steps`, for all epochs one after the other.
        count : int
            Largest number of epochs.
        rule : array (4,) of float64
            The best mean loss of a row in an epoch so far, by how much less another must be, the
            most epochs that may pass without, and how many did. They are changed.

        Returns
        -------
        losses, failed
            As from `steps`; of steps that were not taken, 0.
        done : int
            Number of epochs taken.
        """
        with self._lock:
            self._begin()
            calls = self._each_epoch(rows, order, bounds, rates, step, outputs, penalties, count)
            n = len(rates) // count
            shares = np.ones(len(self.program.tasks)) if self._shares is None else self._shares
            counts = np.outer((bounds[1 : n + 1] - bounds[:n]) / bounds[n], shares)
            records = np.zeros((count, 5), np.int64)
            records[:, 0] = address(self._losses) + self._losses.strides[0] * n * np.arange(count)
            records[:, 1:4] = address(counts), counts.size, address(rule)
            places = address(records) + records.strides[0] * np.arange(count)
            calls[2::2] = 0
            calls[2::2, 0], calls[2::2, 1] = self._kernels.watch, places
            calls[2::2, 4] = places + 4 * records.itemsize
            self._serial(address(calls))
            self._finish()
            stopped = np.flatnonzero(records[:, 4])
            done = int(stopped[0]) + 1 if stopped.size else count
            return self._summed(), self._failed_step(), done

    def _each_epoch(
        self, rows: Rows, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray, step: int,
        outputs: np.ndarray | None, penalties: np.ndarray | None, count: int,
    ) -> np.ndarray:  # fmt: skip
        """Calls for `Kernels.serial`: each epoch, and room for what is to follow it."""
        n, n_tasks = len(rates) // count, len(self.program.tasks)
        self._point("penalties", penalties)
        self._read(rows, order, bounds, rates, outputs, 1, 0, n)
        fields = {
            "bounds": (address(bounds), 8 * n), "rates": (address(rates), 8 * n),
            "step": (step, n), "n_steps": (n, 0),
            "losses": (address(self._losses), 8 * n * n_tasks),
            "norms": (address(self._norms), 8 * n_tasks),
        }  # fmt: skip
        if penalties is not None:
            fields["penalties"] = address(penalties), 8 * n
        calls = np.empty((1 + 2 * count, 5), np.int64)
        calls[0] = 2 * count
        calls[1::2] = self._calls(count, fields)
        return calls

    def _failed_step(self) -> int:
        """Of `_each_epoch`, the number, from 1, of the step that failed, or 0."""
        ends = self._kept["counters"][:, _FAILED]
        first = int(np.argmax(ends > 0))
        n_steps = len(self._losses) // len(ends)
        return first * n_steps + int(ends[first]) if ends[first] else 0
