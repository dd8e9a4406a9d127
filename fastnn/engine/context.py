"""The CONTEXT record: what the compiled loop is told of a program, its arenas and its rows."""

import weakref
from typing import Any

import numpy as np

from fastnn.engine import limits
from fastnn.engine.buffers import State, address, arena, explained_memory
from fastnn.engine.compilation import ensure
from fastnn.engine.plan import Program
from fastnn.inputs.rows import Rows
from fastnn.kernels import codes
from fastnn.layers import Activation, PiecewiseLinearEncoding
from fastnn.losses import Custom, Loss

X_KINDS = {
    np.dtype(np.float32): codes.X_FLOAT32,
    np.dtype(np.float64): codes.X_FLOAT64,
    np.dtype(np.uint8): codes.X_UINT8,
}
FIELDS = {
    name: (k, codes.CONTEXT[name] == np.float64) for k, name in enumerate(codes.CONTEXT.names or ())
}


# A line of 128 bytes each, as Apple's processors have: workers write them at the same time.
COUNTERS = {"ticket": 0, "done": 16, "failed": 32, "arrived": 48}
_GONE = np.empty(0)
"""Stands for an array that is no longer kept: its field is to be set anew, also to none."""
_LET_GO = dict.fromkeys(["X", "y", "sample_weight", "order", "outputs"], _GONE)


