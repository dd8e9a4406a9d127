"""Whose turn it is to train a model: one fit at a time.

A second one would take the same steps from the same state. It is refused, not kept waiting: a
callback that waited for the fit which called it would wait for ever.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import Any

from fastnn.kernels.machine import locks

_turns: dict[int, Turn] = {}
_lock = locks.lock()


class Turn:
    """A fit that is going on; the variable that holds it is named `turn`.

    Of one that Ctrl-C has broken off between two statements, or whose thread a fork has left
    behind, nothing needs to be cleaned up: it counts as long as its function runs.
    """

    def __init__(self, model: Any) -> None:
        self.model, self.thread = id(model), threading.get_ident()

    def end(self) -> None:
        """Let others fit the model."""
        _turns.pop(self.model, None)

    @property
    def is_on(self) -> bool:
        """Whether the function that has taken it still runs."""
        frame: FrameType | None = sys._current_frames().get(self.thread)
        while frame is not None:
            if "turn" in frame.f_code.co_varnames and frame.f_locals.get("turn") is self:
                return True
            frame = frame.f_back
        return False


def take(model: Any) -> Turn:
    """The turn to fit a model: keep it in a variable named `turn`; `end` it."""
    turn = Turn(model)
    with _lock:
        refuse(model, "fit")
        _turns[id(model)] = turn
    return turn


def refuse(model: Any, call: str, own: bool = True) -> None:
    """Refuse a call that would change a model under a fit that is going on.

    Its own callbacks are let through where `own` is False.
    """
    other = _turns.get(id(model))
    if other is None or not other.is_on:
        return
    if other.thread == threading.get_ident():
        if not own:
            return
        raise RuntimeError(
            f"{call} was called while this model is being fitted, by a callback of that fit; let "
            f"the callback return True, which ends the fit, and call {call} after it"
        )
    raise RuntimeError(
        f"{call} was called while another thread fits this model; wait for that fit to end, or "
        "give each thread a model of its own (copy.deepcopy makes one)"
    )


def one_at_a_time(fit: Callable[..., Any]) -> Callable[..., Any]:
    """A method that fits its object, on one thread at a time."""

    @wraps(fit)
    def call(model: Any, *args: Any, **kwargs: Any) -> Any:
        turn = take(model)
        try:
            return fit(model, *args, **kwargs)
        finally:
            turn.end()

    return call
