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
        n, n_tasks = len(rates) // count, len(self.program.tasks)
        with self._lock:
            self._begin()
            judge._begin()
            self._point("penalties", None)
            self._read(rows, order, bounds, rates, outputs, 1, 0, n)
            fields = {
                "bounds": (address(bounds), 8 * n), "rates": (address(rates), 8 * n),
                "step": (step, n), "n_steps": (n, 0),
                "losses": (address(self._losses), 8 * n * n_tasks),
                "norms": (address(self._norms), 8 * n_tasks),
            }  # fmt: skip
            calls = np.empty((1 + 2 * count, 5), np.int64)
            calls[0] = 2 * count
            calls[1::2] = self._calls(count, fields)
            calls[2::2], found = judge.calls(count, others, index, answers)
            self._serial(address(calls))
            ends = self._kept["counters"][:, _FAILED]
            first = int(np.argmax(ends > 0))
            self._finish()
            judge._release()
            judge._busy = False
            failed = first * n + int(ends[first]) if ends[first] else 0
            return self._summed(), failed, found.sum(axis=1)
