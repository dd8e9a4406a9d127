"""Predicting: what the members answer for a table, or for a file of any length, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.tabular.blocks import tables
from fastnn.tabular.parsed import Parsed, parse
from fastnn.tabular.scores import Tally, measure
from fastnn.tabular.table import Table, TableError, arrow
from fastnn.tabular.weights import row_weights

READ_ROWS = 1 << 16
"""Rows that are parsed at once."""
CELLS, LEAST_ROWS = 1 << 18, 32
"""Numbers of a part, as the network reads or answers them: they stay in the cache; and its rows at
least."""


def answers(model: Any, table: Table | Parsed) -> Iterator[np.ndarray]:
    """The mean of what the members answer, for a part of the rows after another: probabilities
    (n, classes), or numbers (n,)."""
    members, target = model.members_, model.target_
    widest = max(len(target.classes), *(member.median.size for member in members))
    size = max(LEAST_ROWS, CELLS // widest)
    for first in range(0, len(table), READ_ROWS):
        some = table.slice(first, READ_ROWS)
        parsed = some if isinstance(some, Parsed) else parse(model.columns_, some)
        compact = [member.encoder.compact(parsed) for member in members]
        for start in range(0, len(parsed), size):
            part = slice(start, start + size)
            found = (
                member.answers_of(member.expand(rows[part]), target)
                for member, rows in zip(members, compact, strict=True)
            )
            mean = next(found)
            for other in found:
                mean += other
            mean /= len(members)
            # In single precision rows sum to 1 within 1e-7 only.
            yield mean / mean.sum(axis=1, keepdims=True) if mean.ndim == 2 else mean


def outputs(model: Any, table: Table | Parsed) -> np.ndarray:
    """All that `answers` gives, in one array."""
    classes = model.target_.classes
    found = np.empty((len(table), len(classes)) if classes else len(table))
    at = 0
    for part in answers(model, table):
        found[at : at + len(part)] = part
        at += len(part)
    return found


def frames(model: Any, source: Any, proba: bool = False) -> Iterator[Any]:
    """Predictions as pyarrow.Tables, for a part of the rows after another."""
    pa = arrow()
    model._fitted()
    if proba:
        model._check_proba()
    target = model.target_
    names = pa.array(target.classes, pa.string())
    for table in tables(source):
        for part in answers(model, table):
            if proba:
                yield pa.table({name: part[:, k] for k, name in enumerate(target.classes)})
            elif part.ndim == 1:
                yield pa.table({target.name: part})
            else:
                yield pa.table({target.name: names.take(pa.array(part.argmax(axis=1)))})


def scores(
    model: Any, table: Table | Parsed, y: np.ndarray, weight: np.ndarray | None
) -> dict[str, float]:
    """What `measure` says of the answers for a table; of many classes they are not kept."""
    if len(model.target_.classes) <= 2:
        return measure(model.target_, y, outputs(model, table), weight)
    tally = Tally(model.target_)
    _count(tally, model, table, y, weight)
    return tally.scores()


def scores_in_parts(model: Any, source: Any) -> dict[str, float]:
    """`TabularModel.evaluate` of a file that is read in parts."""
    tally = Tally(model.target_)
    for table in tables(source):
        rows, y = model.target_.read(table)
        judged = table.take(rows)
        weight = None
        if model.sample_weight is not None:
            weight = row_weights(judged, model.sample_weight)
        _count(tally, model, judged, y, weight)
    if not tally.rows:
        raise TableError(f'{source} has no row with a target "{model.target_.name}"')
    return tally.scores()


def _count(
    tally: Tally, model: Any, table: Table | Parsed, y: np.ndarray, weight: np.ndarray | None
) -> None:
    at = 0
    for part in answers(model, table):
        some = slice(at, at + len(part))
        tally.add(y[some], part, None if weight is None else weight[some])
        at = some.stop
