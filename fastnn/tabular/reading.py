"""Reading: a file, a data frame or a dict of columns becomes one Arrow table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastnn.inputs.packages import package

PARQUET = (".parquet", ".pq")
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "?", "-")
"""Texts that stand for a missing value in a CSV file."""
DELIMITERS = ",;\t|"
SAMPLE_BYTES = 65_536
FALLBACK = "cp1252"
"""How a file is read that is no UTF-8: what Excel writes in western Europe and America."""


class TableError(ValueError):
    """A table cannot be read, or does not hold what it should; the message says where."""


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
    """

    data: Any
    name: str
    notes: list[str] = field(default_factory=list)
    decimal_comma: bool = False

    def __len__(self) -> int:
        return int(self.data.num_rows)

    @property
    def columns(self) -> list[str]:
        """Names, from left to right."""
        return list(self.data.column_names)

    def take(self, rows: Any) -> Table:
        """Some rows, by their numbers."""
        return Table(self.data.take(rows), self.name, self.notes, self.decimal_comma)


def arrow() -> Any:
    """The package pyarrow."""
    return package("pyarrow", "tables need pyarrow", '"fastnn-mlp[tables]"')


def read_table(source: Any, name: str = "the table") -> Table:
    """One table of what a user hands over.

    Parameters
    ----------
    source : path, file object, pandas or polars data frame, pyarrow.Table, or dict of columns
        A path ends in .parquet or .pq, or is a CSV file: its delimiter, its decimal comma and its
        encoding are found out.

    Raises
    ------
    TableError
        For a file that is no table; it names the file, and the row where there is one.
    FileNotFoundError, PermissionError
        As `open`.

    Examples
    --------
    >>> read_table({"age": [41, 35], "town": ["Bonn", None]}).columns
    ['age', 'town']
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, str | Path):
        return _checked(_from_path(Path(source)))
    if hasattr(source, "read"):
        return _checked(_from_csv(source.read(), getattr(source, "name", "standard input")))
    return _checked(Table(_from_memory(source), name))


def _checked(table: Table) -> Table:
    names = table.columns
    if not names:
        raise TableError(f"{table.name} has no columns; expected a row of names, then rows")
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise TableError(
            f'{table.name} has {names.count(twice)} columns named "{twice}"; expected each name '
            "once: rename or remove one"
        )
    if not len(table):
        raise TableError(f"{table.name} has no rows, only the names {', '.join(names)[:80]}")
    return table


def _from_memory(source: Any) -> Any:
    pa = arrow()
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return pa.table({str(k): _column(v, str(k)) for k, v in source.items()})
    if hasattr(source, "to_arrow"):
        return source.to_arrow()
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return pa.table({str(k): _column(source[k], str(k)) for k in source.columns})
    raise TypeError(
        f"got a {type(source).__name__}; expected a path of a CSV or Parquet file, a data frame, "
        "or a dict of columns"
    )


def _column(values: Any, name: str) -> Any:
    """An Arrow array; of mixed Python objects, text."""
    pa = arrow()
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    texts = [None if v is None or v != v else str(v) for v in values]
    return pa.array(texts, pa.string())


def _from_path(path: Path) -> Table:
    if path.suffix.lower() in PARQUET:
        return Table(_parquet(path), str(path))
    with open(path, "rb") as file:
        return _from_csv(file.read(), str(path))


def _parquet(path: Path) -> Any:
    pa = arrow()
    from pyarrow import parquet

    with open(path, "rb"):  # the usual errors of a file that cannot be opened
        pass
    try:
        return parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{path} is no Parquet file that can be read: {error}") from None


def _from_csv(data: bytes | str, name: str) -> Table:
    pa = arrow()
    from pyarrow import csv as arrow_csv

    raw = data.encode() if isinstance(data, str) else data
    raw, notes = _as_utf8(raw, name)
    if not raw.strip():
        raise TableError(f"{name} is empty; expected a row of names, then rows")
    if raw.count(b'"') % 2:
        raise TableError(f"{name} has an odd number of quotes: one is opened and never closed")
    delimiter = _delimiter(raw)
    header = _header(raw, delimiter)
    options = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()), null_values=list(MISSING),
        strings_can_be_null=True, quoted_strings_can_be_null=True,
    )  # fmt: skip
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    try:
        data = arrow_csv.read_csv(
            pa.BufferReader(raw), parse_options=parse, convert_options=options,
            read_options=arrow_csv.ReadOptions(use_threads=False),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise TableError(f"{name} is no whole table: {_first_line(error)}") from None
    if delimiter != ",":
        notes.append(f"columns are separated by {delimiter!r}")
    return Table(data, name, notes, decimal_comma=delimiter == ";")


def _first_line(error: Exception) -> str:
    """What Arrow says, without the text of a long row."""
    return str(error).splitlines()[0].removeprefix("CSV parse error: ")[:160]


def _as_utf8(raw: bytes, name: str) -> tuple[bytes, list[str]]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16").encode(), ["the encoding is UTF-16"]
    if b"\0" in raw[:SAMPLE_BYTES]:
        raise TableError(f"{name} holds zero bytes: it is no text file; expected CSV or Parquet")
    try:
        raw.decode("utf-8")
        return raw.removeprefix(b"\xef\xbb\xbf"), []
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
    try:
        text = raw.decode(FALLBACK)
    except UnicodeDecodeError:
        raise TableError(
            f"{name} is neither UTF-8 nor {FALLBACK} (line {row}); save it as UTF-8"
        ) from None
    return text.encode(), [f"line {row} is no UTF-8: the file was read as {FALLBACK}"]


def _sample(raw: bytes) -> str:
    """The first lines, whole."""
    part = raw[:SAMPLE_BYTES]
    if len(raw) > SAMPLE_BYTES:
        part = part[: part.rfind(b"\n") + 1] or part
    return part.decode("utf-8", errors="ignore")


def _delimiter(raw: bytes) -> str:
    """The delimiter that cuts the first rows into equally many cells, the most of them."""
    best, cells = ",", 1
    for delimiter in DELIMITERS:
        rows = [
            r for r in csv.reader(io.StringIO(_sample(raw), newline=None), delimiter=delimiter) if r
        ][:50]
        widths = {len(row) for row in rows}
        if len(widths) == 1 and (width := widths.pop()) > cells:
            best, cells = delimiter, width
    return best


def _header(raw: bytes, delimiter: str) -> list[str]:
    rows = csv.reader(io.StringIO(_sample(raw), newline=None), delimiter=delimiter)
    return next(row for row in rows if row)
