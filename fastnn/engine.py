"""Floor 2. The one door between Python and the compiled loop.

A run fills one CONTEXT record, keeps alive what it points to, and calls the loop by its address.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.buffers import State, arena
from fastnn.compilation import ensure
from fastnn.kernels import codes
from fastnn.layers import Activation
from fastnn.layout import Layout
from fastnn.losses import Custom, Loss
from fastnn.plan import Program
from fastnn.threads import one_blas_thread, region

X_KINDS = {
    np.dtype(np.float32): codes.X_FLOAT32,
    np.dtype(np.float64): codes.X_FLOAT64,
    np.dtype(np.uint8): codes.X_UINT8,
}


@dataclass(frozen=True)
class Rows:
    """Samples: X (n, features), and y and weights where there are any.

    `direct` says that the loop can gather rows of X as it is; else they are cast block by block.
    """

    X: np.ndarray
    direct: bool
    y: np.ndarray | None = None
    labels: bool = False
    sample_weight: np.ndarray | None = None

    @property
    def targets(self) -> np.ndarray:
        """y, of rows that have it."""
        if self.y is None:
            raise TypeError("these rows have no targets")
        return self.y

    def block(self, index: np.ndarray | slice, dtype: np.dtype) -> "Rows":
        """A copy of some rows that the loop can read."""
        y, weight = self.y, self.sample_weight
        return Rows(
            np.ascontiguousarray(self.X[index], dtype=dtype),
            True,
            None if y is None else np.ascontiguousarray(y[index]),
            self.labels,
            None if weight is None else np.ascontiguousarray(weight[index]),
        )


def address(array: np.ndarray) -> int:
    """Where an array's first element lies."""
    return int(array.__array_interface__["data"][0])


