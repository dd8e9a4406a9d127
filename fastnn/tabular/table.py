"""The table that all work on, and the error that says what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from fastnn.inputs.packages import package


class TableError(ValueError):
    """A table cannot be read, or does not hold what it should; the message says where.

    Examples
    --------
    >>> from fastnn.tabular import read_table
    >>> read_table({})
    Traceback (most recent call last):
    fastnn.tabular.table.TableError: the table has no columns; expected a row of names, then rows
    """


@dataclass
class Table:
    """Columns by name, and how they were read.

    Attributes
    ----------
    data : pyarrow.Table
        Of a CSV file all columns are text, as written.
    name : str
        What messages call it.
    notes : list of str
        What was not plain in reading it.
    decimal_comma : bool
        Whether 1,5 rather is one and a half.
    numbers : array of int, optional
        Of the rows in the file or frame, from 0, where some are left out.
    """

    data: Any
    name: str
    notes: list[str] = field(default_factory=list)
    decimal_comma: bool = False
    numbers: np.ndarray | None = None

    def __len__(self) -> int:
        return int(self.data.num_rows)

    @property
    def columns(self) -> list[str]:
        """Names, from left to right."""
        return list(self.data.column_names)

    def take(self, rows: Any) -> Table:
        """Some rows, by their numbers."""
        numbers = np.asarray(rows) if self.numbers is None else self.numbers[rows]
        return Table(self.data.take(rows), self.name, self.notes, self.decimal_comma, numbers)

    def slice(self, start: int, count: int) -> Table:
        """At most `count` rows from `start` on; nothing is copied."""
        data = self.data.slice(start, count)
        return replace(self, data=data, numbers=self.rows[start : start + count])

    @property
    def rows(self) -> np.ndarray:
        """Numbers of the rows in the file or frame, from 0."""
        return np.arange(len(self)) if self.numbers is None else self.numbers

    def row(self, k: Any) -> int:
        """What a person calls row k: rows are counted from 1, the names aside."""
        return int(k if self.numbers is None else self.numbers[k]) + 1


def arrow() -> Any:
    """The package pyarrow."""
    return package("pyarrow", "tables need pyarrow", '"fastnn-mlp[tables]"')


def check_name(name: str, table: Table, role: str) -> None:
    """Refuse a name that no column has, with the nearest that one has."""
    if name not in table.columns:
        raise TableError(f'{table.name} has no column "{name}" ({role}); {_those(name, table)}')


def _those(name: str, table: Table) -> str:
    close = get_close_matches(name, table.columns, n=1, cutoff=0.4)
    hint = f'did you mean "{close[0]}"? It' if close else "it"
    return f"{hint} has: {listed(table.columns)}"


def listed(names: Sequence[str], most: int = 200) -> str:
    """Names in a sentence, not more than fit."""
    text = ", ".join(names)
    return text if len(text) <= most else f"{text[:most]}... ({len(names):,})"
