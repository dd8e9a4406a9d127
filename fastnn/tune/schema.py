"""The form of the ledger: its tables, and how a trial becomes a row of plain SQL."""

from __future__ import annotations

import json
import math
from typing import Any

from fastnn.files import forms
from fastnn.files.persistence import read_json
from fastnn.tune.trial import FINISHED, Trial

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


def _any(value: Any, place: str) -> None:
    """The scale of a coordinate knows its labels."""


# Null stands for NaN.
_CURVES = forms.mapping(forms.listed(forms.maybe(forms.number())))
_JSON = {"point": forms.mapping(_any), "curves": _CURVES, "folds": forms.listed(_CURVES)}
_ROW_FORMS: dict[str, forms.Form] = {
    "number": forms.whole(), "seed": forms.whole(-(2**63), 2**63 - 1), "round": forms.whole(),
    "status": forms.choice("waiting", "running", "paused", *FINISHED),
    "value": forms.maybe(forms.number()), "epoch": forms.whole(), "epochs": forms.whole(),
    "target": forms.whole(), "seconds": forms.number(0), "reason": forms.text, **_JSON,
}  # fmt: skip
_ROW = forms.record(_ROW_FORMS)


def as_progress(row: tuple) -> tuple[int, tuple[str, int, int]]:
    """Number, status, epochs and epochs wanted of a trial; a ValueError for a row that is none."""
    number, status, epochs, target = row
    for name, value in (("number", number), ("epochs", epochs), ("target", target)):
        _ROW_FORMS[name](value, f"a trial's {name}")
    _ROW_FORMS["status"](status, f"the status of trial {number}")
    return number, (status, epochs, target)


def as_trial(row: tuple, space: Any) -> Trial:
    """The trial of a row of `COLUMNS`; `space` gives back what JSON cannot hold.

    Raises
    ------
    ValueError
        For a row that is none.
    """
    columns = dict(zip(COLUMNS, row, strict=True))
    where = f"trial {columns['number']!r:.20}"
    for name in _JSON:
        forms.text(columns[name], f"{where}.{name}")
        columns[name] = read_json(columns[name])
    _ROW(columns, where)
    try:
        point = space.point(columns["point"])
        params = space.parameters(point)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"{where} has no point of the space: {error}") from None
    for name in ("curves", "folds"):
        columns[name] = _numbers(columns[name])
    value = math.nan if columns["value"] is None else columns["value"]
    return Trial(**{**columns, "point": point, "params": params, "value": value})