class Run:
    """A program with its arenas and its CONTEXT record, ready to be called again and again."""

    work: np.ndarray

    def __init__(self, program: Program, state: State, settings: dict[str, Any]) -> None:
        self.program, self.state = program, state
        self.dtype = state.values.dtype
        self.n_in = program.layout.n_in
        self._loop = ensure(self.dtype)
        self.context = np.zeros(1, codes.CONTEXT)
        self.net = self.context[0]
        self._kept: dict[str, np.ndarray] = {}
        self._counters = arena(24 + len(program.ops), np.dtype(np.int64))
        # A cache line each: workers write them at the same time.
        for name, at in (("ticket", 0), ("done", 8), ("failed", 16), ("arrived", 24)):
            self.net[name] = address(self._counters) + 8 * at
        self._point("ops", self._ops_with_addresses())
        self.net["gemm_block"] = 1_000_000
        self.net["n_ops"], self.net["n_fused"] = len(program.ops), program.n_fused
        self.net["targets"], self.net["weights"] = program.targets, program.weights
        self.net["gradient"], self.net["n_targets"] = program.gradient, program.n_targets
        layout = program.layout
        self.net["slots"], self.net["n_params"] = layout.slots, layout.n_parameters
        if program.loss is not None:
            self._describe_loss(program.loss)
        for name, value in settings.items():
            self.net[name] = value

    def _describe_loss(self, loss: Loss) -> None:
        self.net["loss"] = loss.kind
        for name, value in loss.settings().items():
            if isinstance(value, np.ndarray):
                self._point(name, value)
                self.net[f"n_{name}"] = value.size
            else:
                self.net[name] = value
        if isinstance(loss, Custom):
            from fastnn.kernels.custom import loss_address

            self.net["loss_function"] = loss_address(loss.function, self.dtype)

    def _ops_with_addresses(self) -> np.ndarray:
        ops = self.program.ops.copy()
        for op, layer in zip(ops, self.program.layout.layers, strict=True):
            if isinstance(layer, Activation):
                from fastnn.kernels.custom import activation_addresses

                found = activation_addresses(layer.function, layer.derivative, self.dtype)
                op["function"], op["derivative"] = found
        return ops

    def _point(self, name: str, array: np.ndarray | None) -> None:
        """Let a field of the context point to an array, and keep that alive."""
        if array is None:
            self.net[name] = 0
        else:
            self._kept[name] = array
            self.net[name] = address(array)

    def _read_from(self, rows: Rows) -> None:
        X = rows.X
        self._point("X", X)
        self.net["X_kind"] = X_KINDS[X.dtype]
        self.net["X_row"], self.net["X_column"] = (s // X.itemsize for s in X.strides)
        self._point("y", rows.y)
        self._point("sample_weight", rows.sample_weight)
        self.net["labels"] = rows.labels

    def _follow(self, order: np.ndarray | None) -> None:
        self._point("order", order)
        self.net["n_order"] = 0 if order is None else len(order)

    def _call(self, tasks: np.ndarray, phase_ends: np.ndarray, n_steps: int, wanted: int) -> None:
        from fastnn.kernels.worker import parallel_entry, serial_entry

        self._point("tasks", tasks)
        self._point("phases", phase_ends)
        self.net["n_tasks"], self.net["n_phases"] = len(tasks), len(phase_ends)
        self.net["n_steps"] = n_steps
        self._point("losses", np.zeros((n_steps, len(tasks))))
        self._point("norms", np.zeros(len(tasks)))
        self._counters[:] = 0
        places = address(self.context), address(self.state.values), address(self.work)
        with one_blas_thread, region(wanted) as workers:
            entry = serial_entry() if workers == 1 else parallel_entry()
            entry(self._loop, *places, workers)


class TrainingRun(Run):
    """Mini-batch steps of one program: forward, loss, backward, update."""

    def __init__(
        self, program: Program, state: State, settings: dict[str, Any], seed: int, threads: int
    ) -> None:
        super().__init__(program, state, settings)
        self.threads = threads if max(map(len, program.phases)) > 1 else 1
        self.work = arena(program.n_work + self.threads * program.scratch, self.dtype)
        self._seen = -1
        self.net["scratch"], self.net["scratch_size"] = program.n_work, program.scratch
        self.net["training"], self.net["seed"] = 1, seed
        self.net["reduction"] = program.loss is not None and program.loss.reduction == "mean"

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

        Returns
        -------
        losses : array (n_steps,) of float64
        failed : int
            0, or the number, from 1, of the first step whose loss was not finite. That step and
            the later ones changed no parameter.
        """
        self._read_from(rows)
        self._follow(order)
        self._point("bounds", bounds)
        self._point("rates", rates)
        self._point("outputs", outputs)
        self.net["step"] = step
        self._refresh_transposed()
        program = self.program
        self._call(program.tasks, program.phase_ends, len(rates), threads)
        self.state.changes += 1
        self._seen = self.state.changes
        return self._kept["losses"].sum(axis=1), int(self._counters[16])

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
BLOCK_ELEMENTS = 4_000_000
"""Elements of X that are cast at a time where the loop cannot gather them itself."""


class PredictRun(Run):
    """Rows through the network as it predicts, each task with its own activations."""

    def __init__(self, program: Program, state: State, threads: int) -> None:
        super().__init__(program, state, {})
        self.threads = threads
        self.work = arena(threads * program.n_work, self.dtype)
        self.net["worker_stride"] = program.n_work
        self._point("bounds", np.zeros(2, np.int64))
        self._tasks: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}

    def _cut(self, n: int, kind: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        if (n, kind, last) not in self._tasks:
            size = self.program.rows
            tasks = [(kind, 0, last, b, min(b + size, n), 0) for b in range(0, n, size)]
            self._tasks.clear()
            self._tasks[n, kind, last] = (
                np.array(tasks, codes.TASK),
                np.array([len(tasks)], np.int64),
            )
        return self._tasks[n, kind, last]

    def predict(
        self, rows: Rows, order: np.ndarray | None = None, last: int | None = None
    ) -> np.ndarray:
        """Outputs (n, width) of op last-1, by default the last one, for the rows of `order`."""
        last = len(self.program.ops) if last is None else last
        width = int(self.program.ops[last - 1]["n_out"])
        return self._run(rows, order, codes.PREDICT, last, width)

    def evaluate(self, rows: Rows, order: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """Sum over the rows of weight times loss, and the outputs (n, n_out)."""
        width = self.program.layout.n_out
        self._total = 0.0
        outputs = self._run(rows, order, codes.EVALUATE, self.program.n_fused, width)
        return self._total, outputs

    def _run(
        self, rows: Rows, order: np.ndarray | None, kind: int, last: int, width: int
    ) -> np.ndarray:
        n = len(rows.X) if order is None else len(order)
        if not rows.direct:
            return self._run_by_block(rows, order, kind, last, width)
        self._read_from(rows)
        self._follow(order)
        outputs = np.empty((n, width), self.dtype)
        self._point("outputs", outputs)
        self._call(*self._cut(n, kind, last), 1, self.threads)
        if kind == codes.EVALUATE:
            self._total += float(self._kept["losses"].sum())
        return outputs

    def _run_by_block(
        self, rows: Rows, order: np.ndarray | None, kind: int, last: int, width: int
    ) -> np.ndarray:
        n = len(rows.X) if order is None else len(order)
        size = max(1, BLOCK_ELEMENTS // rows.X.shape[1])
        outputs = np.empty((n, width), self.dtype)
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            block = rows.block(part if order is None else order[part], self.dtype)
            outputs[part] = self._run(block, None, kind, last, width)
        return outputs


def predict_rows(layout: Layout) -> int:
    """Rows of a prediction task: enough work to share out, few enough to stay in cache."""
    return int(np.clip(PREDICT_FLOPS // max(layout.flops_per_row, 1), 16, 256))
