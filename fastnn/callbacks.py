"""Floor 3. Callbacks: called at the end of each epoch, they read and may ask to stop."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from fastnn.history import History


class Callback:
    """Base of all callbacks: override what you need; a plain callable serves as `on_epoch_end`.

    Examples
    --------
    >>> class StopAtHalf(Callback):
    ...     def on_epoch_end(self, model, history):
    ...         return history["loss"][-1] < 0.5
    """

    def on_train_begin(self, model: Any, epochs: int) -> None:
        """Before the first epoch of a `fit`."""

    def on_epoch_end(self, model: Any, history: "History") -> bool | None:
        """After an epoch is recorded. True stops the training."""

    def on_train_end(self, model: Any, history: "History") -> None:
        """After the last epoch, also after an error or Ctrl-C."""


class FunctionCallback(Callback):
    """A callable `(model, history) -> bool or None` as a callback."""

    def __init__(self, function: Any) -> None:
        self.on_epoch_end = function  # type: ignore[method-assign]


def get(spec: Any) -> Callback:
    """A callback from a callback or from a callable `(model, history)`."""
    if isinstance(spec, Callback):
        return spec
    if callable(spec) and not isinstance(spec, type):
        return FunctionCallback(spec)
    raise TypeError(
        f"got {spec!r} among the callbacks; expected a fastnn.Callback or a callable "
        "(model, history) that may return True to stop"
    )


class Progress(Callback):
    """One line on the screen: epoch, loss, metrics, epochs a second.

    On a terminal the line is rewritten, at most ten times a second; elsewhere only the last epoch
    is written.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream

    def is_live(self) -> bool:
        """Whether it would write to a terminal."""
        return (self.stream or sys.stderr).isatty()

    def on_train_begin(self, model: Any, epochs: int) -> None:
        self.out = self.stream or sys.stderr
        self.live = self.out.isatty()
        self.epochs, self.done = epochs, 0
        self.start = time.perf_counter()
        self.next = 0.0
        self.width = 0

    def on_epoch_end(self, model: Any, history: "History") -> bool | None:
        self.done += 1
        now = time.perf_counter()
        if self.live and now >= self.next:
            self._write(self._line(history, now))
            self.next = now + 0.1
        return None

    def on_train_end(self, model: Any, history: "History") -> None:
        if self.done:
            self._write(self._line(history, time.perf_counter()))
            self.out.write("\n")
            self.out.flush()

    def _line(self, history: "History", now: float) -> str:
        row: Mapping[str, float] = {n: column[-1] for n, column in history.history.items()}
        shown = [f"{n} {v:.4f}" for n, v in row.items() if n not in ("seconds", "learning_rate")]
        speed = self.done / max(now - self.start, 1e-9)
        left = (self.epochs - self.done) / speed
        rest = f"  {left:.0f} s left" if left >= 1 else ""
        return f"epoch {self.done}/{self.epochs}  {'  '.join(shown)}  {speed:.0f} epochs/s{rest}"

    def _write(self, line: str) -> None:
        padding = " " * max(0, self.width - len(line))
        self.out.write(("\r" if self.live else "") + line + (padding if self.live else ""))
        self.out.flush()
        self.width = len(line)


def listeners(callbacks: Sequence[Any], verbose: Any) -> list[Callback]:
    """The callbacks of a fit, with the progress line where it is wanted."""
    if verbose not in ("auto", 0, 1):
        raise ValueError(f'verbose is {verbose!r}; expected "auto", 0 or 1')
    if not isinstance(callbacks, Sequence):
        raise TypeError(f"callbacks is {callbacks!r}; expected a list of callbacks")
    chosen = [get(c) for c in callbacks]
    progress = Progress()
    shown = progress.is_live() if verbose == "auto" else bool(verbose)
    return [*chosen, progress] if shown else chosen
