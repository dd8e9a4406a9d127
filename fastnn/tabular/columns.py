"""Columns: what each column of a table is taken for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from fastnn.tabular import values
from fastnn.tabular.reading import Table, TableError, arrow

KINDS = ("number", "category", "date", "drop")
STRAY_SHARE, STRAY_MOST = 0.001, 5
"""So few texts among numbers are taken for missing values: a share of the rows, and how many."""
UNLIKE_SHARE = 0.9
"""Texts of which so many are different tell the rows apart, not kinds of rows."""
FEW_ROWS = 20
"""Of fewer rows nothing can be said of how many texts repeat."""


@dataclass(frozen=True)
class Column:
    """What a column is taken for.

    Attributes
    ----------
    name : str
    kind : {"number", "category", "date", "drop"}
    why : str
        A clause that says it.
    writing : str
        Of numbers in text: "plain", "thousands" (1,234.5) or "comma" (1.234,5).
    stamp : str or None
        Of dates in text: their format, as `datetime.strptime` has it.
    """

    name: str
    kind: str
    why: str
    writing: str = "plain"
    stamp: str | None = None


def describe_columns(
    table: Table, left_out: tuple[str, ...] = (), chosen: Mapping[str, str] | None = None
) -> list[Column]:
    """What each column is taken for; `chosen` overrules, by name.

    Examples
    --------
    >>> from fastnn.tabular.reading import read_table
    >>> table = read_table({"age": [41, 35, 29], "town": ["Bonn", "Ulm", "Bonn"]})
    >>> [(c.name, c.kind) for c in describe_columns(table)]
    [('age', 'number'), ('town', 'category')]
    """
    chosen = dict(chosen or {})
    for name, kind in chosen.items():
        check_name(name, table, "columns")
        if kind not in KINDS:
            raise ValueError(f'columns["{name}"] is {kind!r}; expected one of {", ".join(KINDS)}')
    found = []
    for name in table.columns:
        if name not in left_out:
            data = values.column(table.data, name)
            found.append(_chosen(data, name, chosen[name], table) if name in chosen
                         else _guess(data, name, table))  # fmt: skip
    return found


def check_name(name: str, table: Table, role: str) -> None:
    """Refuse a name that no column has, with the nearest that one has."""
    if name not in table.columns:
        close = get_close_matches(name, table.columns, n=1, cutoff=0.4)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        raise TableError(
            f'{table.name} has no column "{name}" ({role}); {hint}It has: '
            f"{', '.join(table.columns)[:200]}"
        )


def _chosen(data: Any, name: str, kind: str, table: Table) -> Column:
    """The kind that the user has set, if the values can be of that kind."""
    why = "as you set it"
    if kind in ("drop", "category"):
        return Column(name, kind, why)
    if kind == "date":
        stamp = values.stamp_of(data) if values.is_text(data) else None
        if stamp is None and not arrow().types.is_temporal(data.type):
            raise TableError(f'column "{name}" of {table.name} is to be dates, but holds others')
        return Column(name, kind, why, stamp=stamp)
    if not values.is_text(data):
        return Column(name, kind, why)
    writing, strays = values.writing_of(data, table.decimal_comma)
    if strays == len(data) - data.null_count:
        raise TableError(f'column "{name}" of {table.name} is to be numbers, but holds none')
    return Column(name, kind, why, writing)


def _guess(data: Any, name: str, table: Table) -> Column:
    pa = arrow()
    present = len(data) - data.null_count
    if not present:
        return Column(name, "drop", "all values are missing")
    different = len(data.unique()) - (data.null_count > 0)
    if different == 1 and not data.null_count:
        return Column(name, "drop", f"all rows have the same value, {data[0].as_py()!s:.30}")
    if pa.types.is_nested(data.type) or pa.types.is_binary(data.type):
        return Column(name, "drop", f"it holds {data.type}, neither numbers nor text")
    if pa.types.is_dictionary(table.data.schema.field(name).type):
        return Column(name, "category", f"a category type of {different} values")
    if pa.types.is_boolean(data.type):
        return Column(name, "category", "true or false")
    if pa.types.is_duration(data.type):
        return Column(name, "number", "durations")
    if pa.types.is_temporal(data.type):
        return Column(name, "date", f"dates, {data.type}")
    if values.is_text(data):
        return _guess_text(data, name, table, present, different)
    return _guess_numbers(data, name, present, different)


def _guess_numbers(data: Any, name: str, present: int, different: int, more: str = "",
                   writing: str = "plain") -> Column:  # fmt: skip
    numbers = values.to_numbers(data, writing)
    if different == present == len(data) and _counts_rows(numbers):
        return Column(name, "drop", "an identifier: it counts the rows")
    whole = bool(np.all(numbers[np.isfinite(numbers)] % 1 == 0))
    if whole and different == present == len(data) >= FEW_ROWS and _is_called_id(name):
        return Column(name, "drop", "an identifier: another number in every row")
    return Column(name, "number", ("whole numbers" if whole else "numbers") + more, writing)


def _guess_text(data: Any, name: str, table: Table, present: int, different: int) -> Column:
    import pyarrow.compute as pc

    if (pc.sum(pc.match_substring_regex(data, values.CODE)).as_py() or 0) > 0:
        if different == present >= FEW_ROWS:
            return Column(name, "drop", "an identifier: digits with leading zeros, no two alike")
        return Column(name, "category", f"{different} codes: digits with leading zeros")
    writing, strays = values.writing_of(data, table.decimal_comma)
    if strays <= min(STRAY_MOST, STRAY_SHARE * present):
        more = {"thousands": ", written 1,234.5", "comma": ", written 1.234,5"}.get(writing, "")
        if strays:
            more += f"; {strays} other value{'s' * (strays > 1)} ({_stray(data, writing)}) missing"
        return _guess_numbers(data, name, present, different, more, writing)
    stamp = values.stamp_of(data)
    if stamp is not None:
        return Column(name, "date", f"dates, written {stamp}", stamp=stamp)
    if present >= FEW_ROWS and different > UNLIKE_SHARE * present:
        return Column(name, "drop", f"text that tells the rows apart: {different} different values")
    return Column(name, "category", f"text of {different} different values")


def _stray(texts: Any, writing: str) -> str:
    """The first text that is no number, and its row."""
    import pyarrow.compute as pc

    pattern = values.WRITINGS[writing][0]
    bad = pc.invert(pc.match_substring_regex(texts, pattern))
    row = pc.index(pc.fill_null(bad, False), True).as_py()
    return f"{texts[row].as_py()!r:.30} in row {row + 1}"


def _counts_rows(numbers: np.ndarray) -> bool:
    """Whether each number is one more than that of the row before it, once they are sorted."""
    ordered = np.sort(numbers)
    return len(ordered) >= FEW_ROWS and bool(np.all(np.diff(ordered) == 1))


def _is_called_id(name: str) -> bool:
    words = name.lower().replace("-", "_").replace(" ", "_").split("_")
    return bool({"id", "uuid", "guid", "index", "key"} & set(words)) or name.lower().endswith("id")
