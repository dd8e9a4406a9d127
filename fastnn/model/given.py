"""What functions of models and of their histories are given."""

from __future__ import annotations

from typing import Any

from fastnn.history import History
from fastnn.model.sequential import Sequential


def as_model(given: Any) -> Sequential:
    """A model, or an error."""
    if not isinstance(given, Sequential):
        raise TypeError(f"got {given!r:.60}; expected a Sequential")
    return given


def as_history(given: Any) -> History:
    """A history, or an error that says where there is one."""
    if isinstance(given, History):
        return given
    what = f"got {given!r:.60}"
    for name in ("history", "history_"):
        if isinstance(getattr(given, name, None), History):
            raise TypeError(f"{what}; expected a History: pass its {name}")
    raise TypeError(f"{what}; expected a History, such as fit returns")
