"""A tabular model as arrays and plain data, for its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fastnn.files import texts
from fastnn.files.persistence import VERSION, pack
from fastnn.files.version import __version__
from fastnn.model.saving import portrait
from fastnn.tabular.columns import Column
from fastnn.tabular.encoder import Rule

KIND = "tabular"
ARRAYS = "median", "factor", "answers"
COLUMN = "name", "kind", "why", "writing", "stamp"


def tabular_portrait(model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All that a trained model is: arrays by name, and the rest as plain data and arrays."""
    description = {
        "kind": KIND, "fastnn": __version__,
        "members": [_member(member, model.columns_) for member in model.members_],
        "columns": columns_spec(model.columns_),
        "target": asdict(model.target_) | {"classes": texts.to_array(model.target_.classes)},
        "chosen": chosen_spec(model.columns), "task": model.task,
        "sample_weight": model.sample_weight, "class_weight": class_weight_spec(model.class_weight),
        "settings": {k: v for k, v in model.settings.items() if _is_plain(v)},
        "holdout": model.holdout, "time_limit": model.seconds, "seed": model.seed,
        "scores": model.scores_, "notes": texts.to_array(model.notes_), "rows": model.n_rows_,
        "seconds": model.seconds_, "interrupted": model.interrupted_,
    }  # fmt: skip
    return {"held_out": model.held_out_}, description


def _member(member: Any, columns: Sequence[Column]) -> np.ndarray:
    arrays, network = portrait(member.network)
    arrays |= {name: getattr(member, name) for name in ARRAYS}
    about = {
        "network": {"version": VERSION, **network},
        "rules": rules_spec(member.encoder.rules, columns),
        "mean": member.mean,
        "scale": member.scale,
    }
    return np.frombuffer(pack(arrays, about), np.uint8)


def columns_spec(columns: Sequence[Column]) -> dict[str, np.ndarray]:
    """Columns as an array of texts for each of their attributes."""
    rows = [(c.name, c.kind, c.why, c.writing, c.stamp or "") for c in columns]
    return {name: texts.to_array(row[k] for row in rows) for k, name in enumerate(COLUMN)}


def rules_spec(rules: Sequence[Rule], columns: Sequence[Column]) -> dict[str, np.ndarray]:
    """Rules as an array for each of their attributes; `sizes` says how many categories each has."""
    place = {column.name: k for k, column in enumerate(columns)}
    return {
        "columns": np.array([place[rule.column.name] for rule in rules], np.int64),
        "medians": np.array([rule.median for rule in rules], np.float64),
        "indicators": np.array([rule.indicator for rule in rules], bool),
        "categories": texts.to_array(c for rule in rules for c in rule.categories),
        "sizes": np.array([len(rule.categories) for rule in rules], np.int64),
    }


def chosen_spec(chosen: dict[str, str]) -> dict[str, np.ndarray]:
    """Kinds by the names of columns, as arrays."""
    return {"names": texts.to_array(chosen), "kinds": texts.to_array(chosen.values())}


def class_weight_spec(given: str | dict[str, float] | None) -> Any:
    """Weights by the names of classes, as arrays."""
    if not isinstance(given, dict):
        return given
    return {
        "names": texts.to_array(given), "weights": np.array([*given.values()], np.float64),
    }  # fmt: skip


def _is_plain(value: Any) -> bool:
    """Whether a setting can be written down: numbers, texts, and sequences of them."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
