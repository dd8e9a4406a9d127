"""Warnings of the estimators: at the user's line, and under the name by which filters know them."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

SKLEARN = "sklearn.neural_network._multilayer_perceptron"
OURS = "fastnn.estimators"
BETWEEN = ("fastnn", "sklearn", "concurrent", "threading", "joblib")
"""Packages through which a call passes on its way from the user."""
_here = threading.local()
_said: dict[Any, Any] = {}
"""What has been said before, for filters that let each place say a thing once."""


def warn(message: str, category: type[Warning] = UserWarning, module: str = SKLEARN) -> None:
    """Warn as scikit-learn's MLP does: `filterwarnings("ignore", module="sklearn")` silences it.

    What scikit-learn's has no word of is said under our own name, `OURS`.
    """
    later = getattr(_here, "later", None)
    if later is not None:
        later.append((message, category, module))
        return
    place = sys._getframe(1)
    while place.f_back and place.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        place = place.f_back
    warnings.warn_explicit(
        message, category, place.f_code.co_filename, place.f_lineno, module, _said
    )


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
    for one in dict.fromkeys(one for some in told for one in some):
        warn(*one)
