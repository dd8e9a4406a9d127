"""Runs of training: steps, and epochs that are each followed by an evaluation."""

from typing import Any

import numpy as np

from fastnn.engine import limits, team
from fastnn.engine.buffers import State
from fastnn.engine.context import COUNTERS
from fastnn.engine.pace import Pace
from fastnn.engine.plan import Program
from fastnn.engine.run import Run
from fastnn.inputs.rows import Rows
from fastnn.kernels.codes import DENSE, TURN

_FAILED = COUNTERS["failed"]

FEW_TASKS = 8
"""Below it NumPy adds up a row as it adds columns, which is ten times as fast."""
SHARED_FLOPS = 1e6
"""A step whose forward pass is shorter is too small to be shared."""


def write_strips(B: np.ndarray, target: np.ndarray) -> None:
    """Write the packed copy of B (depth, n), as the kernels' `pack` does."""
    from fastnn.kernels.machine.blocks import strip_size

    (depth, n), wide = B.shape, strip_size(B.itemsize)
    whole = n - n % wide
    strips = target[: depth * whole].reshape(-1, depth, wide)
    strips[:] = B[:, :whole].reshape(depth, -1, wide).swapaxes(0, 1)
    if whole < n:
        target[depth * whole :][: depth * wide].reshape(depth, wide)[:, : n - whole] = B[:, whole:]


def _over_tasks(parts: np.ndarray) -> np.ndarray:
    """The sums of the rows of parts (n, tasks), the same bits however many rows there are."""
    if parts.shape[1] >= FEW_TASKS:
        return parts.sum(axis=1)
    total = parts[:, 0].copy()
    for task in range(1, parts.shape[1]):
        total += parts[:, task]
    return total


class StepsRun(Run):
    """Mini-batch steps of one program: forward, loss, backward, update."""

    def __init__(
        self, program: Program, state: State, settings: dict[str, Any], seed: int, threads: int,
        shares: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        self._given = program, state, settings, seed, threads, shares
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
        self._division: tuple[int, ...] = ()
        self.gradient_norms = np.empty(0)
        """Norm of the gradient, before any clipping, at the end of each epoch of the last call."""
        self.pace = Pace(self.threads, work)
        self._shares: np.ndarray | None = None
        """What each task's part counts in the loss of a step; None: 1."""
        if shares is not None:
            self._shares = np.where(program.tasks["kind"] == TURN, *shares)
        if self.threads > 1:
            team.prepare(self._kernels)

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
            Number of workers, at most those that the run was made for; it changes no bit.
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
            self._begin()
            self._point("penalties", penalties)
            threads, epoch = min(threads, self.threads), epoch or (0, len(rates))
            self._read(rows, order, bounds, rates, outputs, threads, *epoch)
            self._set("step", step)
            self._call(threads)
            self._finish()
            return self._summed(), int(self._counters[_FAILED])

    def _summed(self) -> np.ndarray:
        """The loss of each step; `gradient_norms` are those of its epochs from now on."""
        if self._shares is not None:
            self._losses *= self._shares
        sums, n = _over_tasks(self._parts), len(self._losses)
        self.gradient_norms = np.sqrt(sums[n:])
        return sums[:n]

    def _read(
        self, rows: Rows, order: np.ndarray, bounds: np.ndarray, rates: np.ndarray,
        outputs: np.ndarray | None, threads: int, before: int, per_epoch: int,
    ) -> None:  # fmt: skip
        limits.check_batches(bounds, rates, order, self._room, self._kept.get("bounds"))
        self._read_from(rows)
        self._follow(order, len(rows))
        self._point("bounds", bounds)
        self._point("rates", rates)
        self._point("outputs", outputs)
        self._refresh_copies()
        if (before, per_epoch) != self._division:
            self._division = before, per_epoch
            self._set("epoch_step", before)
            self._set("epoch_steps", per_epoch)
        tasks, n = self.program.tasks_for(threads), len(rates)
        n_epochs = (before + n - 1) // per_epoch + 1
        self._prepare(tasks, self.program.phase_ends, n, n_epochs)

    def _finish(self) -> None:
        self.state.changes += 1
        self._seen = self.state.changes
        self._release()
        self._busy = False

    def _refresh_copies(self) -> None:
        if self._seen == self.state.changes:
            return
        for op in self.program.ops[self.program.ops["kind"] == DENSE]:
            n_in, n_out = int(op["depth"]), int(op["units"])
            W = self.state.values[op["weight"] :][: n_in * n_out].reshape(n_in, n_out)
            for field, B in (("packed", W), ("transposed", W.T)):
                if op[field] >= 0:
                    write_strips(B, self.work[op[field] :])

    @property
    def gradient(self) -> np.ndarray:
        """The gradient vector (n_parameters,) of the last step of a gradient-only program."""
        start = self.program.gradient
        return self.work[start : start + self.program.layout.n_parameters]
