"""Runs of prediction: rows through the network, and how they score."""

from typing import Any

import numpy as np

from fastnn.engine.buffers import State, address
from fastnn.engine.context import COUNTERS, FIELDS
from fastnn.engine.layout import Layout
from fastnn.engine.plan import Program
from fastnn.engine.run import Run
from fastnn.inputs.rows import Rows
from fastnn.kernels import codes

_X, _OUTPUTS, _FAILED = FIELDS["X"][0], FIELDS["outputs"][0], COUNTERS["failed"]
PREDICT_FLOPS = 1.5e6
"""Work of a task, where a prediction has enough for several."""
PARALLEL_FLOPS = 1e7
"""Below it, entering a parallel region takes longer than it saves."""
SMALL = 4096
"""Elements up to which X is copied to a place that the loop knows."""


class PredictRun(Run):
    """Rows through the network as it predicts, each task with its own activations."""

    def __init__(self, program: Program, state: State, threads: int) -> None:
        self._given = program, state, threads
        super().__init__(
            program, state, {"worker_stride": program.n_work}, threads * program.n_work
        )
        self.threads = threads
        self._point("bounds", np.zeros(2, np.int64))
        self._prepared: tuple[int, int, int] | None = None
        self._plain: tuple[int, ...] | None = None
        self._small: tuple[np.ndarray, np.ndarray] | None = None

    def predict_plain(self, X: Any) -> np.ndarray | None:
        """Outputs for an array (n, features) of the network's own form: the short way.

        None for anything else, where a number is not finite, and where an output is NaN.
        """
        if type(X) is not np.ndarray or X.dtype != self.dtype or not X.flags.carray:
            return None
        shape = X.shape
        if shape != self._plain and (len(shape) != 2 or shape[1] != self.n_in or not X.size):
            return None
        with self._lock:
            self._begin()
            if shape != self._plain:
                self._read(Rows(X, True), None)
                self._set("careful", True)
                self._cut(len(X), codes.PREDICT, len(self.program.ops))
                self._release()
                self._plain, self._small = shape, None
                if X.size <= SMALL:
                    outputs = np.empty((len(X), self.program.layout.n_out), X.dtype)
                    self._small = np.empty_like(X), outputs
                    self._whole[[_X, _OUTPUTS]] = [address(array) for array in self._small]
            if self._small is not None:
                # To ask where an array lies takes longer than to copy a small one.
                inputs, outputs = self._small
                inputs[...] = X
            else:
                outputs = np.empty((len(X), self.program.layout.n_out), self.dtype)
                self._whole[_X], self._whole[_OUTPUTS] = address(X), address(outputs)
            if self._alone:
                self._counters.fill(0)
                self._serial(self._only)
            else:
                self._call(self._workers)
            self._busy = False
            if self._counters[_FAILED]:
                return None
            return outputs if self._small is None else outputs.copy()

    def predict(
        self, rows: Rows, order: np.ndarray | None = None, last: int | None = None
    ) -> np.ndarray:
        """Outputs (n, width) of op last-1, by default the last one, for the rows of `order`."""
        last = len(self.program.ops) if last is None else last
        whole = last == len(self.program.ops)
        width = self.program.layout.n_out if whole else int(self.program.ops[last - 1]["n_out"])
        return self._run(rows, order, codes.PREDICT, last, width)[0]

    def evaluate(self, rows: Rows, order: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """The outputs (n, n_out), and the sum over the rows of weight times loss."""
        width = self.program.layout.n_out
        return self._run(rows, order, codes.EVALUATE, self.program.n_fused, width)

    def calls(
        self, count: int, rows: Rows, order: np.ndarray | None, outputs: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """So many evaluations for `Kernels.serial`, and where they leave each task's loss.

        outputs (count, n, n_out) receives the outputs. Who calls it holds the lock.
        """
        self._read(rows, order)
        n = len(rows) if order is None else len(order)
        self._cut(n, codes.EVALUATE, self.program.n_fused)
        losses = np.zeros((count, self._losses.shape[1]))
        place = (0, 0) if outputs is None else (address(outputs), outputs.strides[0])
        fields = {"losses": (address(losses), losses.strides[0]), "outputs": place}
        return self._calls(count, fields), losses

    def _read(self, rows: Rows, order: np.ndarray | None) -> None:
        """Read rows that have been checked."""
        self._plain = None
        self._set("careful", False)
        self._read_from(rows)
        self._follow(order, len(rows))

    def _cut(self, n: int, kind: int, last: int) -> None:
        """Prepare the tasks for n rows."""
        if self._prepared != (n, kind, last):
            size = self.program.rows
            tasks = [(kind, 0, last, b, min(b + size, n), 0) for b in range(0, n, size)]
            self._prepare(np.array(tasks, codes.TASK), np.array([len(tasks)], np.int64), 1)
            self._prepared = n, kind, last
            pays = n * self.program.layout.flops_per_row >= PARALLEL_FLOPS
            self._workers = self.threads if pays else 1
            self._alone = self._workers == 1

    def _run(
        self, rows: Rows, order: np.ndarray | None, kind: int, last: int, width: int
    ) -> tuple[np.ndarray, float]:
        n = len(rows) if order is None else len(order)
        if not rows.direct:
            return self._run_by_block(rows, order, kind, last, width)
        with self._lock:
            self._begin()
            self._read(rows, order)
            outputs = np.empty((n, width), self.dtype)
            self._point("outputs", outputs)
            self._cut(n, kind, last)
            self._call(self._workers)
            self._release()
            self._busy = False
            return outputs, float(self._losses.sum())

    def _run_by_block(
        self, rows: Rows, order: np.ndarray | None, kind: int, last: int, width: int
    ) -> tuple[np.ndarray, float]:
        n = len(rows) if order is None else len(order)
        size = rows.at_a_time()
        outputs, total = np.empty((n, width), self.dtype), 0.0
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            block = rows.block(part if order is None else order[part])
            outputs[part], loss = self._run(block, None, kind, last, width)
            total += loss
        return outputs, total


def predict_rows(layout: Layout) -> int:
    """Rows of a prediction task: enough work to share out, few enough to stay in cache."""
    least = max(1, 16 // layout.members[-1])
    return int(np.clip(PREDICT_FLOPS // max(layout.flops_per_row, 1), least, 256))
