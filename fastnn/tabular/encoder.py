"""The encoder: from the columns of a table to the numbers that a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.export.formulas import softly_scaled
from fastnn.tabular.columns import Column
from fastnn.tabular.parsed import Parsed, Words, parse
from fastnn.tabular.table import Table

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
    def learn(cls, columns: Sequence[Column], table: Table | Parsed) -> Encoder:
        """From the rows to train on, and from no others."""
        parsed = _parsed(columns, table)
        return cls([_rule(c, parsed.columns[c.name]) for c in columns if c.kind != "drop"])

    @property
    def outputs(self) -> list[str]:
        """Names of the encoded columns."""
        return [name for rule in self.rules for name in rule.outputs]

    def encode(self, table: Table | Parsed) -> np.ndarray:
        """Encode rows; columns in any order, others left aside.

        Raises
        ------
        TableError
            Where a column is missing; it names all that are.
        """
        return self.expand(self.compact(_parsed([rule.column for rule in self.rules], table)))

    def compact(self, parsed: Parsed) -> np.ndarray:
        """A column a rule, (n, rules) float64: numbers, NaN where they are missing, or the number
        of the category, -1 where there is none."""
        found = np.empty((len(parsed), len(self.rules)))
        for k, rule in enumerate(self.rules):
            data = parsed.columns[rule.column.name]
            found[:, k] = _places(rule.categories, data) if isinstance(data, Words) else data
        return found

    def expand(self, compact: np.ndarray) -> np.ndarray:
        """The encoded columns (n, features) of compact rows."""
        X = np.empty((len(compact), len(self.outputs)))
        at = 0
        for k, rule in enumerate(self.rules):
            width = len(rule.outputs)
            _expand(rule, compact[:, k], X[:, at : at + width])
            at += width
        return X


def network_input(
    encoder: Encoder, compact: np.ndarray, median: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """What `softly_scaled` makes of ``encoder.expand(compact)``, bit for bit: (n, features).

    A column of 0 and 1 has two values once it is scaled: they are put where they belong.
    """
    zero, one = (softly_scaled(np.full(median.shape, v), median, factor) for v in (0.0, 1.0))
    X = np.empty((len(compact), median.size), np.float32)
    X[:] = zero
    at = 0
    for k, rule in enumerate(encoder.rules):
        part = slice(at, at + len(rule.outputs))
        at = part.stop
        if rule.column.kind == "category":
            rows = np.flatnonzero(compact[:, k] >= 0)
            places = part.start + compact[rows, k].astype(np.int64)
            X[rows, places] = one[places]
        else:
            numbers = np.empty((len(compact), part.stop - part.start))
            _expand(rule, compact[:, k], numbers)
            X[:, part] = softly_scaled(numbers, median[part], factor[part])
    return X


def _parsed(columns: Sequence[Column], table: Table | Parsed) -> Parsed:
    return table if isinstance(table, Parsed) else parse(columns, table)


def _rule(column: Column, data: Any) -> Rule:
    if isinstance(data, Words):
        return Rule(column, categories=_categories(data))
    gaps = np.isnan(data)
    median = 0.0 if gaps.all() else float(np.nanmedian(data))
    return Rule(column, median, bool(gaps.any()))


def _categories(data: Words) -> list[str]:
    """The most frequent words; ties by their order."""
    counts = np.bincount(data.at[data.at >= 0], minlength=len(data.words))
    found = sorted((-count, word) for count, word in zip(counts, data.words, strict=True) if count)
    kept = sorted(word for _, word in found[:MOST_CATEGORIES])
    kept += [MISSING] * bool((data.at < 0).any())
    return kept + [OTHER] * (len(found) > MOST_CATEGORIES)


def _expand(rule: Rule, data: np.ndarray, X: np.ndarray) -> None:
    """Write the encoded columns of a rule into X (n, columns)."""
    if rule.column.kind == "category":
        X[:] = 0
        rows = np.flatnonzero(data >= 0)
        X[rows, data[rows].astype(np.int64)] = 1
        return
    gaps = np.isnan(data)
    numbers = np.where(gaps, rule.median, data)
    X[:, 0] = numbers
    if rule.column.kind == "date":
        for k, seconds in enumerate(CYCLES.values()):
            angle = 2 * np.pi * (numbers % seconds) / seconds
            X[:, 1 + 2 * k], X[:, 2 + 2 * k] = np.sin(angle), np.cos(angle)
    if rule.indicator:
        X[:, -1] = gaps


def _places(categories: list[str], data: Words) -> np.ndarray:
    """Number of each row's category (n,); -1 where it has none."""
    place = {name: k for k, name in enumerate(categories)}
    missing, other = place.pop(MISSING, -1), place.pop(OTHER, -1)
    own = [place.get(word, other) for word in data.words]
    return np.array([*own, missing], np.int64)[data.at]
