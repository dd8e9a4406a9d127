"""Ctrl-C while training: it waits for the block of steps that runs to be recorded."""

from __future__ import annotations

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
    """Within it a Ctrl-C waits until it is let go: what must be changed together is.

    It takes over Python's own handler only, and only in the main thread: nowhere else does Ctrl-C
    raise KeyboardInterrupt. It holds from its beginning; one within another is let go with it.
    """

    def __init__(self) -> None:
        self._holding, self._patient, self._asked = True, True, False
        self._before = False, True
        # Not itself: what refers to itself lives on until Python looks for such things.
        self._around: Interrupts | None = None
        self._ours = self._given_back = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            handler = getsignal(SIGINT)
            around = getattr(handler, "__self__", None)
            if isinstance(around, Interrupts):
                self._around, self._before = around, (around._holding, around._patient)
                self.hold()
            elif handler is default_int_handler:
                self._ours = True
                signal(SIGINT, self._note)
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self._ours:
            signal(SIGINT, default_int_handler)
        first = self._around or self
        first._holding, first._patient = self._before
        if kind is None:
            self.let_go()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._holding and (self._patient or not self._asked):
            self._asked = True
            return
        # What it meets may be the very end of it.
        self._given_back = True
        signal(SIGINT, default_int_handler)
        default_int_handler(number, frame)

    def hold(self, patient: bool = True) -> None:
        """From here on Ctrl-C waits; with patient=False, as in a user's code, the first one."""
        first = self._around or self
        first._patient, first._holding = patient, True
        if first._given_back:
            first._given_back = False
            signal(SIGINT, first._note)

    def let_go(self) -> None:
        """What has waited is raised."""
        first = self._around or self
        first._holding, first._patient = self._before
        if first._asked and not first._holding:
            first._asked = False
            raise KeyboardInterrupt
