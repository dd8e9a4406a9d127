"""Blocks: a CSV file too large for the memory, read a part at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.tabular.csvfile import FALLBACK, as_utf8, form_of
from fastnn.tabular.reading import PARQUET, read_table
from fastnn.tabular.table import Table, TableError, arrow, listed

LARGE = 256 << 20
"""Bytes from which a file is read in parts."""
FIRST_BYTES, BLOCK_BYTES = 1 << 20, 8 << 20


def is_large(source: Any) -> bool:
    """Whether it is the path of a CSV file that is read in parts."""
    if not isinstance(source, str | Path) or Path(source).suffix.lower() in PARQUET:
        return False
    return Path(source).is_file() and os.path.getsize(source) >= LARGE


def blocks(path: str | Path) -> Iterator[Table]:
    """Parts of a file, each a table that knows the numbers of its rows.

    Raises
    ------
    TableError
        As `read_table`; for a broken row once it is reached.
    """
    pa = arrow()
    from pyarrow import csv as arrow_csv

    name = str(path)
    with open(path, "rb") as file:
        first = file.read(FIRST_BYTES)
    if first.startswith((b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff")):
        raise TableError(
            f"{name} is compressed or UTF-16, and too large to be read at once; save it as UTF-8"
        )
    first = first[: first.rfind(b"\n") + 1] or first
    text, notes = as_utf8(first, name)
    form = form_of(text, name, notes)
    plain = first.removeprefix(b"\xef\xbb\xbf") == text
    bad: list[Any] = []
    options = form.options(block_size=BLOCK_BYTES, encoding="utf8" if plain else FALLBACK)

    def note(row: Any) -> str:
        bad.append(row)
        return "error"

    options["parse_options"].invalid_row_handler = note
    row = 0
    try:
        for batch in arrow_csv.open_csv(path, **options):
            table = form.table(pa.Table.from_batches([batch]))
            if len(table):
                table.numbers = np.arange(row, row + len(table))
                yield table
            row += len(table)
    except pa.ArrowInvalid as error:
        if bad:
            raise TableError(
                f"{name}: a row after row {row} has {bad[0].actual_columns} cells, the table "
                f"{bad[0].expected_columns} columns: {bad[0].text!r:.80}"
            ) from None
        raise TableError(
            f"{name} is no whole table after row {row}: {str(error).splitlines()[0]:.160}"
        ) from None
    if not row:
        raise TableError(f"{name} has no rows, only the names {listed(form.names)}")


def tables(source: Any) -> Iterator[Table]:
    """What `read_table` reads; of a file too large for the memory one part after another."""
    if is_large(source):
        yield from blocks(source)
    else:
        yield read_table(source)
