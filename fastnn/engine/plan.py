"""The plan: from a layout to an op table and the tasks of a step.

`Program` places activations and gradients for a batch size and lists the tasks of a step, as the
cuts say. It is a table that can be printed, saved and compared.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from fastnn.engine.cuts import chunks_of, largest_tile, least_tasks, taken_together, updates_of
from fastnn.engine.layout import Layout, padded
from fastnn.kernels import codes
from fastnn.kernels.codes import (
    BATCHNORM,
    DENSE,
    HARDMAX,
    IDENTITY,
    N_STATISTICS,
    PERIODIC,
    PIECEWISE,
    SOFTMAX,
    WITH_GRADIENT,
)
from fastnn.layers import LAYERS, Dense, Embedding, Layer, Members, PeriodicEmbedding
from fastnn.losses import LOSSES, Custom, Loss

ARRAYS = {
    "weight": ("W", "gamma", "scale", "frequency", "table"), "bias": ("b", "beta"),
    "phase": ("phase",), "linear": ("linear",),
}  # fmt: skip
"""Fields of an op, and the arrays of its layer that they place."""
_OURS = {*LAYERS.values(), *LOSSES.values(), Custom, type(None)}
"""Classes whose equal objects are the same to a program."""
ABSENT = "statistics", "partials", "dy", "dx", "packed", "transposed", "strips", "waves"


class Program:
    """The op table of a network for so many rows at once, and the tasks that a run consists of.

    Parameters
    ----------
    layout : Layout
    rows : int
        Largest number of rows that go through at once.
    loss : Loss, optional
        Without one the program only predicts.
    frozen : int, default 0
        Number of first layers that do not learn.
    gradient_only : bool, default False
        Leave the gradient in the gradient vector and update nothing.
    clip_norm : bool, default False
        The update needs the norm of the whole gradient first.
    keeps_copies : bool, default True
        Keep packed copies of weights for the products: who changes the weights renews them.
    """

    def __init__(
        self,
        layout: Layout,
        rows: int,
        loss: Loss | None = None,
        *,
        frozen: int = 0,
        gradient_only: bool = False,
        clip_norm: bool = False,
        keeps_copies: bool = True,
    ) -> None:
        self.layout, self.rows, self.loss = layout, rows, loss
        self.frozen = frozen
        self.ops = np.zeros(len(layout.layers), codes.OP)
        self.n_fused = len(layout.layers)
        if loss is not None and loss.fused is not None:
            self.n_fused -= 1
        self.n_targets = loss.n_targets(layout.n_out) if loss else 0
        self._work = 0
        self.gradient = self._take(layout.n_parameters)
        self._describe_ops()
        self._place_activations()
        if loss is not None:
            self._place_gradients()
            if keeps_copies:
                self._place_copies()
        members = layout.members[-1]
        self.targets = self._take(rows * members * self.n_targets)
        self.weights = self._take(rows * members)
        self.n_chunks = chunks_of(layout, rows)
        self._tables: dict[int, np.ndarray] = {}
        self._place_partials()
        self.phases: list[list[tuple[int, ...]]] = []
        if loss is not None:
            self._schedule(gradient_only or clip_norm)
            if clip_norm and not gradient_only:
                updates = [(codes.APPLY, *t[1:]) for p in self.phases for t in p if _is_update(t)]
                self.phases.append(updates)

    def _take(self, n: int) -> int:
        offset, self._work = self._work, self._work + padded(n)
        return offset

    @property
    def n_work(self) -> int:
        """Elements of the work arena, without the workers' scratch."""
        return self._work

    def _describe_ops(self) -> None:
        layout = self.layout
        for k, (op, layer) in enumerate(zip(self.ops, layout.layers, strict=True)):
            op["kind"], op["layer"] = layer.kind, k
            op["n_in"], op["n_out"] = layout.widths[k], layout.widths[k + 1]
            self._divide(op, k)
            op["alpha"] = layer.alpha
            op["trainable"] = k >= self.frozen
            for field, names in ARRAYS.items():
                found = [t for n in names if (t := layout.tensor(k, n))]
                op[field] = found[0].offset if found else -1
            running = layout.tensor(k, "running")
            op["running"] = running.offset if running else -1
            op["rate"], op["bias_rate"] = layer.rates(layout.widths[k])
            for field in ("momentum", "l1", "l2"):
                op[field] = getattr(layer, field, 0.0)
            for field in ABSENT:
                op[field] = -1

    def _divide(self, op: np.void, k: int) -> None:
        """Into rows that share weights, and pieces with weights of their own."""
        layout, layer = self.layout, self.layout.layers[k]
        op["repeat"] = op["groups"] = 1
        if layer.kind in (DENSE, SOFTMAX, HARDMAX):
            op["repeat"] = layout.rows(k)
            op["groups"] = layout.members[k] // int(op["repeat"])
        elif isinstance(layer, Members):
            op["groups"] = layer.k
        elif isinstance(layer, PeriodicEmbedding):
            op["repeat"], op["start"] = layout.rows(k), layer.start
            op["groups"] = layer.embedded(layout.widths[k] // layout.rows(k))
            op["depth"], op["units"] = layer.frequencies, layer.size - 1
            return
        elif isinstance(layer, Embedding):
            op["start"], op["depth"] = layer.column, 1
            op["groups"], op["units"] = layer.categories, layer.size
            return
        times = int(op["repeat"] * op["groups"])
        op["depth"] = layout.widths[k] // (1 if isinstance(layer, Members) else times)
        op["units"] = layout.widths[k + 1] // times

    def _place_activations(self) -> None:
        """Inputs and outputs; elementwise ops work in place where no backward minds."""
        place = self._take(self.rows * self.layout.n_in)
        before = ""
        for op, layer in zip(self.ops, self.layout.layers, strict=True):
            op["x"] = place
            if layer.kind == IDENTITY:
                # It hands on its input as it is, and what may be read of it is unchanged.
                op["y"] = place
                continue
            elementwise = layer.kind not in (BATCHNORM, HARDMAX, PIECEWISE, *WITH_GRADIENT)
            if not (elementwise and "x" not in layer.backward_reads and "y" not in before):
                place = self._take(self.rows * int(op["n_out"]))
            op["y"] = place
            # A Dense or BatchNorm hands its output on without reading it again.
            before = layer.backward_reads if elementwise else "x"
            if layer.kind == BATCHNORM:
                op["statistics"] = self._take(N_STATISTICS * int(op["n_out"]))
            if layer.kind == PERIODIC:
                op["waves"] = self._take(2 * self.rows * int(op["repeat"] * op["depth"]))

    @cached_property
    def first_trained(self) -> int:
        """The first op that learns: backward goes no further."""
        learning = (self.ops["weight"] >= 0) & (self.ops["trainable"] == 1)
        return int(np.argmax(learning)) if learning.any() else self.n_fused

    def _place_gradients(self) -> None:
        dy = self._take(self.rows * self.layout.widths[self.n_fused])
        for k in range(self.n_fused - 1, -1, -1):
            op = self.ops[k]
            if k < self.first_trained and k < self.n_fused - 1:
                # Nobody goes back so far.
                break
            op["dy"] = dy
            if op["kind"] in WITH_GRADIENT and k > self.first_trained:
                dy = self._take(self.rows * int(op["n_in"]))
                op["dx"] = dy

    def _place_copies(self) -> None:
        from fastnn.kernels.machine.blocks import (
            needs_gradient_strips,
            needs_strips,
            needs_transpose,
            packed_size,
        )

        for op in self.ops:
            if op["kind"] != DENSE or op["groups"] > 1:
                continue
            rows, n_in, n_out = self.rows * int(op["repeat"]), int(op["depth"]), int(op["units"])
            if op["dx"] >= 0 and needs_transpose(n_in, n_out):
                op["transposed"] = self._take(packed_size(n_out, n_in))
            if needs_strips(rows, n_in, n_out):
                op["packed"] = self._take(packed_size(n_in, n_out))
            if needs_gradient_strips(rows, n_in, n_out):
                op["strips"] = self._take(packed_size(rows, n_out))

    def _place_partials(self) -> None:
        for op in self.ops:
            if op["kind"] == BATCHNORM:
                op["partials"] = self._take(self.n_chunks * 3 * int(op["n_out"]))

    def _schedule(self, gradients: bool) -> None:
        """Phases of tasks: forward to each batch norm, the turn, and back with the updates."""
        kind = codes.GRADIENT if gradients else codes.UPDATE
        ops, chunks = self.ops[: self.n_fused], range(self.n_chunks)
        barriers = [
            k for k, op in enumerate(ops) if op["kind"] == BATCHNORM and op["trainable"] == 1
        ]
        starts = [0, *barriers]
        for first, last in zip(starts, barriers, strict=False):
            self._add([(codes.FORWARD, first, last, c, c + 1, 0) for c in chunks])
        floor = self.first_trained
        low = max(barriers[-1] + 1 if barriers else 0, floor)
        n = self.n_fused
        self._add([(codes.TURN, starts[-1], n, c, c + 1, low) for c in chunks])
        stop = n
        for k, barrier in reversed(list(enumerate(barriers))):
            low = max(barriers[k - 1] + 1 if k else 0, floor)
            back = [(codes.BACKWARD, low, barrier + 1, c, c + 1, low) for c in chunks]
            self._add(back + updates_of(self.ops, self.rows, barrier, stop, kind))
            stop = barrier
        self._add(updates_of(self.ops, self.rows, 0, stop, kind))

    def _add(self, tasks: list[tuple[int, ...]]) -> None:
        if tasks:
            self.phases.append(tasks)

    @cached_property
    def tasks(self) -> np.ndarray:
        """The task table of one step, phase after phase, a task a chunk."""
        return np.array([t for phase in self.phases for t in phase], codes.TASK)

    def tasks_for(self, threads: int) -> np.ndarray:
        """The table for so many workers: no more tasks a phase than keep them all at work.

        Whoever takes several chunks at once reads the weights once for them.
        """
        tasks = max(self._least_tasks, 1 << (threads - 1).bit_length())
        return self._together(max(1, self.n_chunks // tasks))

    @cached_property
    def _least_tasks(self) -> int:
        return least_tasks(self.layout, self.rows)

    def _together(self, chunks: int) -> np.ndarray:
        if chunks == 1:
            return self.tasks
        if chunks not in self._tables:
            self._tables[chunks] = taken_together(self.tasks, chunks)
        return self._tables[chunks]

    @cached_property
    def phase_ends(self) -> np.ndarray:
        """Number of tasks up to the end of each phase."""
        return np.cumsum([len(phase) for phase in self.phases], dtype=np.int64)

    @cached_property
    def scratch(self) -> int:
        """Elements that a worker needs for the gradient of its tile."""
        return padded(largest_tile(self.ops, self.rows))


def shared_program(layout: Layout, rows: int, loss: Loss | None, **settings: Any) -> Program:
    """A `Program`, one for all networks of equal layers: a search trains many of them."""
    if not _OURS.issuperset(map(type, (loss, *layout.layers))):
        # What else makes up a user's own class, no comparison knows.
        return Program(layout, rows, loss, **settings)
    # Weights to begin with, which may be large arrays, are no part of it.
    layers = (
        replace(k, init=None) if isinstance(k, Dense) and k.init is not None else k
        for k in layout.layers
    )
    return _known_program(tuple(layers), layout.n_in, rows, loss, **settings)


@lru_cache(32)
def _known_program(
    layers: Sequence[Layer], n_in: int, rows: int, loss: Loss | None, **settings: Any
) -> Program:
    return Program(Layout(layers, n_in), rows, loss, **settings)


def _is_update(task: tuple[int, ...]) -> bool:
    return task[0] == codes.GRADIENT
