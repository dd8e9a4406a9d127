"""Warnings that point to the user's own line."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

BETWEEN = ("fastnn", "sklearn", "concurrent", "threading", "joblib")
"""Packages through which a call passes on its way from the user."""
_here = threading.local()


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line that called fastnn, however deep in it this is found."""
    if not is_kept(warn, message, category):
        warnings.warn(message, category, stacklevel=1 + users_line()[0])


def users_line() -> tuple[int, FrameType]:
    """How many calls above the caller the user's is, and where it is."""
    level, frame = 1, sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        level, frame = level + 1, frame.f_back
    return level, frame


def is_kept(*told: Any) -> bool:
    """Whether this thread keeps for later what it warns of: who is to say it, and with what."""
    later = getattr(_here, "later", None)
    if later is None:
        return False
    later.append(told)
    return True


@contextmanager
def said_later() -> Iterator[list[Any]]:
    """Keep what this thread warns of: from here no way leads to the user's line."""
    told: list[Any] = []
    _here.later = told
    try:
        yield told
    finally:
        _here.later = None


def say(told: Iterable[list[Any]]) -> None:
    """Warn of what several threads have kept, of the same thing once."""
    for speak, *words in dict.fromkeys(one for some in told for one in some):
        speak(*words)
