"""The encoder: from the columns of a table to the numbers that a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.tabular import values
from fastnn.tabular.columns import Column
from fastnn.tabular.reading import Table, TableError, arrow

MOST_CATEGORIES = 127
"""Categories of a column that are told apart, the most frequent ones; the others are one."""
MISSING, OTHER = "(missing)", "(other)"
DAY, YEAR = 86_400.0, 31_556_952.0
"""Seconds of a day, of a mean year of the Gregorian calendar."""
CYCLES = {"year": YEAR, "week": 7 * DAY, "day": DAY}


@dataclass(frozen=True)
class Rule:
    """How one column is encoded, learned from training rows.

    Attributes
    ----------
    column : Column
    median : float
        Of numbers and dates: what stands in for a missing one.
    indicator : bool
        Whether a column of 0 and 1 says where a value is missing.
    categories : list of str
        Each gets a column; `MISSING` and `OTHER` among them where there were any.
    """

    column: Column
    median: float = 0.0
    indicator: bool = False
    categories: list[str] = field(default_factory=list)

    @property
    def outputs(self) -> list[str]:
        """Names of the encoded columns."""
        name = self.column.name
        if self.column.kind == "category":
            return [f"{name}={category}" for category in self.categories]
        parts = [name]
        if self.column.kind == "date":
            parts += [f"{name} ({of} of the {c})" for c in CYCLES for of in ("sine", "cosine")]
        return parts + [f"{name} missing"] * self.indicator


class Encoder:
    """Numbers (n, features) float64 of a table.

    A number stays one, a missing one is the median, and says so in a column of its own. A date is
    seconds since 1970 and its place in the year, the week and the day, as sine and cosine. A
    category has a column of 0 and 1.

    Parameters
    ----------
    rules : sequence of Rule
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = list(rules)

    @classmethod
    def learn(cls, columns: Sequence[Column], table: Table) -> Encoder:
        """From the rows to train on, and from no others."""
        return cls([_rule(c, table) for c in columns if c.kind != "drop"])

    @property
    def outputs(self) -> list[str]:
        """Names of the encoded columns."""
        return [name for rule in self.rules for name in rule.outputs]

    def encode(self, table: Table) -> np.ndarray:
        """Encode rows; columns in any order, others left aside.

        Raises
        ------
        TableError
            Where a column is missing; it names all that are.
        """
        missing = [r.column.name for r in self.rules if r.column.name not in table.columns]
        if missing:
            raise TableError(
                f"{table.name} lacks the column{'s' * (len(missing) > 1)} "
                f"{', '.join(missing)}; the model was trained with {len(self.rules)} columns"
            )
        X = np.empty((len(table), len(self.outputs)))
        at = 0
        for rule in self.rules:
            width = len(rule.outputs)
            _encode(rule, values.column(table.data, rule.column.name), X[:, at : at + width])
            at += width
        return X


def _rule(column: Column, table: Table) -> Rule:
    data = values.column(table.data, column.name)
    if column.kind == "category":
        return Rule(column, categories=_categories(values.as_text(data)))
    numbers = _numbers(column, data)
    gaps = bool(np.isnan(numbers).any())
    median = 0.0 if np.isnan(numbers).all() else float(np.nanmedian(numbers))
    return Rule(column, median, gaps)


def _numbers(column: Column, data: Any) -> np.ndarray:
    if column.kind == "date":
        return values.to_seconds(data, column.stamp)
    return values.to_numbers(data, column.writing)


def _categories(texts: Any) -> list[str]:
    """The most frequent texts; ties by their order."""
    import pyarrow.compute as pc

    counted = pc.value_counts(texts.drop_null())
    found = np.asarray(counted.field("values").to_pylist(), str)
    order = np.lexsort((found, -counted.field("counts").to_numpy()))
    kept = sorted(found[order[:MOST_CATEGORIES]].tolist())
    kept += [MISSING] * (texts.null_count > 0)
    return kept + [OTHER] * (len(found) > MOST_CATEGORIES)


def _encode(rule: Rule, data: Any, X: np.ndarray) -> None:
    """Write the encoded columns of a rule into X (n, columns)."""
    if rule.column.kind == "category":
        X[:] = 0
        at = _places(rule.categories, values.as_text(data))
        rows = np.flatnonzero(at >= 0)
        X[rows, at[rows]] = 1
        return
    numbers = _numbers(rule.column, data)
    gaps = np.isnan(numbers)
    numbers = np.where(gaps, rule.median, numbers)
    X[:, 0] = numbers
    if rule.column.kind == "date":
        for k, seconds in enumerate(CYCLES.values()):
            angle = 2 * np.pi * (numbers % seconds) / seconds
            X[:, 1 + 2 * k], X[:, 2 + 2 * k] = np.sin(angle), np.cos(angle)
    if rule.indicator:
        X[:, -1] = gaps


def _places(categories: list[str], texts: Any) -> np.ndarray:
    """Number of each text's category (n,); -1 where it has none."""
    import pyarrow.compute as pc

    own = {name: categories.index(name) for name in (MISSING, OTHER) if name in categories}
    words = [c for c in categories if c not in own]
    at = pc.fill_null(pc.index_in(texts, arrow().array(words, "string")), -1)
    places = np.array(at.to_numpy(zero_copy_only=False), np.int64)
    gaps = np.asarray(texts.is_null().to_numpy(zero_copy_only=False))
    places[(places < 0) & ~gaps] = own.get(OTHER, -1)
    places[gaps] = own.get(MISSING, -1)
    return places
