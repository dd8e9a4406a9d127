"""The population: all trials of a round, many at a time, over one shared X."""

from __future__ import annotations

import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager, suppress
from typing import Any

from fastnn.tune.jobs import Job, Outcome, Watch, run, run_far
from fastnn.tune.ledger import BEAT_SECONDS, Ledger
from fastnn.tune.splits import Data
from fastnn.tune.states import joined, parted, portable
from fastnn.tune.trial import FINISHED, Trial, mean_curves

POLL_SECONDS = 0.2
"""How often it looks for what others have done, and whether time is out."""
RETRIES = 3
"""How often a job is handed out again when the worker that had it dies."""


class Population:
    """Runs trials of one study until each has its epochs.

    Parameters
    ----------
    ledger, study, subject, data, space
    n_jobs : int
        Threads.
    executor : concurrent.futures.Executor or None
        Runs the jobs instead of threads.
    monitor, sign
        As in `Trial.best`.
    deadline : float
        Of `time.time()`.
    board : Board
        Is told what happens.
    """

    def __init__(
        self, ledger: Ledger, study: int, subject: Any, data: Data, space: Any, *, n_jobs: int,
        executor: Executor | None, monitor: str, sign: float, deadline: float, board: Any,
    ) -> None:  # fmt: skip
        self.ledger, self.study, self.space = ledger, study, space
        self.subject, self.data = subject, data
        self.monitor, self.sign, self.deadline, self.board = monitor, sign, deadline, board
        self.far = executor is not None
        self.executor = executor or ThreadPoolExecutor(n_jobs, thread_name_prefix="fastnn-tune")
        # A few ahead, so that no thread waits for this one; of unknown executors, all.
        size = getattr(executor, "_max_workers", None) if executor is not None else n_jobs
        self.capacity = 10**6 if size is None else size + (1 if size == 1 else 2)
        self.stop = threading.Event()
        self.paused: dict[int, list[Any]] = {}
        self.limits: list[float] = []
        self._flying: dict[Future, Job] = {}
        self._arrived: dict[int, list[Outcome]] = {}
        self._tries: dict[tuple[int, int], int] = {}

    @contextmanager
    def working(self) -> Iterator[None]:
        """Threads and heartbeats, from here to the end of the block."""
        done = threading.Event()

        def beat() -> None:
            # A ledger that cannot be written to is met where trials are recorded.
            with suppress(OSError, ValueError):
                while not done.wait(BEAT_SECONDS):
                    self.ledger.beat()

        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        try:
            with self._stopping_softly():
                yield
        finally:
            self.stop.set()
            if not self.far:
                self.executor.shutdown(wait=True, cancel_futures=True)
            done.set()
            heart.join()

    @contextmanager
    def _stopping_softly(self) -> Iterator[None]:
        """Within it, Ctrl-C stops the trainings at the end of their epochs; a second one leaves."""

        def stop(number: int, frame: Any) -> None:
            if self.stop.is_set():
                signal.default_int_handler(number, frame)
            self.stop.set()
            self.board.say("stopping; what is done is kept (Ctrl-C again to leave at once)")

        ours = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if ours:
            signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            if ours:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def out_of_time(self) -> bool:
        """Whether nothing more may be started."""
        return self.stop.is_set() or time.time() >= self.deadline

    def train(self, trials: list[Trial]) -> bool:
        """Train until each trial has its target or has ended; False where time was out before."""
        self.ledger.enrol(self.study, trials, self.space.labels)
        open_ = self._unfinished(trials)
        queue = deque(self._longest_first(open_))
        while queue or self._flying or self._unfinished(open_):
            self._hand_out(queue)
            if self.far and self.out_of_time:
                self._take_back()
            if self._flying:
                self._collect()
            elif self.out_of_time:
                return not self._unfinished(open_)
            elif not queue:
                queue = self._wait_for_others(open_)
        return True

    def _unfinished(self, trials: list[Trial]) -> list[Trial]:
        progress = self.ledger.progress(self.study)
        return [
            t
            for t in trials
            if progress[t.number][0] not in FINISHED and progress[t.number][1] < t.target
        ]

    def _wait_for_others(self, trials: list[Trial]) -> deque[tuple[Trial, Any]]:
        """Trials that other processes had: those of dead ones are free again."""
        time.sleep(POLL_SECONDS)
        self.ledger.revive(self.study)
        return deque((t, None) for t in self._unfinished(trials))

    def _longest_first(self, trials: list[Trial]) -> list[tuple[Trial, Any]]:
        """The trials with their members, as far as they can be built here."""
        members = [(t, self._untrained(t)) for t in trials]

        def cost(pair: tuple[Trial, Any]) -> float:
            try:
                return -pair[1].cost(self.data)
            except Exception:
                return 0.0

        return sorted(members, key=cost)

    def _untrained(self, trial: Trial) -> Any:
        if trial.number in self.paused:
            return None
        try:
            return self.subject.member(trial.params, trial.seed)
        except Exception:
            # The job meets it again, and says why.
            return None

    def _hand_out(self, queue: deque[tuple[Trial, Any]]) -> None:
        while queue and len(self._flying) < self.capacity and not self.out_of_time:
            trial, member = queue.popleft()
            if self.ledger.claim(self.study, trial.number):
                self.board.start(trial)
                members = self._members(trial, member)
                self._arrived[trial.number] = []
                for fold, known in enumerate(members):
                    self._submit(self._job(trial, fold, known))

    def _members(self, trial: Trial, member: Any) -> list[Any]:
        """What each fold goes on with."""
        n_folds = len(self.data.held_out)
        known = self.paused.pop(trial.number, None)
        if known is None:
            known = parted(self.ledger.state(self.study, trial.number), n_folds)
        if known is not None:
            return known
        # A job elsewhere builds its own: what is built here need not have a pickle.
        first = None if self.far else member
        return [first, *[None] * (n_folds - 1)]

    def _job(self, trial: Trial, fold: int, member: Any) -> Job:
        stop = None if self.far else self.stop
        watch = Watch(stop, self.deadline, self.limits, self.monitor, self.sign)
        if self.far:
            member = portable(member)
        trial_job = (trial.number, fold, trial.params, trial.seed, trial.target)
        return Job(self.subject, self.data, *trial_job, watch, member)

    def _submit(self, job: Job) -> None:
        self._flying[self.executor.submit(run_far if self.far else run, job)] = job

    def _take_back(self) -> None:
        """Cancel the jobs that have not begun; their trials are free again."""
        for future, job in list(self._flying.items()):
            if future.cancel():
                del self._flying[future]
                self._arrived.pop(job.number, None)
                self.ledger.release(self.study, job.number)

    def _collect(self) -> None:
        """Take in what has ended by now."""
        arrived, _ = wait(self._flying, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in arrived:
            job = self._flying.pop(future)
            outcome = self._outcome(future, job)
            # Without a list, another fold of the trial was taken back.
            if outcome is not None and job.number in self._arrived:
                outcomes = self._arrived[job.number]
                outcomes.append(outcome)
                if len(outcomes) == len(self.data.held_out):
                    del self._arrived[job.number]
                    self._record(job, sorted(outcomes, key=lambda o: o.fold))
        self.board.show()

    def _outcome(self, future: Future, job: Job) -> Outcome | None:
        """The outcome; None where its worker died and it was handed out again."""
        try:
            return future.result()
        except BrokenExecutor as error:
            raise RuntimeError(
                f"the executor has broken down ({error}); all finished trials are in "
                f'"{self.ledger.path}": the same call with a new executor goes on from there'
            ) from error
        except (Exception, CancelledError) as error:
            tries = self._tries.get((job.number, job.fold), 0)
            self._tries[job.number, job.fold] = tries + 1
            if self.far and tries < RETRIES and not isinstance(error, pickle.PicklingError):
                self._submit(job)
                return None
            reason = f"{type(error).__name__}: {error}"
            return Outcome(job.number, job.fold, "failed", reason=reason)

    def _record(self, job: Job, outcomes: list[Outcome]) -> None:
        trial = self._summary(job, outcomes)
        state = None
        if trial.status in ("paused", "waiting"):
            members = [outcome.member for outcome in outcomes]
            self.paused[trial.number] = members
            state = joined(members)
        if self.ledger.record(self.study, trial, state):
            self.board.end(trial)

    def _summary(self, job: Job, outcomes: list[Outcome]) -> Trial:
        curves = [outcome.curves for outcome in outcomes]
        trial = Trial(
            job.number, {}, job.params, job.seed,
            curves=mean_curves(curves) if len(curves) > 1 else curves[0],
            folds=curves if len(curves) > 1 else [],
            seconds=sum(outcome.seconds for outcome in outcomes),
        )  # fmt: skip
        statuses = [outcome.status for outcome in outcomes]
        order = ("failed", "diverged", "interrupted", "pruned", "paused", "done")
        trial.status = next(status for status in order if status in statuses)
        trial.reason = next((o.reason for o in outcomes if o.status == trial.status), "")
        epochs = [outcome.epochs for outcome in outcomes]
        # A fold may have stopped early for good; one that was interrupted goes on.
        trial.epochs = min(epochs) if trial.status == "interrupted" else max(epochs)
        if trial.status == "interrupted":
            trial.status = "paused" if any(epochs) else "waiting"
        trial.value, trial.epoch = trial.best(self.monitor, self.sign)
        return trial
