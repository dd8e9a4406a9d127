"""What a report tells of a model on rows that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.tabular import values
from fastnn.tabular.columns import Column
from fastnn.tabular.model import TabularModel
from fastnn.tabular.parsed import Parsed, parse
from fastnn.tabular.scores import measure
from fastnn.tabular.table import Table

REPEATS = 5
MOST_ROWS = 2000
"""Rows on which columns are shuffled: enough to tell their importance, few enough to be quick."""
WORST = 10


@dataclass(frozen=True)
class Importance:
    """What the score loses where one column's values are shuffled among the rows."""

    name: str
    mean: float
    spread: float


def importances(model: TabularModel, table: Table, y: np.ndarray) -> list[Importance]:
    """Permutation importance of each column in use, the largest first.

    Breiman (2001): the mean over `REPEATS` shuffles of how much the log loss, or the root mean
    square error, grows; its spread is the standard deviation over them.
    """
    rng = np.random.default_rng(model.seed)
    parsed = parse(model.columns_, table)
    if len(table) > MOST_ROWS:
        chosen = np.sort(rng.choice(len(table), MOST_ROWS, replace=False))
        parsed, y = parsed.take(chosen), y[chosen]
    before = _loss(model, parsed, y)
    found = []
    for name, column in parsed.columns.items():
        growth = []
        for _ in range(REPEATS):
            shuffled = parsed.columns | {name: column[rng.permutation(len(parsed))]}
            growth.append(_loss(model, Parsed(shuffled, len(parsed)), y) - before)
        found.append(Importance(name, float(np.mean(growth)), float(np.std(growth))))
    return sorted(found, key=lambda i: -i.mean)


def _loss(model: TabularModel, table: Parsed, y: np.ndarray) -> float:
    found = measure(model.target_, y, model.outputs(table))
    return found["rmse"] if model.target_.task == "regression" else found["log_loss"]


@dataclass(frozen=True)
class Worst:
    """A row that the model is most wrong about."""

    row: int
    true: str
    predicted: str
    note: str


def most_wrong(
    model: TabularModel, y: np.ndarray, outputs: np.ndarray, rows: np.ndarray
) -> list[Worst]:
    """The rows of the largest loss; `rows` are their numbers in the table, from 0."""
    target = model.target_
    if target.task == "regression":
        order = np.argsort(-np.abs(outputs - y))[:WORST]
        return [
            Worst(int(rows[k]) + 1, f"{y[k]:.6g}", f"{outputs[k]:.6g}", f"{outputs[k] - y[k]:+.3g}")
            for k in order
        ]
    own = outputs[np.arange(len(y)), y]
    order = np.argsort(own)[:WORST]
    chosen = outputs.argmax(axis=1)
    return [
        Worst(int(rows[k]) + 1, target.classes[y[k]], target.classes[chosen[k]],
              f"probability {own[k]:.2g} of the true class")
        for k in order if chosen[k] != y[k]
    ]  # fmt: skip


def baseline(table: Table, columns: list[Column]) -> list[tuple[str, str]]:
    """How each column in use is distributed now: what later data can be held against."""
    found = []
    for column in columns:
        if column.kind == "drop":
            continue
        data = values.column(table.data, column.name)
        gaps = f"; {data.null_count / len(data):.1%} missing" if data.null_count else ""
        found.append((column.name, _distribution(column, data) + gaps))
    return found


def _distribution(column: Column, data: Any) -> str:
    if column.kind == "category":
        words = values.to_words(data)
        present = words[[w is not None for w in words]].astype(str)
        names, counts = np.unique(present, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:3]
        return ", ".join(f"{names[k]} {counts[k] / max(len(words), 1):.1%}" for k in order)
    if column.kind == "date":
        seconds = values.to_seconds(data, column.stamp)
        ends = np.nanmin(seconds), np.nanmax(seconds)
        return " to ".join(str(np.datetime64(int(s), "s"))[:10] for s in ends)
    numbers = values.to_numbers(data, column.writing)
    quantiles = np.nanquantile(numbers, [0, 0.25, 0.5, 0.75, 1])
    return "least, quartiles, largest " + ", ".join(f"{q:.4g}" for q in quantiles)
