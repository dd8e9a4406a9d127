"""Ctrl-C while training: it waits for the block of steps that runs to be recorded."""

import threading
from signal import SIGINT, default_int_handler
from types import FrameType
from typing import Any

try:
    # What `signal` wraps; the names that it gives to handlers cost more than a short fit's steps.
    from _signal import getsignal, signal  # type: ignore[import-not-found]
except ImportError:
    from signal import getsignal, signal


class Interrupts:
    """Within ``with interrupts.held():`` a Ctrl-C waits for the end of the block.

    It takes over Python's own handler only, and only in the main thread: nowhere else does Ctrl-C
    raise KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._holding = self._asked = False

    def __enter__(self) -> "Interrupts":
        self._ours = (
            threading.current_thread() is threading.main_thread()
            and getsignal(SIGINT) is default_int_handler
        )
        if self._ours:
            signal(SIGINT, self._note)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._ours:
            signal(SIGINT, default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._holding and not self._asked:
            self._asked = True
        else:
            # Who asks twice does not want to wait.
            default_int_handler(number, frame)

    def hold(self) -> None:
        """From here on Ctrl-C waits."""
        self._holding = True

    def let_go(self) -> None:
        """What has waited is raised."""
        self._holding = False
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt
