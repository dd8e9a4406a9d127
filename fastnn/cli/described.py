"""A tabular model in lines for a person, and in facts for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_LINES = 40
"""Of more columns, those that were taken for the same stand in one line."""


def scores(found: Mapping[str, float]) -> list[str]:
    """A line a score."""
    return [f"{name.replace('_', ' ')}: {value:.4g}" for name, value in found.items()]


def lines(model: Any) -> list[str]:
    """What a model is, and what was done for it."""
    target, networks = model.target_, len(model.members_)
    said = [f'target: "{target.name}", {target.task}, {target.why}', *_columns(model.columns_)]
    said += [f"note: {note}" for note in model.notes_]
    said.append(
        f"{networks} network{'s' * (networks > 1)} trained on {model.n_rows_:,} rows in "
        f"{model.seconds_:.1f} s" + (" (broken off: the best so far)" if model.interrupted_ else "")
    )
    if model.scores_:
        said.append("on rows held out: " + ", ".join(scores(model.scores_)))
    return said


def _columns(columns: Any) -> list[str]:
    if len(columns) <= MOST_LINES:
        width = max(len(c.name) for c in columns)
        return [f"  {c.name:<{width}}  {c.kind:<8}  {c.why}" for c in columns]
    alike: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        alike.setdefault((column.kind, column.why), []).append(column.name)
    found = []
    for (kind, why), names in list(alike.items())[:MOST_LINES]:
        shown = ", ".join(names[:3]) + (f" ... ({len(names):,} columns)" if len(names) > 3 else "")
        found.append(f"  {kind:<8}  {why}: {shown}")
    return [*found, f"  ... {len(alike) - MOST_LINES:,} more"] if len(alike) > MOST_LINES else found


def facts(model: Any) -> dict[str, Any]:
    """The same, for scripts."""
    target = model.target_
    return {
        "target": target.name, "task": target.task, "classes": list(target.classes),
        "columns": {c.name: {"kind": c.kind, "why": c.why} for c in model.columns_},
        "notes": model.notes_, "networks": len(model.members_), "rows": model.n_rows_,
        "seconds": model.seconds_, "scores": model.scores_, "interrupted": model.interrupted_,
        "settings": model.settings,
    }  # fmt: skip
