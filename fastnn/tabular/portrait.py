"""A tabular model as arrays and plain data, for its file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from fastnn.files.persistence import VERSION
from fastnn.files.version import __version__
from fastnn.model.saving import portrait

KIND = "tabular"
ARRAYS = "median", "factor", "answers"


def tabular_portrait(model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All that a trained model is: arrays by name, and the rest as plain data."""
    tensors, networks = {"held_out": model.held_out_}, []
    for k, member in enumerate(model.members_):
        arrays, network = portrait(member.network)
        arrays |= {name: getattr(member, name) for name in ARRAYS}
        tensors |= {f"{k}.{name}": array for name, array in arrays.items()}
        rules = [
            {"column": r.column.name, "median": r.median, "indicator": r.indicator,
             "categories": r.categories} for r in member.encoder.rules
        ]  # fmt: skip
        networks.append(
            {
                "network": {"version": VERSION, **network},
                "rules": rules,
                "mean": member.mean,
                "scale": member.scale,
            }
        )
    description = {
        "kind": KIND, "fastnn": __version__, "members": networks,
        "columns": [asdict(column) for column in model.columns_], "target": asdict(model.target_),
        "chosen": model.columns, "task": model.task, "sample_weight": model.sample_weight,
        "class_weight": model.class_weight,
        "settings": {k: v for k, v in model.settings.items() if _is_plain(v)},
        "holdout": model.holdout, "time_limit": model.seconds, "seed": model.seed,
        "scores": model.scores_, "notes": model.notes_, "rows": model.n_rows_,
        "seconds": model.seconds_, "interrupted": model.interrupted_,
    }  # fmt: skip
    return tensors, description


def _is_plain(value: Any) -> bool:
    """Whether a setting can be written down: numbers, texts, and sequences of them."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
