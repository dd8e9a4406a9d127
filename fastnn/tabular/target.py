"""The target: class names, or numbers, and which rows have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn.tabular import values
from fastnn.tabular.columns import codes, few
from fastnn.tabular.table import Table, TableError, arrow, check_name, listed

FEW_NUMBERS = 10
"""So many different whole numbers, and no more, are taken for classes."""
FEW_CLASSES = 20
"""So many classes may be, however few rows there are."""
TASKS = ("classification", "regression")


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes
    ----------
    name : str
        Of its column.
    task : {"classification", "regression"}
    why : str
        A clause that says so.
    classes : tuple of str
        Their names, in the sequence of the outputs; none in a regression.
    writing : str
        Of numbers in text, as `Column.writing`.
    """

    name: str
    task: str
    why: str
    classes: tuple[str, ...] = ()
    writing: str = "plain"

    def read(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the rows that have a target (m,), and their targets.

        Raises
        ------
        TableError
            Without such a column, or with a class that was not there in training.
        """
        check_name(self.name, table, "the target")
        data = values.column(table.data, self.name)
        if self.task == "regression":
            numbers = values.to_numbers(data, self.writing)
            rows = np.flatnonzero(np.isfinite(numbers))
            return rows, numbers[rows]
        words = values.to_words(data)
        rows = np.flatnonzero([w is not None for w in words])
        place = {name: k for k, name in enumerate(self.classes)}
        found = np.array([place.get(w, -1) for w in words[rows]], np.int64)
        if (found < 0).any():
            k = int(np.argmax(found < 0))
            raise TableError(
                f'row {table.row(rows[k])} of {table.name} has the class "{words[rows[k]]}" in '
                f'column "{self.name}"; the model knows {len(self.classes)}: '
                f"{listed(self.classes, 120)}"
            )
        return rows, found


def describe_target(table: Table, name: str, task: str | None = None) -> Target:
    """What a column is as a target: text or few whole numbers are classes, else numbers.

    Examples
    --------
    >>> from fastnn.tabular.reading import read_table
    >>> describe_target(read_table({"y": ["b", "a", "b"]}), "y").classes
    ('a', 'b')
    """
    check_name(name, table, "the target")
    if task is not None and task not in TASKS:
        raise ValueError(f'task is {task!r}; expected "classification", "regression" or None')
    data = values.column(table.data, name)
    if len(data) == data.null_count:
        raise TableError(f'all values of the target "{name}" of {table.name} are missing')
    numeric, writing = _numeric(data, table)
    if task is None:
        task = _task(data, numeric, writing)
    if task == "classification":
        return _classes(data, table, name)
    if not numeric:
        raise TableError(
            f'the target "{name}" of {table.name} holds text such as "{_first(data)}"; expected '
            'numbers for a regression: leave out task, or pass task="classification"'
        )
    numbers = values.to_numbers(data, writing)
    if np.nanmin(numbers) == np.nanmax(numbers):
        raise TableError(f'the target "{name}" of {table.name} is {numbers[0]:g} in all rows')
    return Target(name, task, "numbers", writing=writing)


def _numeric(data: Any, table: Table) -> tuple[bool, str]:
    """Whether it holds numbers, and how they are written."""
    pa = arrow()
    if not values.is_text(data):
        kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
        return any(kind(data.type) for kind in kinds), "plain"
    present = len(data) - data.null_count
    if not few(codes(data), present):
        return False, "plain"
    writing, strays = values.writing_of(data, table.decimal_comma)
    return few(strays, present), writing


def _task(data: Any, numeric: bool, writing: str) -> str:
    if not numeric:
        return "classification"
    numbers = values.to_numbers(data, writing)
    different = np.unique(numbers[np.isfinite(numbers)])
    few = len(different) <= FEW_NUMBERS and bool(np.all(different % 1 == 0))
    return "classification" if few else "regression"


def _classes(data: Any, table: Table, name: str) -> Target:
    words = values.to_words(data)
    found, counts = np.unique(words[[w is not None for w in words]].astype(str), return_counts=True)
    if len(found) == 1:
        raise TableError(
            f'the target "{name}" of {table.name} has one class, "{found[0]}", in all rows; '
            "expected at least 2"
        )
    if len(found) > max(FEW_CLASSES, counts.sum() / 2) or counts.max() == 1:
        raise TableError(
            f'the target "{name}" of {table.name} has {len(found):,} different values in '
            f"{counts.sum():,} rows; expected classes that come again: choose another column, or "
            'task="regression" for numbers'
        )
    classes = _ordered(found.tolist())
    return Target(name, "classification", f"{len(classes)} classes", classes)


def with_words(target: Target, words: Sequence[str]) -> Target:
    """The target with further classes, those of rows that were not looked at."""
    if not words or target.task == "regression":
        return target
    found = values.to_words(arrow().array(list(words), "string")).tolist()
    classes = _ordered(sorted({*target.classes, *found}))
    return replace(target, classes=classes, why=f"{len(classes)} classes")


def _ordered(words: list[str]) -> tuple[str, ...]:
    """By their size where all are numbers."""
    try:
        return tuple(sorted(words, key=float))
    except ValueError:
        return tuple(words)


def _first(data: Any) -> str:
    return str(next(v.as_py() for v in data if v.is_valid))[:30]