class Context:
    """A program with its arenas and the CONTEXT record that the compiled loop reads."""

    _given: tuple[Any, ...]
    """What it was made of."""

    def __init__(
        self, program: Program, state: State, settings: dict[str, Any], n_work: int
    ) -> None:
        self.program, self.state = program, state
        self._busy = False
        self.dtype = state.values.dtype
        self._kept: dict[str, Any] = {}
        self.n_in = program.layout.n_in
        self._kernels = ensure(self.dtype)
        self._serial = self._kernels.serial
        self._context = np.zeros(1, codes.CONTEXT)
        # All fields have eight bytes: one is set by its number, many times faster than by name.
        self._whole, self._real = self._context.view(np.int64), self._context.view(np.float64)
        self._lock = state.lock
        ops = self._ops_with_addresses()
        self._room = self._checked(program, ops, settings, n_work)
        with explained_memory(program.layout, self.dtype, program.rows):
            self.work = arena(n_work, self.dtype)
        self._places = (
            self._kernels.loop,
            address(self._whole),
            address(state.values),
            address(self.work),
        )
        self._form: tuple[Any, ...] = ()
        self._labels_seen: weakref.ref[np.ndarray] | None = None
        self._parts = self._losses = self._norms = np.empty((0, 0))
        self._counters = arena(COUNTERS["arrived"] + len(program.ops), np.dtype(np.int64))
        for name, at in COUNTERS.items():
            self._set(name, address(self._counters) + 8 * at)
        one = [*self._places, int(self._whole[FIELDS["failed"][0]])]
        self._one_call = np.array([[1, 0, 0, 0, 0], one])
        self._only = address(self._one_call)
        self._point("ops", ops)
        layout = program.layout
        fields = {
            "n_ops": len(program.ops), "n_fused": program.n_fused,
            "chunks": program.n_chunks, "targets": program.targets,
            "weights": program.weights, "gradient": program.gradient, "slots": layout.slots,
            "n_targets": program.n_targets, "n_params": layout.n_parameters,
            "members": layout.members[-1], "n_outputs": layout.n_out,
            **settings,
        }  # fmt: skip
        for name, value in fields.items():
            self._set(name, value)
        if program.loss is not None:
            self._describe_loss(program.loss)

    def _checked(
        self, program: Program, ops: np.ndarray, settings: dict[str, Any], n_work: int
    ) -> limits.Room:
        """What the program may use, if it keeps to that."""
        loss, layout = program.loss, program.layout
        room = limits.Room(
            len(self.state.values), program.n_work, program.rows, program.n_chunks,
            layout.n_parameters, program.n_fused, settings.get("scratch_size", 0),
            not settings.get("training", 0),
        )  # fmt: skip
        limits.check_ops(ops, layout.layers, layout.widths, room, loss is not None)
        if loss is not None:
            limits.check_loss(loss, layout.n_out, program.n_targets)
        limits.check_places(program, room, n_work)
        return room

    def _begin(self) -> None:
        """At the beginning of a call; at its end `_busy` is False.

        Of one that Ctrl-C has broken off, nobody knows what the record points to.
        """
        if self._busy:
            self.__init__(*self._given)  # type: ignore[misc]
        self._busy = True

    def _set(self, name: str, value: Any) -> None:
        """Set a field of the context."""
        at, is_real = FIELDS[name]
        (self._real if is_real else self._whole)[at] = value

    def _describe_loss(self, loss: Loss) -> None:
        self._set("loss", loss.kind)
        for name, value in loss.settings().items():
            if isinstance(value, np.ndarray):
                self._point(name, value)
                self._set(f"n_{name}", value.size)
            else:
                self._set(name, value)
        if isinstance(loss, Custom):
            from fastnn.kernels.machine.custom import loss_address

            self._set("loss_function", loss_address(loss.function, self.dtype))

    def _ops_with_addresses(self) -> np.ndarray:
        ops = self.program.ops.copy()
        for op, layer in zip(ops, self.program.layout.layers, strict=True):
            if isinstance(layer, Activation):
                from fastnn.kernels.machine.custom import activation_addresses

                found = activation_addresses(layer.function, layer.derivative, self.dtype)
                op["function"], op["derivative"] = found
            if isinstance(layer, PiecewiseLinearEncoding):
                knots = np.array([x for own in layer.knots for x in own], self.dtype)
                self._kept |= {"ends": layer.ends, "knots": knots}
                op["ends"], op["knots"] = address(layer.ends), address(knots)
        return ops

    def _point(self, name: str, array: np.ndarray | None) -> None:
        """Let a field of the context point to an array, and keep that alive."""
        if self._kept.get(name, _GONE) is not array:
            self._kept[name] = array
            self._whole[FIELDS[name][0]] = 0 if array is None else address(array)

    def _check_targets(self, rows: Rows, n_targets: int) -> None:
        limits.check_targets(rows, n_targets)
        if not rows.labels or rows.y is None:
            return
        if self._labels_seen is None or self._labels_seen() is not rows.y:
            limits.check_labels(rows.y, n_targets)
            self._labels_seen = weakref.ref(rows.y)

    def _read_from(self, rows: Rows) -> None:
        X = rows.X
        if X.shape[1] != self.n_in or not rows.direct:
            raise ValueError(f"rows of {X.shape[1]} numbers; the program reads {self.n_in}")
        if self.program.loss is not None:
            self._check_targets(rows, self.program.n_targets)
        self._point("X", X)
        self._point("y", rows.y)
        self._point("sample_weight", rows.sample_weight)
        form = X.dtype, X.strides, rows.labels
        if form != self._form:
            self._form = form
            self._set("X_kind", X_KINDS[X.dtype])
            self._set("X_row", X.strides[0] // X.itemsize)
            self._set("X_column", X.strides[1] // X.itemsize)
            self._set("labels", rows.labels)

    def _follow(self, order: np.ndarray | None, n: int) -> None:
        """Take the rows in this order, of n that there are."""
        if order is not None:
            limits.check_order(order, n)
        self._point("order", order)
        self._set("n_order", 0 if order is None else len(order))

    def _prepare(
        self, tasks: np.ndarray, phase_ends: np.ndarray, n_steps: int, n_epochs: int = 0
    ) -> None:
        """Take a task table, for so many steps, in which so many epochs end or are under way."""
        numbers = len(self._losses), len(self._norms)
        if self._kept.get("tasks") is tasks and numbers == (n_steps, n_epochs):
            self._parts.fill(0)
            return
        limits.check_tasks(self._kept["ops"], tasks, phase_ends, self._room)
        self._point("tasks", tasks)
        self._point("phases", phase_ends)
        self._set("n_tasks", len(tasks))
        self._set("n_phases", len(phase_ends))
        self._set("n_steps", n_steps)
        self._parts = np.zeros((n_steps + n_epochs, len(tasks)))
        self._losses, self._norms = self._parts[:n_steps], self._parts[n_steps:]
        self._point("losses", self._losses)
        self._point("norms", self._norms)

    def _release(self) -> None:
        """Let go of the user's arrays: a run outlives the call."""
        self._kept.update(_LET_GO)
