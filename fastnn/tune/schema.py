"""The form of the ledger: its tables, and how a trial becomes a row of plain SQL."""

from __future__ import annotations

import json
import math
from typing import Any

from fastnn.tune.trial import Trial

VERSION = 1

SCHEMA = """
CREATE TABLE studies (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL,
    settings TEXT NOT NULL
);
CREATE TABLE trials (
    study INTEGER NOT NULL REFERENCES studies (id),
    number INTEGER NOT NULL,
    round INTEGER NOT NULL,
    status TEXT NOT NULL,
    params TEXT NOT NULL,
    value REAL,
    epoch INTEGER NOT NULL DEFAULT 0,
    epochs INTEGER NOT NULL DEFAULT 0,
    target INTEGER NOT NULL,
    seconds REAL NOT NULL DEFAULT 0,
    seed INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    curves TEXT NOT NULL DEFAULT '{}',
    folds TEXT NOT NULL DEFAULT '[]',
    point TEXT NOT NULL,
    state BLOB,
    worker TEXT,
    heartbeat REAL,
    PRIMARY KEY (study, number)
);
"""

COLUMNS = (
    "number", "point", "seed", "round", "status", "value", "epoch", "epochs", "target", "seconds",
    "reason", "curves", "folds",
)  # fmt: skip


def as_json(value: Any) -> str:
    """JSON without NaN and infinity, which plain SQL cannot read."""
    return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value if math.isfinite(value) else None


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return math.nan if value is None else value


def as_trial(row: tuple, space: Any) -> Trial:
    """The trial of a row of `COLUMNS`; `space` gives back what JSON cannot hold."""
    columns = dict(zip(COLUMNS, row, strict=True))
    point = space.point(json.loads(columns["point"]))
    for name in ("curves", "folds"):
        columns[name] = _numbers(json.loads(columns[name]))
    value = math.nan if columns["value"] is None else columns["value"]
    return Trial(**{**columns, "point": point, "params": space.parameters(point), "value": value})
