"""Progress: what a person sees of a training that runs."""

import time
from collections.abc import Mapping
from typing import Any, TextIO

from fastnn.callbacks.base import Callback
from fastnn.history import NOT_MEASURES, History
from fastnn.inputs.screens import is_live, screen, write

LINE_SECONDS = 0.1
"""Between two writings of the line."""
BAR_SECONDS = 0.5
"""Between two drawings of the bar: one takes 2 to 4 ms."""
LONG_SECONDS = 2.0
"""A fit that lasts longer gets a bar: to import rich takes longer than many a fit."""


class Progress(Callback):
    """A line on the screen: epoch, loss, metrics, epochs a second, time left.

    On a terminal and in a notebook the line is rewritten as training goes; elsewhere only the last
    epoch is written. On a terminal, where rich is installed
    (``pip install "fastnn-mlp[progress]"``), a fit of more than two seconds gets a bar.

    Parameters
    ----------
    stream : file, optional
        Where to write. Default: standard error, in a notebook standard output.

    Examples
    --------
    >>> import sys
    >>> from fastnn import Progress
    >>> progress = Progress(sys.stdout)  # for fit(..., callbacks=[progress], verbose=0)
    """

    every_epoch = False

    def __init__(self, stream: TextIO | None = None) -> None:
        if stream is not None and not hasattr(stream, "write"):
            raise TypeError(f"stream is {stream!r:.60}; expected a file to write to, or None")
        self.stream = stream

    def is_live(self) -> bool:
        """Whether it would write where somebody looks: to a terminal, or into a notebook."""
        return is_live(screen(self.stream))

    def on_train_begin(self, model: Any, epochs: int) -> None:
        self.out = screen(self.stream)
        self.live = is_live(self.out)
        self.epochs, self.done, self.before = epochs, 0, len(model.history)
        self.measures = ""
        self.start = time.perf_counter()
        self.next = self.start + LINE_SECONDS
        self.width = 0
        self.bar: Any = None
        # In a notebook rich needs widgets, and there the line is enough.
        self.may_draw = self.out.isatty()

    def on_steps_end(self, model: Any, fraction: float) -> None:
        self._show(self.done + fraction)

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        self.done = len(history) - self.before
        self.history = history
        self._show(self.done)
        return None

    def on_train_end(self, model: Any, history: History) -> None:
        if self.bar is not None:
            self._draw(self.done)
            self.bar.stop()
        elif self.done:
            self._write(self._line(self.done, time.perf_counter()))
            self.out.write("\n")
            self.out.flush()

    def _show(self, done: float) -> None:
        now = time.perf_counter()
        if not self.live or now < self.next:
            return
        if self.may_draw and self.bar is None and now - self.start > LONG_SECONDS:
            self.bar = self._new_bar()
            self.may_draw = self.bar is not None
        if self.bar is not None:
            self._draw(done)
        else:
            self._write(self._line(done, now))
        self.next = time.perf_counter() + (LINE_SECONDS if self.bar is None else BAR_SECONDS)

    def _new_bar(self) -> Any:
        try:
            from rich import progress
            from rich.console import Console
        except ImportError:
            return None
        self._write("")
        self.out.write("\r")
        bar = progress.Progress(
            progress.TextColumn("epoch {task.fields[epoch]}/{task.total:.0f}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.fields[measures]}"),
            progress.TextColumn("{task.fields[speed]} epochs/s"),
            progress.TimeRemainingColumn(),
            console=Console(file=self.out),
            auto_refresh=False,
            speed_estimate_period=60,
        )
        bar.start()
        self.task = bar.add_task("", total=self.epochs, epoch=self.done, measures="", speed="")
        # The rate, and with it the time left, counts from the start of the fit.
        bar.tasks[0].start_time = bar.get_time() - (time.perf_counter() - self.start)
        return bar

    def _draw(self, done: float) -> None:
        speed = done / max(time.perf_counter() - self.start, 1e-9)
        fields = {"epoch": self.done, "measures": self._measures(), "speed": _short(speed)}
        self.bar.update(self.task, completed=done, refresh=True, **fields)

    def _measures(self) -> str:
        if not self.done:
            return ""
        row: Mapping[str, float] = {n: column[-1] for n, column in self.history.history.items()}
        return "  ".join(f"{n} {v:.4f}" for n, v in row.items() if n not in NOT_MEASURES)

    def _line(self, done: float, now: float) -> str:
        speed = done / max(now - self.start, 1e-9)
        left = (self.epochs - done) / max(speed, 1e-9)
        rest = f"  {left:.0f} s left" if left >= 1 else ""
        parts = (f"epoch {self.done}/{self.epochs}", self._measures(), f"{_short(speed)} epochs/s")
        return "  ".join(part for part in parts if part) + rest

    def _write(self, line: str) -> None:
        padding = " " * max(0, self.width - len(line))
        write(self.out, ("\r" if self.live else "") + line + (padding if self.live else ""))
        self.out.flush()
        self.width = len(line)


def _short(speed: float) -> str:
    """A speed in as many digits as a person reads."""
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"
