"""The board: what a search shows while it runs."""

from __future__ import annotations

import contextlib
import time
from typing import Any, TextIO

from fastnn.inputs.screens import is_live, screen, write
from fastnn.inputs.settings import is_one_of
from fastnn.tune.trial import FINISHED, Trial

TOP = 5
"""Trials on the leaderboard."""
REFRESH_SECONDS = 0.25


class Board:
    """The leaderboard and the progress: a table with rich, else one line; nothing into a pipe.

    Parameters
    ----------
    verbose : {"auto", 0, 1}
        "auto" shows on a terminal; 1 also writes the last line elsewhere.
    total : int or None
        Trials; None: as many as time allows.
    """

    def __init__(
        self, space: Any, total: int | None, sign: float, monitor: str, deadline: float,
        verbose: Any = "auto", stream: TextIO | None = None,
    ) -> None:  # fmt: skip
        if not is_one_of(verbose, ("auto", 0, 1)):
            raise ValueError(f'verbose is {verbose!r}; expected "auto", 0 or 1')
        self.space, self.total, self.sign, self.monitor = space, total, sign, monitor
        self.deadline = deadline
        self.out = screen(stream)
        self.live = verbose != 0 and is_live(self.out)
        self.speaks = self.live or verbose == 1
        self.trials: dict[int, Trial] = {}
        self.points: dict[int, Any] = {}
        self.begun, self.known = time.time(), 0
        self._next, self._width = 0.0, 0
        self._rich: Any = None

    def __enter__(self) -> Board:
        if self.live and self.out.isatty():
            with contextlib.suppress(ImportError):
                from rich.console import Console
                from rich.live import Live

                console = Console(file=self.out)
                self._rich = Live(console=console, auto_refresh=False, transient=True)
                self._rich.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._rich is not None:
            self._rich.stop()
            self._rich = None
        if self.speaks and self.trials:
            self._write(self.line())
            self.out.write("\n")
            self.out.flush()

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.speaks:
            if self._rich is not None:
                self._rich.console.print(f"fastnn.tune: {text}", markup=False)
            else:
                self._write(f"fastnn.tune: {text}")
                self.out.write("\n")
                self._width = 0

    def remember(self, trials: list[Trial]) -> None:
        """Trials that were done before."""
        for trial in trials:
            self.points[trial.number] = trial.point
            if trial.status in FINISHED:
                self.trials[trial.number] = trial
        self.known = len(self.trials)

    def start(self, trial: Trial) -> None:
        """A trial has been handed out."""
        self.points[trial.number] = trial.point

    def end(self, trial: Trial) -> None:
        """A trial has ended or paused."""
        self.trials[trial.number] = trial

    def show(self) -> None:
        """Draw anew, a few times a second."""
        now = time.time()
        if self.live and now >= self._next:
            self._next = now + REFRESH_SECONDS
            if self._rich is not None:
                self._rich.update(self._table(), refresh=True)
            else:
                self._write(self.line())

    def leaders(self) -> list[Trial]:
        """The best trials so far."""
        chosenvalue = [t for t in self.trials.values() if t.value == t.value]
        return sorted(chosenvalue, key=lambda t: (self.sign * t.value, t.number))[:TOP]

    def line(self, best: bool = True) -> str:
        """Progress, the best, and the time left."""
        parts = [f"{self._done()}{'' if self.total is None else f'/{self.total}'} trials"]
        for trial in self.leaders()[: int(best)]:
            notes = self.space.note(self.points[trial.number])
            chosen = "  ".join(f"{name} {note}" for name, note in notes.items())
            parts.append(f"best {self.monitor} {trial.value:.4g} (trial {trial.number}: {chosen})")
        bad = [t.status for t in self.trials.values()]
        for status in ("failed", "diverged"):
            if status in bad:
                parts.append(f"{bad.count(status)} {status}")
        left = self.seconds_left()
        if left is not None and left >= 1:
            parts.append(f"{left:.0f} s left")
        return "  ".join(parts)

    def seconds_left(self) -> float | None:
        """The time to the deadline, or, from the pace so far, to the last trial."""
        now, done = time.time(), self._done()
        new = done - self.known
        by_pace = None
        if self.total is not None and new > 0:
            by_pace = (now - self.begun) / new * (self.total - done)
        by_clock = self.deadline - now if self.deadline < float("inf") else None
        return min((s for s in (by_pace, by_clock) if s is not None), default=None)

    def _done(self) -> int:
        return sum(t.status in (*FINISHED, "paused") for t in self.trials.values())

    def _write(self, line: str) -> None:
        padding = " " * max(0, self._width - len(line))
        write(self.out, ("\r" if self.live else "") + line + (padding if self.live else ""))
        self.out.flush()
        self._width = len(line)

    def _table(self) -> Any:
        from rich.table import Table

        table = Table(title=self.line(best=False), title_justify="left", title_style="")
        for name in ("trial", self.monitor, "epoch", "status", *self.space.names()):
            table.add_column(name, justify="right")
        for t in self.leaders():
            notes = self.space.note(self.points[t.number])
            cells = [notes.get(name, "") for name in self.space.names()]
            table.add_row(str(t.number), f"{t.value:.4g}", str(t.epoch), t.status, *cells)
        return table
