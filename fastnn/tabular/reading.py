"""Reading: a file, a data frame or a dict of columns becomes one Arrow table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fastnn.inputs.arrays import is_missing
from fastnn.tabular.csvfile import read_csv
from fastnn.tabular.table import Table as Table
from fastnn.tabular.table import TableError as TableError
from fastnn.tabular.table import arrow as arrow
from fastnn.tabular.table import listed

PARQUET = (".parquet", ".pq")


def read_table(source: Any, name: str = "the table") -> Table:
    """One table of what a user hands over.

    Parameters
    ----------
    source : path, file object, pandas or polars data frame, pyarrow.Table, or dict of columns
        A path ends in .parquet or .pq, or is a CSV file, which gzip may have compressed: its
        delimiter, its decimal comma and its encoding are found out.
    name : str, default "the table"
        What errors call a table that has no file.

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
        data, name = source.read(), str(getattr(source, "name", "a file"))
        if name == "<stdin>":
            name = "standard input"
        return _checked(_from_bytes(data.encode() if isinstance(data, str) else data, name))
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
        raise TableError(f"{table.name} has no rows, only the names {listed(names)}")
    return table


def _from_memory(source: Any) -> Any:
    pa = arrow()
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return _of_columns(source.items())
    if hasattr(source, "to_arrow"):
        return source.to_arrow()
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        # By position: names may repeat, which is told later.
        return _of_columns((k, source.iloc[:, at]) for at, k in enumerate(source.columns))
    raise TypeError(
        f"got a {type(source).__name__}; expected a path of a CSV or Parquet file, a data frame, "
        "or a dict of columns"
    )


def _of_columns(columns: Iterable[tuple[Any, Any]]) -> Any:
    """An Arrow table of columns by their names."""
    names, parts = zip(*columns, strict=True) if (columns := list(columns)) else ((), ())
    try:
        arrays = [_column(values, str(name)) for name, values in zip(names, parts, strict=True)]
        return arrow().table(arrays, names=list(map(str, names)))
    except UnicodeEncodeError as error:
        raise TableError(
            f"{error.object!r:.60} holds half a letter, which no table can hold: mend that text"
        ) from None


def _column(values: Any, name: str) -> Any:
    """An Arrow array; of mixed Python objects, of periods and of intervals, text."""
    pa = arrow()
    try:
        found = pa.array(values, from_pandas=True)
        kind = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
        if not isinstance(kind, pa.BaseExtensionType):
            return found
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    except pa.ArrowNotImplementedError:
        kind = getattr(values, "dtype", type(values).__name__)
        raise TableError(
            f'column "{name}" holds {kind}; expected numbers, dates or text: leave it out, or make '
            "such of it"
        ) from None
    texts = [None if is_missing(v) else str(v) for v in values]
    return pa.array(texts, pa.string())


def _from_path(path: Path) -> Table:
    if path.suffix.lower() in PARQUET:
        with open(path, "rb"):  # the usual errors of a file that cannot be opened
            pass
        return Table(_parquet(path, str(path)), str(path))
    with open(path, "rb") as file:
        return _from_bytes(file.read(), str(path))


def _from_bytes(data: bytes, name: str) -> Table:
    """A table in any of the formats, told by how it begins."""
    if data.startswith(b"PAR1"):
        return Table(_parquet(arrow().BufferReader(data), name), name)
    return read_csv(data, name)


def _parquet(source: Any, name: str) -> Any:
    pa = arrow()
    from pyarrow import parquet

    try:
        return parquet.read_table(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{name} is no Parquet file that can be read: {error}") from None
