"""Floor 2. The two kinds of run: steps of training, and rows to predict."""

from typing import Any

import numpy as np

from fastnn.buffers import State
from fastnn.engine import BLOCK_ELEMENTS, COUNTERS, FIELDS, Rows, Run, address
from fastnn.kernels import codes
from fastnn.layout import Layout
from fastnn.plan import Program
from fastnn.threads import one_blas_thread, start_threads

_X, _OUTPUTS, _FAILED = FIELDS["X"][0], FIELDS["outputs"][0], COUNTERS["failed"]


SHARED_FLOPS = 1e6
"""A step whose forward pass is shorter is too small to be shared."""


class TrainingRun(Run):
    """Mini-batch steps of one program: forward, loss, backward, update."""

    def __init__(
        self, program: Program, state: State, settings: dict[str, Any], seed: int, threads: int
    ) -> None:
        work = program.rows * program.layout.flops_per_row
        several = max(map(len, program.phases)) > 1
        self.threads = threads if several and work >= SHARED_FLOPS else 1
        fields = {
            "scratch": program.n_work, "scratch_size": program.scratch, "training": 1, "seed": seed,
            "reduction": program.loss is not None and program.loss.reduction == "mean",
        }  # fmt: skip
        n_work = program.n_work + self.threads * program.scratch
        super().__init__(program, state, settings | fields, n_work)
        self._seen = -1
        if self.threads > 1:
            start_threads()

    def steps(
        self,
        rows: Rows,
        order: np.ndarray,
        bounds: np.ndarray,
        rates: np.ndarray,
        step: int,
        outputs: np.ndarray | None = None,
        *,
        threads: int = 1,
        epoch: tuple[int, int] | None = None,
        penalties: np.ndarray | None = None,
    ) -> tuple[np.ndarray, int]:
        """Take len(rates) steps.

        Parameters
        ----------
        rows : Rows
        order : array of int64
            Row numbers; batch s is ``order[bounds[s]:bounds[s + 1]]``.
        bounds : array (n_steps + 1,) of int64
        rates : array (n_steps,)
            Learning rates.
        step : int
            Number of updates made before.
        outputs : array (len(order), n_out), optional
            Receives the network's answers, in the sequence of `order`.
        threads : int, default 1
            Number of workers; it changes no bit.
        epoch : (int, int), optional
            Steps of the first epoch that came before, and steps of an epoch: the last step of each
            leaves its gradient's norm in `gradient_norms`. Default: these steps are one epoch.
        penalties : array (n_steps,) of float64, optional
            Factors of the penalties l1 and l2 in each step. Default: 1.

        Returns
        -------
        losses : array (n_steps,) of float64
        failed : int
            0, or the number, from 1, of the first step whose loss was not finite. That step and
            the later ones changed no parameter.
        """
        with self._lock:
            self._point("penalties", penalties)
            self._read(rows, order, bounds, rates, outputs)
            self._set("step", step)
            self._divide_into_epochs(len(rates), *(epoch or (0, len(rates))))
            self._call(threads)
            self._finish()
            return self._losses.sum(axis=1), int(self._counters[_FAILED])

    def judged_epochs(
        self, rows: Rows, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray, step: int,
        outputs: np.ndarray | None, count: int, judge: "PredictRun", others: Rows,
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
        with self._lock, judge._lock:
            self._point("penalties", None)
            self._read(rows, order, bounds, rates, outputs)
            self._divide_into_epochs(count * n, 0, n)
            fields = {
                "bounds": (address(bounds), 8 * n), "rates": (address(rates), 8 * n),
                "step": (step, n), "n_steps": (n, 0),
                "losses": (address(self._losses), 8 * n * n_tasks),
                "norms": (address(self._norms), 8 * n_tasks),
            }  # fmt: skip
            calls = np.empty((2 * count, 5), np.int64)
            calls[::2] = self._calls(count, fields)
            calls[1::2], found = judge.calls(count, others, index, answers)
            with self._blas:
                self._serial(address(calls), 2 * count)
            ends = self._kept["counters"][:, _FAILED]
            first = int(np.argmax(ends > 0))
            self._finish()
            judge._release()
            failed = first * n + int(ends[first]) if ends[first] else 0
            return self._losses.sum(axis=1), failed, found.sum(axis=1)

    def _read(
        self, rows: Rows, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray,
        outputs: np.ndarray | None,
    ) -> None:  # fmt: skip
        self._read_from(rows)
        self._follow(order)
        self._point("bounds", bounds)
        self._point("rates", rates)
        self._point("outputs", outputs)
        self._refresh_transposed()
        self._prepare(self.program.tasks, self.program.phase_ends, len(rates))

    def _finish(self) -> None:
        self.state.changes += 1
        self._seen = self.state.changes
        self._release()

    def _divide_into_epochs(self, n_steps: int, before: int, steps: int) -> None:
        self._set("epoch_step", before)
        self._set("epoch_steps", steps)
        shape = (before + n_steps - 1) // steps + 1, len(self.program.tasks)
        if self._norms.shape != shape:
            self._norms = np.zeros(shape)
            self._set("norms", address(self._norms))
        else:
            self._norms.fill(0)

    @property
    def gradient_norms(self) -> np.ndarray:
        """Norm of the gradient, before any clipping, at the end of each epoch of the last call."""
        return np.sqrt(self._norms.sum(axis=1))

    def _refresh_transposed(self) -> None:
        if self._seen == self.state.changes:
            return
        for op in self.program.ops[self.program.ops["transposed"] >= 0]:
            n_in, n_out = int(op["n_in"]), int(op["n_out"])
            W = self.state.values[op["weight"] :][: n_in * n_out].reshape(n_in, n_out)
            self.work[op["transposed"] :][: n_in * n_out].reshape(n_out, n_in)[:] = W.T

    @property
    def gradient(self) -> np.ndarray:
        """The gradient vector (n_parameters,) of the last step of a gradient-only program."""
        start = self.program.gradient
        return self.work[start : start + self.program.layout.n_parameters]


PREDICT_FLOPS = 1.5e6
"""Work of a task, where a prediction has enough for several."""
PARALLEL_FLOPS = 1e7
"""Below it, entering a parallel region takes longer than it saves."""
SMALL = 4096
"""Elements up to which X is copied to a place that the loop knows."""
ONE_THREAD_PRODUCT = 1 << 18
"""BLAS takes one thread by itself up to so many multiplications."""


class PredictRun(Run):
    """Rows through the network as it predicts, each task with its own activations."""

    def __init__(self, program: Program, state: State, threads: int) -> None:
        super().__init__(
            program, state, {"worker_stride": program.n_work}, threads * program.n_work
        )
        self.threads = threads
        self._point("bounds", np.zeros(2, np.int64))
        self._prepared: tuple[int, int, int] | None = None
        self._plain: int | None = None
        self._small: tuple[np.ndarray, np.ndarray] | None = None

    def predict_plain(self, X: np.ndarray) -> np.ndarray | None:
        """Outputs for X (n, features), C-contiguous and of the network's type: the short way.

        None where a number is not finite.
        """
        n = len(X)
        with self._lock:
            if self._plain != n:
                self._set("careful", True)
                self._read_from(Rows(X, True))
                self._follow(None)
                self._cut(n, codes.PREDICT, len(self.program.ops))
                self._release()
                self._plain = n
                shape = n, self.program.layout.n_out
                self._small = None
                if X.size <= SMALL:
                    self._small = np.empty_like(X), np.empty(shape, X.dtype)
                    self._whole[[_X, _OUTPUTS]] = [address(array) for array in self._small]
            if self._small is not None:
                # To ask where an array lies takes longer than to copy a small one.
                inputs, outputs = self._small
                inputs[:] = X
            else:
                outputs = np.empty((n, self.program.layout.n_out), self.dtype)
                self._whole[_X], self._whole[_OUTPUTS] = address(X), address(outputs)
            if self._alone:
                self._counters.fill(0)
                self._serial(*self._only)
            else:
                self._call(self._workers)
            if self._counters[_FAILED]:
                return None
            return outputs if self._small is None else outputs.copy()

    def predict(
        self, rows: Rows, order: np.ndarray | None = None, last: int | None = None
    ) -> np.ndarray:
        """Outputs (n, width) of op last-1, by default the last one, for the rows of `order`."""
        last = len(self.program.ops) if last is None else last
        width = int(self.program.ops[last - 1]["n_out"])
        return self._run(rows, order, codes.PREDICT, last, width)[0]

    def evaluate(self, rows: Rows, order: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """The outputs (n, n_out), and the sum over the rows of weight times loss."""
        width = self.program.layout.n_out
        return self._run(rows, order, codes.EVALUATE, self.program.n_fused, width)

    def calls(
        self, count: int, rows: Rows, order: np.ndarray | None, outputs: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """So many evaluations for the serial entry, and where they leave each task's loss.

        outputs (count, n, n_out) receives the outputs. Who calls it holds the lock.
        """
        self._plain = None
        self._set("careful", False)
        self._read_from(rows)
        self._follow(order)
        n = len(rows.X) if order is None else len(order)
        self._cut(n, codes.EVALUATE, self.program.n_fused)
        losses = np.zeros((count, self._losses.shape[1]))
        place = (0, 0) if outputs is None else (address(outputs), outputs.strides[0])
        fields = {"losses": (address(losses), losses.strides[0]), "outputs": place}
        return self._calls(count, fields), losses

    def _cut(self, n: int, kind: int, last: int) -> None:
        """Prepare the tasks for n rows."""
        if self._prepared != (n, kind, last):
            size = self.program.rows
            tasks = [(kind, 0, last, b, min(b + size, n), 0) for b in range(0, n, size)]
            self._prepare(np.array(tasks, codes.TASK), np.array([len(tasks)], np.int64), 1)
            self._prepared = n, kind, last
            pays = n * self.program.layout.flops_per_row >= PARALLEL_FLOPS
            self._workers = self.threads if pays else 1
            ops = self.program.ops
            product = min(n, size) * int((ops["n_in"] * ops["n_out"]).max())
            harmless = self._blas is not one_blas_thread or product <= ONE_THREAD_PRODUCT
            self._alone = self._workers == 1 and harmless

    def _run(
        self, rows: Rows, order: np.ndarray | None, kind: int, last: int, width: int
    ) -> tuple[np.ndarray, float]:
        n = len(rows.X) if order is None else len(order)
        if not rows.direct:
            return self._run_by_block(rows, order, kind, last, width)
        with self._lock:
            self._plain = None
            self._set("careful", False)
            self._read_from(rows)
            self._follow(order)
            outputs = np.empty((n, width), self.dtype)
            self._point("outputs", outputs)
            self._cut(n, kind, last)
            self._call(self._workers)
            self._release()
            return outputs, float(self._losses.sum())

    def _run_by_block(
        self, rows: Rows, order: np.ndarray | None, kind: int, last: int, width: int
    ) -> tuple[np.ndarray, float]:
        n = len(rows.X) if order is None else len(order)
        size = max(1, BLOCK_ELEMENTS // rows.X.shape[1])
        outputs, total = np.empty((n, width), self.dtype), 0.0
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            block = rows.block(part if order is None else order[part], self.dtype)
            outputs[part], loss = self._run(block, None, kind, last, width)
            total += loss
        return outputs, total


def predict_rows(layout: Layout) -> int:
    """Rows of a prediction task: enough work to share out, few enough to stay in cache."""
    return int(np.clip(PREDICT_FLOPS // max(layout.flops_per_row, 1), 16, 256))
