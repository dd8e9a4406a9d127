"""CSV files: their encoding, delimiter and names, and where a broken one is broken."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.tabular.table import Table, TableError, arrow

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "?", "-")
"""Texts that stand for a missing value in a CSV file."""
DELIMITERS = ",;\t|"
SAMPLE_BYTES, SAMPLE_LINES = 65_536, 50
WINDOW = 1 << 17
REGULAR_SHARE = 0.8
"""Of the first lines so many must have one number of cells to tell the delimiter."""
FALLBACK = "cp1252"
"""How a file is read that is no UTF-8: what Excel writes in western Europe and America."""


@dataclass
class Form:
    """How a CSV file is written.

    Attributes
    ----------
    name : str
        Of the file.
    delimiter : str
    header : list of str
        Its first row, as written.
    names : list of str
        Of the columns: without spaces around them, and "column 3" where there is none.
    padded : bool
        Whether there are spaces around the delimiters.
    notes : list of str
        What is not plain in it.
    """

    name: str
    delimiter: str
    header: list[str]
    names: list[str]
    padded: bool
    notes: list[str] = field(default_factory=list)

    def options(self, **reading: Any) -> dict[str, Any]:
        """For pyarrow.csv: all columns are text, as written."""
        from pyarrow import csv as arrow_csv

        text = arrow().string()
        return {
            "parse_options": arrow_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True
            ),
            "convert_options": arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(self.header, text), null_values=list(MISSING),
                strings_can_be_null=True, quoted_strings_can_be_null=True,
            ),
            "read_options": arrow_csv.ReadOptions(use_threads=False, **reading),
        }  # fmt: skip

    def table(self, data: Any) -> Table:
        """What pyarrow has read, under the names, without spaces around the cells."""
        data = data.rename_columns(self.names)
        if self.padded:
            data = _trimmed(data)
        return Table(data, self.name, list(self.notes), self.delimiter == ";")


def read_csv(raw: bytes, name: str) -> Table:
    """The table that the bytes of a CSV file hold; see `read_table`."""
    pa = arrow()
    from pyarrow import csv as arrow_csv

    raw, notes = as_utf8(raw, name)
    if not raw.strip():
        raise TableError(f"{name} is empty; expected a row of names, then rows")
    form = form_of(raw, name, notes)
    if _times(raw, b'"') % 2:
        _refuse_open_quote(raw, form)
    try:
        data = arrow_csv.read_csv(pa.BufferReader(raw), **form.options())
    except pa.ArrowInvalid as error:
        _refuse_ragged(raw, form)
        raise TableError(f"{name} is no whole table: {str(error).splitlines()[0]:.160}") from None
    table = form.table(data)
    if _times(raw, b"\n") > len(table) + 1:
        table.notes += _swallowed(table, form.delimiter)
    return table


def as_utf8(raw: bytes, name: str) -> tuple[bytes, list[str]]:
    """The bytes in UTF-8, and notes where they were in another encoding."""
    notes = []
    if raw.startswith(b"\x1f\x8b"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise TableError(f"{name} is a damaged gzip file: {error}") from None
        notes.append("it is compressed by gzip")
    if raw.startswith(b"PK\x03\x04"):
        raise TableError(f"{name} is an Excel file or a ZIP archive; save its table as CSV")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16").encode(), [*notes, "the encoding is UTF-16"]
    zero = raw.find(b"\0")
    if zero >= 0:
        raise TableError(
            f"{name} holds a zero byte in line {_line(raw, zero)}: it is no text file; expected "
            "CSV or Parquet"
        )
    try:
        raw.decode("utf-8")
        return raw.removeprefix(b"\xef\xbb\xbf"), notes
    except UnicodeDecodeError as error:
        line = _line(raw, error.start)
    try:
        text = raw.decode(FALLBACK)
    except UnicodeDecodeError as error:
        raise TableError(
            f"{name} is neither UTF-8 (line {line}) nor {FALLBACK} (line "
            f"{_line(raw, error.start)}); save it as UTF-8"
        ) from None
    return text.encode(), [*notes, f"line {line} is no UTF-8: the file was read as {FALLBACK}"]


def _line(raw: bytes, place: int) -> int:
    return raw.count(b"\n", 0, place) + 1


def form_of(raw: bytes, name: str, notes: list[str]) -> Form:
    """The form of a CSV file, by its first lines and, of spaces, by all of these bytes."""
    delimiter = _delimiter(raw)
    header = next(row for row in _rows(_sample(raw), delimiter) if row)
    names = [text.strip() or f"column {k}" for k, text in enumerate(header, 1)]
    notes = list(notes)
    if delimiter != ",":
        notes.append(f"columns are separated by {delimiter!r}")
    unnamed = [name for name, text in zip(names, header, strict=True) if not text.strip()]
    if unnamed:
        notes.append(f'a column without a name is called "{unnamed[0]}"')
    for text in names:
        if names.count(text) > 1:
            places = [str(k) for k, other in enumerate(names, 1) if other == text]
            raise TableError(
                f'{name} has {len(places)} columns named "{text}", in places '
                f"{' and '.join(places)}; expected each name once: rename or remove one"
            )
    return Form(name, delimiter, header, names, _padded(raw, delimiter), notes)


def _windows(raw: bytes) -> Iterator[np.ndarray]:
    """The bytes a window after another, each with the first byte of the next: NumPy looks at all of
    a window faster than `bytes` finds what is frequent."""
    letters = np.frombuffer(raw, np.uint8)
    for start in range(0, len(raw), WINDOW):
        yield letters[start : start + WINDOW + 1]


def _padded(raw: bytes, delimiter: str) -> bool:
    """Whether a space stands beside a delimiter."""
    for letters in _windows(raw):
        marks, spaces = letters == ord(delimiter), letters == ord(" ")
        if ((marks[1:] & spaces[:-1]) | (marks[:-1] & spaces[1:])).any():
            return True
    return False


def _times(raw: bytes, letter: bytes) -> int:
    """How often a byte is there."""
    return sum(int(np.count_nonzero(letters[:WINDOW] == ord(letter))) for letters in _windows(raw))


def _sample(raw: bytes) -> bytes:
    """The first lines, whole."""
    part = raw[:SAMPLE_BYTES]
    return part if len(raw) <= SAMPLE_BYTES else part[: part.rfind(b"\n") + 1] or part


def _rows(raw: bytes, delimiter: str, strict: bool = False) -> Any:
    """Python's reader: slower than Arrow's, and knows the line that it is in."""
    text = io.TextIOWrapper(io.BytesIO(raw), "utf-8", errors="replace", newline=None)
    return csv.reader(text, delimiter=delimiter, strict=strict)


def _delimiter(raw: bytes) -> str:
    """The delimiter that cuts the first rows into equally many cells, the most of them."""
    best, cells = ",", 1
    for delimiter in DELIMITERS:
        rows = [row for row in _rows(_sample(raw), delimiter) if row][:SAMPLE_LINES]
        (width, times), *_ = Counter(map(len, rows)).most_common(1)
        if times >= REGULAR_SHARE * len(rows) and width > cells:
            best, cells = delimiter, width
    return best


def _numbered(raw: bytes, delimiter: str, strict: bool = False) -> Iterator[tuple[int, int, list]]:
    """Number of each row below the names, the line where it begins, its cells."""
    reader, row, line = _rows(raw, delimiter, strict), -1, 1
    for cells in reader:
        row += bool(cells)
        if cells and row:
            yield row, line, cells
        line = reader.line_num + 1


def _refuse_ragged(raw: bytes, form: Form) -> None:
    """Say which row has more or fewer cells than there are names."""
    names = form.names
    for row, line, cells in _numbered(raw, form.delimiter):
        if len(cells) == len(names):
            continue
        count, columns = _count(len(cells), "cell"), _count(len(names), "column")
        where = f"{form.name}: row {row} (line {line}) has {count}, the table {columns}"
        if len(cells) < len(names):
            raise TableError(f'{where}: it ends before column "{names[len(cells)]}"')
        if len(names) == 1:
            raise TableError(f"{where}: is {names[0][:60]!r} the row of names?")
        raise TableError(
            f'{where}: {cells[len(names)]!r:.60} comes after the last column, "{names[-1]}"'
        )


def _count(n: int, of: str) -> str:
    return f"{n} {of}{'s' * (n > 1)}"


def _refuse_open_quote(raw: bytes, form: Form) -> None:
    """Say where a quote is opened that is never closed; a quote within a cell is text."""
    row, line, cells = 0, 1, form.header
    try:
        for row, line, cells in _numbered(raw, form.delimiter, strict=True):  # noqa: B007
            pass
        return
    except csv.Error:
        line += sum(cell.count("\n") for cell in cells) + 1
    if row or form.header:
        raise TableError(
            f"{form.name}: row {row + 1} (line {line}) opens a quote that is never closed"
        )


def _trimmed(data: Any) -> Any:
    """Cells without spaces around them; what is then a word for nothing is missing."""
    import pyarrow.compute as pc

    pa = arrow()
    words = pa.array(MISSING)
    for k, name in enumerate(data.column_names):
        texts = pc.utf8_trim_whitespace(data.column(k))
        texts = pc.if_else(pc.is_in(texts, words), pa.scalar(None, pa.string()), texts)
        data = data.set_column(k, name, texts)
    return data


def _swallowed(table: Table, delimiter: str) -> list[str]:
    """A note where a cell holds lines that look like rows: its quote may be a mistake."""
    import pyarrow.compute as pc

    commas = len(table.columns) - 1
    if commas < 2:
        return []
    for k, name in enumerate(table.columns):
        texts = table.data.column(k)
        rows = pc.indices_nonzero(pc.fill_null(pc.match_substring(texts, "\n"), False))
        for row in rows.to_pylist()[:1000]:
            lines = texts[row].as_py().splitlines()
            alike = sum(line.count(delimiter) == commas for line in lines)
            if alike > 1:
                return [f'row {row + 1} holds {alike} lines that look like rows, in column "{name}"'
                        ": is a quote not closed there?"]  # fmt: skip
    return []
