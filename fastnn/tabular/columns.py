"""Columns: what each column of a table is taken for, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.tabular import values
from fastnn.tabular.table import Table, TableError, arrow, check_name

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
    if pa.types.is_nested(data.type) or pa.types.is_binary(data.type):
        return Column(name, "drop", f"it holds {data.type}, neither numbers nor text")
    different = len(data.unique()) - (data.null_count > 0)
    if different == 1 and not data.null_count:
        return Column(name, "drop", f"all rows have the same value, {data[0].as_py()!s:.30}")
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
                   writing: str = "plain", strays: int = 0) -> Column:  # fmt: skip
    numbers = values.to_numbers(data, writing)
    if different == present == len(data):
        if _counts_rows(numbers):
            return Column(name, "drop", "an identifier: it counts the rows")
        if _is_called_id(name) and len(data) >= FEW_ROWS and _whole(numbers):
            return Column(name, "drop", "an identifier: another number in every row")
    infinite = np.count_nonzero(np.isnan(numbers)) - (len(data) - present) - strays
    if infinite > 0:
        more += f"; {infinite} infinite, taken for missing"
    return Column(name, "number", ("whole numbers" if _whole(numbers) else "numbers") + more,
                  writing)  # fmt: skip


def _whole(numbers: np.ndarray) -> bool:
    return bool(np.all(numbers[np.isfinite(numbers)] % 1 == 0))


def few(strays: int, present: int) -> bool:
    """Whether so many texts among numbers are too few to make of them a column of text."""
    return strays <= min(STRAY_MOST, STRAY_SHARE * present)


def codes(data: Any) -> int:
    """How many of the texts are digits that begin with 0."""
    import pyarrow.compute as pc

    return int(pc.sum(pc.match_substring_regex(data, values.CODE)).as_py() or 0)


def _guess_text(data: Any, name: str, table: Table, present: int, different: int) -> Column:
    if not few(codes(data), present):
        if different == present >= FEW_ROWS:
            return Column(name, "drop", "an identifier: digits with leading zeros, no two alike")
        return Column(name, "category", f"{different} codes: digits with leading zeros")
    writing, strays = values.writing_of(data, table.decimal_comma)
    pattern = values.WRITINGS[writing][0]
    if few(strays, present):
        more = _example(data)
        if strays:
            more += f"; {strays} other value{'s' * (strays > 1)} ({_stray(data, pattern, table)})"
            more += ", taken for missing"
        return _guess_numbers(data, name, present, different, more, writing, strays)
    stamp = values.stamp_of(data)
    if stamp is not None:
        return Column(name, "date", f"dates, written {stamp}", stamp=stamp)
    mostly = ""
    if strays < present / 2:
        mostly = (
            f"; {present - strays} numbers, but {strays} others ({_stray(data, pattern, table)})"
        )
    if present >= FEW_ROWS and different > UNLIKE_SHARE * present:
        why = f"text that tells the rows apart: {different} different values"
        return Column(name, "drop", why + mostly)
    return Column(name, "category", f"text of {different} different values{mostly}")


def _example(texts: Any) -> str:
    """How the numbers are written, where a computer would write them otherwise."""
    row = values.first_unlike(texts, rf"^\s*[+-]?({values.CORE})\s*$")
    unlike = texts[row].as_py() if row >= 0 else ""
    return f", written {unlike.strip()}" if re.search(r"\d", unlike) else ""


def _stray(texts: Any, pattern: str, table: Table) -> str:
    """The first text that is no number, and its row."""
    row = values.first_unlike(texts, pattern)
    return f"{texts[row].as_py()!r:.30} in row {table.row(row)}"


def _counts_rows(numbers: np.ndarray) -> bool:
    """Whether they are whole, all different, and leave out less than one in two: a counter, also
    where rows of it are held out."""
    n = len(numbers)
    if n < FEW_ROWS or not np.all(numbers % 1 == 0):
        return False
    return bool(np.ptp(numbers) < 2 * n) and len(np.unique(numbers)) == n


def _is_called_id(name: str) -> bool:
    words = name.lower().replace("-", "_").replace(" ", "_").split("_")
    return bool({"id", "uuid", "guid", "index", "key"} & set(words)) or name.lower().endswith("id")
