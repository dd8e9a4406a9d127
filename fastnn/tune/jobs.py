"""Jobs: one fold of one trial, run on a thread here or in a process elsewhere."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from fastnn.callbacks import Callback
from fastnn.engine import threads
from fastnn.training.divergence import DivergenceError
from fastnn.tune.splits import Data
from fastnn.tune.states import portable
from fastnn.tune.trial import Curves


class Watch(Callback):
    """Looks at one training: stops it when time is out, or when it is clearly bad.

    Parameters
    ----------
    stop : threading.Event or None
        Set when all must stop.
    deadline : float
        Of `time.time()`.
    limits : list of float
        By epoch, what the best value so far must not be worse than.
    monitor, sign
        As in `Trial.best`.
    """

    def __init__(
        self, stop: Any, deadline: float, limits: list[float], monitor: str, sign: float
    ) -> None:
        self.stop, self.deadline, self.limits = stop, deadline, limits
        self.column, self.sign = monitor, sign
        self.best = math.inf
        self.interrupted = False
        self.pruned = ""
        # Only who prunes looks at each epoch.
        self.every_epoch = bool(limits)

    def on_epoch_end(self, model: Any, history: Any) -> bool:
        """Note the epoch; True stops the training."""
        if self.limits:
            self._judge(history)
        self.interrupted = self.is_out()
        return self.interrupted or bool(self.pruned)

    def is_out(self) -> bool:
        """Whether all must stop."""
        return time.time() >= self.deadline or (self.stop is not None and self.stop.is_set())

    def _judge(self, history: Any) -> None:
        values = [self.sign * value for value in history[self.column] if math.isfinite(value)]
        self.best = min(values, default=math.inf)
        epoch = len(history)
        limit = self.limits[min(epoch, len(self.limits)) - 1]
        if self.best > limit:
            self.pruned = (
                f"after {epoch} epochs {self.column} is {self.sign * self.best:.4g}, worse than "
                f"the median of earlier trials there, {self.sign * limit:.4g}"
            )


@dataclass
class Job:
    """One fold of one trial, up to a number of epochs.

    Attributes
    ----------
    member : Member, or its bytes, or None
        The paused training to go on with; None starts one.
    target : int
        Epochs in all.
    """

    subject: Any
    data: Data
    number: int
    fold: int
    params: dict[str, Any]
    seed: int
    target: int
    watch: Watch
    member: Any = None


@dataclass
class Outcome:
    """What became of a job."""

    number: int
    fold: int
    status: str
    member: Any = None
    curves: Curves = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    reason: str = ""


def run(job: Job) -> Outcome:
    """Build or take up the member, and train it on this thread alone."""
    outcome = Outcome(job.number, job.fold, "done")
    start = time.perf_counter()
    member = job.member
    try:
        with threads.alone():
            if isinstance(member, bytes):
                member = _revived(job, member)
            if job.watch.is_out():
                outcome.status = "interrupted"
            else:
                if member is None:
                    member = job.subject.member(job.params, job.seed)
                outcome.status, outcome.reason = _advance(job, member)
    except DivergenceError as error:
        outcome.status, outcome.reason = "diverged", str(error)
    except Exception as error:
        outcome.status, outcome.reason = "failed", f"{type(error).__name__}: {error}"
    outcome.seconds = time.perf_counter() - start
    if member is not None and not isinstance(member, bytes):
        outcome.member, outcome.curves, outcome.epochs = member, member.curves, member.trained
    return outcome


def _revived(job: Job, state: bytes) -> Any:
    """The member of a state; None, that starts anew, where the state is damaged."""
    try:
        return job.subject.revived(job.params, job.seed, state)
    except ValueError:
        return None


def _advance(job: Job, member: Any) -> tuple[str, str]:
    """Train a member; its status, and the reason for it."""
    target = min(job.target, member.epochs)
    if not member.finished:
        member.advance(job.data, job.fold, target, job.watch)
    if job.watch.pruned:
        return "pruned", job.watch.pruned
    if job.watch.interrupted and member.trained < target:
        return "interrupted", ""
    # It may also have asked to stop early.
    member.finished = member.trained < target or member.trained >= member.epochs
    return "done" if member.finished else "paused", ""


def run_far(job: Job) -> Outcome:
    """`run` in another process: the member travels as bytes, and only if it is paused."""
    outcome = run(job)
    keep = outcome.status in ("paused", "interrupted")
    outcome.member = portable(outcome.member) if keep else None
    return outcome
