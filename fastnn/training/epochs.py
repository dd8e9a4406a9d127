"""Epochs: passes over the rows, step by step."""

from __future__ import annotations

import time
from contextlib import ExitStack, nullcontext

import numpy as np

from fastnn.callbacks import Callback
from fastnn.engine.blocks import Blocks, Course
from fastnn.history import History
from fastnn.training.divergence import (
    DivergenceError,
    Marks,
    is_new_overflow,
    warn_of_overflow,
)
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job, append, ask, tell_callbacks, validate
from fastnn.training.joined import WATCHED_EPOCHS, judged_epochs, watched_epochs
from fastnn.training.measuring import judged, running
from fastnn.training.network import Network, Partial, Setup
from fastnn.training.passes import Passes, Stand
from fastnn.training.single import take_single


class Epochs:
    """The epochs of one job.

    Where nobody looks at the model after each of them, several are taken in one go, with the
    validation that follows each: the compiled loop then need not return to Python.
    """

    def __init__(
        self, network: Network, setup: Setup, history: History, job: Job, interrupts: Interrupts
    ) -> None:
        self.network, self.setup, self.history, self.job = network, setup, history, job
        self.interrupts = interrupts
        self.rows, self.validation = job.data.rows, job.data.validation
        self.passes, self.n_steps = Passes(network, setup, job), len(job.bounds) - 1
        self.may_join = self._may_join()
        blind = Callback.on_steps_end
        self.looking = [c for c in job.callbacks if type(c).on_steps_end is not blind]
        batch = job.largest_batch
        self.blocks = Blocks(network.training_run(setup, batch), self.rows, batch)
        self.marks = Marks(network, self.passes)
        # Where threads may pay they are tried out now and then, between blocks.
        alone, plain = self.blocks.run.threads == 1, setup.shares is not None and self.rows.direct
        self.watches = alone and plain and self.validation is None and job.rule() is not None
        """Whether the compiled loop may be told when to stop."""
        self.finished: dict[str, list[float]] = {}
        """What the epochs of the last `take` measured, a list a column; also of one that failed."""

    def _may_join(self) -> bool:
        """Whether several epochs may be taken in one go."""
        job = self.job
        if job.data.measured is not None or any(
            c.every_epoch or c.every_steps for c in job.callbacks
        ):
            return False
        if self.validation is None:
            return True
        direct = self.rows.direct and self.validation.rows.direct
        # Penalties are measured on weights that the next epoch changes.
        plain = job.validation_freq == 1 and job.score is None
        return direct and plain and not self.network.layout.has_penalties

    def together(self, left: int) -> int:
        """How many of the epochs left to take in one go."""
        pace = self.blocks.pace
        if left == 1 or not self.may_join or pace.unknown or self.network.partial is not None:
            return 1
        if self.validation is not None and pace.best > 1:
            return 1
        width = self.network.layout.n_out if self.setup.metrics else 1
        ahead = self.job.ahead(left)
        if self.watches:
            ahead = max(ahead, WATCHED_EPOCHS)
        return pace.together(self.n_steps, width * len(self.passes.index), min(left, ahead))

    def take(self, count: int = 1) -> int:
        """Pass over the rows, at most so many times, and say how many; `finished` has a row each.

        Ctrl-C waits for the end of a block, and from the last one on until somebody lets it go.
        """
        network, passes, validation = self.network, self.passes, self.validation
        self.interrupts.hold()
        self.finished, drawn = {}, passes.drawn if count > 1 else None
        with network.lock:
            part = passes.begun()
            if part is None:
                self.marks.before_draw()
                part = passes.begin(passes.draw(count))
            course = passes.course(part)
            totals, answers, network.partial = None, None, part
        if count > 1 and validation is not None:
            with network.lock:
                failed, totals, answers = judged_epochs(self, part, course, validation)
        elif count > 1 and self.watches and (rule := self.job.rule()) is not None:
            with network.lock:
                failed, count = watched_epochs(self, part, course, rule, drawn)
        else:
            failed = self._advance(part, course, count * self.n_steps)
        spoiled = False
        if not network.state.is_finite:
            self.looking = []
            with network.lock:
                failed, spoiled = self.marks.spoiled(course, failed, self._again)
        done = (failed - 1) // self.n_steps if failed else count
        self.finished = running(self.setup, self.rows, part, course, done)
        if validation is not None and totals is not None:
            # Weights that an epoch's last update has spoiled are not validated.
            sound = (failed - 1 - spoiled) // self.n_steps if failed else count
            answers = None if answers is None else answers[:sound]
            columns = judged(self.setup, validation, totals[:sound], answers) if sound else {}
            self.finished |= {k: v + [np.nan] * (done - sound) for k, v in columns.items()}
        if failed:
            self._fail(course, failed, spoiled, drawn)
        return count

    def _advance(self, part: Partial, course: Course, n: int) -> int:
        """Up to step n of the pass, some at a time; the number, from 1, of a failed one, or 0."""
        network = self.network
        while (at := part.done) < n:
            with network.lock:
                losses, failed = self._take_block(part, course, at, n)
                if failed:
                    return at + failed
                network.advance(len(losses))
            if len(part.norms) == 1 and (self.looking or part.done < n):
                self.interrupts.let_go()
                self._let_look(part.done / self.n_steps)
                self.interrupts.hold()
        return 0

    def _take_block(self, part: Partial, course: Course, at: int, n: int) -> tuple[np.ndarray, int]:
        """Some steps from step `at` on; as from `TrainingRun.steps`."""
        self.marks.keep(part)
        losses, failed = self.blocks.take(course, at, self._next_look(at, n))
        stop = at + len(losses)
        self.marks.took(course.rates[at:stop])
        part.losses[at:stop] = losses
        # Of an epoch that this block does not end, 0; the next block knows better.
        norms = self.blocks.run.gradient_norms
        part.norms[at // self.n_steps :][: len(norms)] = norms
        return losses, failed

    def _let_look(self, fraction: float) -> None:
        """Show the model to the callbacks between two steps."""
        network = self.network
        network.is_mid_epoch = True
        try:
            for callback in self.looking:
                callback.on_steps_end(self.job.model, fraction)
        finally:
            network.is_mid_epoch = False

    def _next_look(self, at: int, n: int) -> int:
        """Where the block from step `at` must end, before step n, for callbacks to look."""
        now = self.network.step
        for callback in self.looking:
            if every := callback.every_steps:
                n = min(n, at + every - now % every)
        return n

    def _fail(self, course: Course, failed: int, spoiled: bool, drawn: Stand | None) -> None:
        """Back to the last weights whose loss was finite, and say so.

        They are those before the update of step `failed - 1`, or those that this fit began with:
        the steps since a mark are taken again.
        """
        network, complete = self.network, (failed - 1) // self.n_steps
        if drawn is not None and self.job.shuffle:
            # Where the generator would be, had the epochs been taken one by one: a state that is
            # not finite at the end of one keeps the next from being drawn.
            self.passes.go_to(drawn)
            self.passes.draw((failed - 1 - spoiled) // self.n_steps + 1)
        state = network.drawn
        self.looking = []
        with network.lock:
            self.marks.go_back(course.first + failed - 2, self._again)
            network.drawn, network.partial = state, None
        raise DivergenceError(
            network.epoch + complete + 1, course.first + failed,
            course.rates[min(failed, len(course.rates)) - 1], self.history,
        )  # fmt: skip

    def _again(self, order: np.ndarray | None, done: int, rates: np.ndarray) -> None:
        """Take steps of these rates that are left of a pass, or of the next one."""
        passes = self.passes
        part = passes.begin(passes.draw(1) if order is None else order)
        part.done, self.network.partial = done, part
        course = passes.course(part)
        stop = min(len(part.losses), done + len(rates))
        course.rates[done:stop] = rates[: stop - done]
        self._advance(part, course, stop)


def train(network: Network, setup: Setup, history: History, job: Job) -> None:
    """Run epochs until their number is reached or a callback asks to stop."""
    if take_single(network, setup, history, job):
        return
    with Interrupts() as interrupts, ExitStack() as at_end:
        interrupts.let_go()
        epochs = Epochs(network, setup, history, job, interrupts)
        tell_callbacks(job, history, at_end, interrupts)
        left = job.epochs
        while left > 0:
            count, start = epochs.together(left), time.perf_counter()
            # Of several epochs in one go other threads, and forks, see all or none.
            with network.lock if count > 1 else nullcontext():
                try:
                    left -= epochs.take(count)
                except DivergenceError:
                    append(network, history, epochs.finished, start)
                    raise
                columns = epochs.finished
                overflows = is_new_overflow(columns, history)
                if count > 1:
                    append(network, history, columns, start)
            if overflows:
                warn_of_overflow(network)
            if count == 1:
                if job.data.is_judged:
                    interrupts.let_go()
                    validate(network, setup, job, columns, left == 0)
                    interrupts.hold()
                append(network, history, columns, start)
            if ask(history, job, interrupts):
                return
