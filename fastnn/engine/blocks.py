"""Blocks: steps through rows, some at a time, so that Python gets its turn between them."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

import numpy as np

from fastnn.engine.judged import TrainingRun
from fastnn.inputs.rows import Rows


class Course(NamedTuple):
    """Steps through rows: which ones, in which sequence, at which rates.

    The fields are arguments of `TrainingRun.steps`; `first` is the number of updates before the
    first step, and every `per_epoch` steps are an epoch.
    """

    order: np.ndarray
    bounds: np.ndarray
    rates: np.ndarray
    first: int
    per_epoch: int
    outputs: np.ndarray | None = None
    penalties: np.ndarray | None = None

    def part(self, at: int, stop: int) -> Course:
        """The steps from `at` on, up to `stop`."""
        low, high = self.bounds[at], self.bounds[stop]
        return Course(
            self.order[low:high],
            self.bounds[at : stop + 1] - low,
            self.rates[at:stop],
            self.first + at,
            self.per_epoch,
            None if self.outputs is None else self.outputs[low:high],
            None if self.penalties is None else self.penalties[at:stop],
        )


class Blocks:
    """A course taken in blocks of steps, so that Python gets its turn between them."""

    def __init__(self, run: TrainingRun, rows: Rows, batch: int) -> None:
        self.run, self.rows, self.pace = run, rows, run.pace
        self._most = sys.maxsize if rows.direct else max(1, rows.at_a_time() // batch)

    def take(self, course: Course, at: int, stop: int) -> tuple[np.ndarray, int]:
        """The block from step `at` on, up to step `stop` at most; as from `TrainingRun.steps`."""
        threads, steps = self.pace.next_block()
        stop = min(stop, at + steps, at + self._most)
        part = course if at == 0 and stop == len(course.rates) else course.part(at, stop)
        rows, index, start = self.rows, part.order, time.perf_counter()
        if not rows.direct:
            rows, index = rows.block(index), np.arange(len(index))
        found = self.run.steps(
            rows, index, part.bounds, part.rates, part.first, part.outputs,
            penalties=part.penalties, threads=threads, epoch=(at % part.per_epoch, part.per_epoch),
        )  # fmt: skip
        self.pace.note(threads, (time.perf_counter() - start) / (stop - at))
        return found
