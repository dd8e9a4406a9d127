"""Progress: what a person sees while a tabular model trains."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

LINE_SECONDS = 0.5
"""Between two drawings."""


class Progress:
    """A bar on the screen, or in a notebook: the epochs of all networks, and the best score.

    It looks at the estimators' histories from a thread of its own, so that training knows nothing
    of it. Without rich (``pip install "fastnn-mlp[progress]"``) it is a line.

    Parameters
    ----------
    verbose : {"auto", 0, 1}
        "auto": where standard error is a terminal, or in a notebook.
    """

    def __init__(self, verbose: int | bool | str = "auto") -> None:
        if verbose not in ("auto", 0, 1):
            raise ValueError(f'verbose is {verbose!r}; expected "auto", 0 or 1')
        self.wanted = _is_watched() if verbose == "auto" else bool(verbose)
        self.estimators: list[Any] = []
        self.total = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def expect(self, networks: int, epochs: int) -> None:
        """How much there is to come."""
        self.total = networks * epochs

    def __enter__(self) -> Progress:
        if self.wanted:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._thread is not None:
            self._stop.set()
            self._thread.join()

    def text(self) -> tuple[int, str]:
        """Epochs done, and what is to be said of them."""
        histories = [e.history_ for e in list(self.estimators) if hasattr(e, "history_")]
        done = sum(len(h) for h in histories)
        scores = [s for h in histories for s in list(h.history.get("val_score", ()))]
        best = f"best score {max(scores):.4f}" if scores else ""
        return done, f"{done} of at most {self.total} epochs  {best}".rstrip()

    def _watch(self) -> None:
        draw, end = _bar() or _line()
        while not self._stop.wait(LINE_SECONDS):
            draw(*self.text(), self.total)
        end()


def _is_watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _bar() -> Any:
    """Two functions, to draw a bar of rich and to end it; None without rich."""
    try:
        from rich import progress
        from rich.console import Console
    except ImportError:
        return None
    bar = progress.Progress(
        progress.BarColumn(bar_width=24), progress.TextColumn("{task.description}"),
        progress.TimeElapsedColumn(), console=Console(stderr=True), auto_refresh=False,
        transient=True,
    )  # fmt: skip
    bar.start()
    task = bar.add_task("", total=None)

    def draw(done: int, text: str, total: int) -> None:
        bar.update(task, completed=done, total=total or None, description=text, refresh=True)

    return draw, bar.stop


def _line() -> Any:
    start, width = time.perf_counter(), 0

    def draw(done: int, text: str, total: int) -> None:
        nonlocal width
        line = f"{text}  {time.perf_counter() - start:.0f} s"
        sys.stderr.write("\r" + line.ljust(width))
        sys.stderr.flush()
        width = len(line)

    def end() -> None:
        sys.stderr.write("\r" + " " * width + "\r" if width else "")

    return draw, end
