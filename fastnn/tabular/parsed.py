"""Parsed columns: each cell read once, as a number or as a word, before anything is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.tabular import values
from fastnn.tabular.columns import Column
from fastnn.tabular.table import Table, TableError


@dataclass(frozen=True)
class Words:
    """A column of words.

    Attributes
    ----------
    words : list of str
    at : array of int (n,)
        The number of each row's word; -1 where it is missing.
    """

    words: list[str]
    at: np.ndarray

    def __getitem__(self, rows: Any) -> Words:
        return Words(self.words, self.at[rows])


@dataclass(frozen=True)
class Parsed:
    """Columns by name: numbers (n,) float64, NaN where they are missing; or words."""

    columns: dict[str, np.ndarray | Words]
    rows: int

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: np.ndarray) -> Parsed:
        """Some rows, by their numbers."""
        return Parsed({name: c[rows] for name, c in self.columns.items()}, len(rows))

    def slice(self, start: int, count: int) -> Parsed:
        """At most `count` rows from `start` on."""
        part = slice(start, min(start + count, self.rows))
        return Parsed({name: c[part] for name, c in self.columns.items()}, part.stop - start)


def parse(columns: Sequence[Column], table: Table) -> Parsed:
    """Read the columns in use of a table; its columns may come in any order, others are left aside.

    Raises
    ------
    TableError
        Where a column is missing; it names all that are.
    """
    used = [c for c in columns if c.kind != "drop"]
    there = set(table.columns)
    missing = [c.name for c in used if c.name not in there]
    if missing:
        raise TableError(
            f"{table.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; the "
            f"model was trained with {len(used)} columns"
        )
    return Parsed({c.name: _parse(c, values.column(table.data, c.name)) for c in used}, len(table))


def _parse(column: Column, data: Any) -> np.ndarray | Words:
    if column.kind == "category":
        return _words(data)
    if column.kind == "date":
        return values.to_seconds(data, column.stamp)
    return values.to_numbers(data, column.writing)


def _words(data: Any) -> Words:
    coded = data.dictionary_encode()
    # The same word may be written in two ways, 1 and 1.0.
    texts = values.as_text(coded.dictionary).to_pylist()
    number: dict[str, int] = {}
    own = [-1 if t is None else number.setdefault(t, len(number)) for t in texts]
    at = coded.indices.fill_null(len(own)).to_numpy(zero_copy_only=False)
    return Words(list(number), np.array([*own, -1], np.int32)[at])
