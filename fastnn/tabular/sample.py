"""A sample of a file that is too large for the memory: rows drawn at random, or by number."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.tabular.blocks import blocks
from fastnn.tabular.table import Table, arrow

SAMPLE = 60_000
"""Rows drawn at random: they are in memory at once."""


def draw_sample(path: Any, target: str, seed: int) -> tuple[Table, int, list[str] | None]:
    """Rows drawn at random, the number of all rows, and all words of the target if it has few."""
    pa = arrow()
    rng = np.random.default_rng(seed)
    kept: list[Table] = []
    keys: list[np.ndarray] = []
    numbers: list[np.ndarray] = []
    rows, limit = 0, 1.0
    words: set[Any] = set()
    name, notes, comma = str(path), [], False
    for table in blocks(path):
        rows = int(table.rows[-1]) + 1
        name, notes, comma = table.name, table.notes, table.decimal_comma
        if target in table.columns and len(words) < SAMPLE:
            words |= set(table.data.column(target).unique().to_pylist())
        key = rng.random(len(table))
        chosen = np.flatnonzero(key < limit)
        kept.append(table.data.take(chosen))
        keys.append(key[chosen])
        numbers.append(table.rows[chosen])
        if sum(map(len, keys)) > 2 * SAMPLE:
            limit = _thin(kept, keys, numbers)
    _thin(kept, keys, numbers)
    data = pa.concat_tables(kept).combine_chunks()
    return Table(data, name, notes, comma, np.concatenate(numbers)), rows, sorted(words - {None})


def _thin(kept: list, keys: list, numbers: list) -> float:
    """Keep the `SAMPLE` rows of the least keys; the key that rows must be below from now on."""
    pa = arrow()
    key = np.concatenate(keys)
    if len(key) <= SAMPLE:
        return 1.0
    limit = np.partition(key, SAMPLE)[SAMPLE]
    rows = np.flatnonzero(key < limit)
    data, number = pa.concat_tables(kept).take(rows).combine_chunks(), np.concatenate(numbers)
    kept[:], keys[:], numbers[:] = [data], [key[rows]], [number[rows]]
    return float(limit)


def rows_of(path: Any, numbers: np.ndarray) -> Table:
    """The rows of some numbers, from 0."""
    parts = []
    for table in blocks(path):
        parts.append(table.data.filter(np.isin(table.rows, numbers)))
    data = arrow().concat_tables(parts).combine_chunks()
    return Table(data, table.name, table.notes, table.decimal_comma, np.sort(numbers))
