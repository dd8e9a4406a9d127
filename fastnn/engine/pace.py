"""Pace: how many threads pay, and how long to stay in the compiled loop."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

import numpy as np

from fastnn.engine.judged import TrainingRun
from fastnn.inputs.rows import Rows

BLOCK_SECONDS = 0.07
"""Time between returns to Python: for Ctrl-C and progress."""
BLOCK_STEPS = 10_000
"""Most steps between returns to Python, however short one seemed: a machine that was idle when it
was measured may be busy by now."""
ROWS_TOGETHER = 1_000_000
"""Largest number of rows of several epochs that are taken in one go."""
TRIAL_SECONDS = 0.004
"""Time given to the other number of threads, to see whether it is faster by now."""


class Pace:
    """How many threads pay, and how many steps make a block: found out as training goes.

    One thread and many compute the same bits, so that a run may change over at any step. Many do
    not pay for tiny networks, nor where another program has a processor: then each waits for all.
    """

    def __init__(self, run: TrainingRun, batch: int) -> None:
        threads = run.threads
        # A first guess; each block corrects it.
        guess = 1e-5 + 1e-10 * batch * run.program.layout.flops_per_row
        self.seconds = dict.fromkeys({threads, 1}, guess)
        self.unknown = list(self.seconds)
        self.best = threads
        self.next_trial = 0.0
        self.trial_after = TRIAL_SECONDS

    def next_block(self) -> tuple[int, int]:
        """Threads and number of steps of the block to come."""
        if len(self.seconds) > 1 and not self.unknown and time.perf_counter() >= self.next_trial:
            self.unknown = [k for k in self.seconds if k != self.best]
        threads = self.unknown[0] if self.unknown else self.best
        budget = TRIAL_SECONDS if self.unknown else BLOCK_SECONDS
        # By the faster way: one bad trial must not make the next too short to tell.
        return threads, max(1, min(int(budget / min(self.seconds.values())), BLOCK_STEPS))

    def together(self, n_steps: int, n_rows: int, left: int) -> int:
        """How many of the epochs left fit into a block, each of so many steps and rows."""
        seconds = n_steps * min(self.seconds.values())
        most = min(ROWS_TOGETHER // n_rows, BLOCK_STEPS // n_steps)
        return max(1, min(left, int(BLOCK_SECONDS / seconds), most))

    def note(self, threads: int, seconds: float) -> None:
        """What a step of the last block took."""
        self.seconds[threads] = seconds
        if threads in self.unknown:
            self.unknown.remove(threads)
            # The first trials come soon, for the first block also warms the caches.
            self.trial_after = min(4 * self.trial_after, 2.0)
            self.next_trial = time.perf_counter() + self.trial_after
        self.best = min(self.seconds, key=self.seconds.__getitem__)


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
        self.run, self.rows, self.pace = run, rows, Pace(run, batch)
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
