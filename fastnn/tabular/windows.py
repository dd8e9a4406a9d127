"""Windows: all rows of a large file, encoded to numbers and shuffled, on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.tabular.blocks import blocks
from fastnn.tabular.lesson import Lesson
from fastnn.tabular.members import Member
from fastnn.tabular.parsed import Words, parse
from fastnn.tabular.table import Table
from fastnn.tabular.weights import row_weights

WINDOW_BYTES = 64 << 20
"""Of encoded rows that are in memory at once."""
MOST_WINDOWS = 500
BATCH = 256


@dataclass
class Copy:
    """Rows on the disk, in windows that were filled at random.

    A row is, in float64, what `Encoder.compact` makes of it, its target, and its weight.
    """

    folder: Path
    path: Any
    member: Member
    lesson: Lesson
    rows: int
    seed: int

    def __post_init__(self) -> None:
        self.width = len(self.member.encoder.rules) + 2
        inside = max(4 * BATCH, WINDOW_BYTES // (8 * max(1, self.member.median.size)))
        self.count = int(min(MOST_WINDOWS, -(-self.rows // inside)))
        self.inside = inside
        self.strays: dict[str, int] = {}
        free = shutil.disk_usage(self.folder).free
        if 8 * self.width * self.rows > free:
            raise OSError(
                f"{self.path} needs a copy of {8 * self.width * self.rows / 1e9:.1f} GB in "
                f"{self.folder.parent}, where {free / 1e9:.1f} GB are free; set TMPDIR to a folder "
                "with more"
            )

    def write(self, aside: np.ndarray, weight: str | None) -> int:
        """Write all rows but those aside; how many these are."""
        rng = np.random.default_rng(self.seed)
        files = [open(self.folder / str(k), "wb") for k in range(self.count)]  # noqa: SIM115
        count = 0
        try:
            for table in blocks(self.path):
                compact = self._compact(table, aside, weight)
                at = rng.integers(self.count, size=len(compact))
                for k in np.unique(at):
                    compact[at == k].tofile(files[k])
                count += len(compact)
        finally:
            for file in files:
                file.close()
        return count

    def _compact(self, table: Table, aside: np.ndarray, weight: Any) -> np.ndarray:
        rows, y = self.lesson.target.read(table)
        kept = ~np.isin(table.rows[rows], aside)
        rows, y = rows[kept], y[kept]
        found = np.ones((len(rows), self.width))
        parsed = parse(self.lesson.columns, table)
        for name, data in parsed.columns.items():
            if not isinstance(data, Words):
                strays = np.count_nonzero(np.isnan(data)) - table.data.column(name).null_count
                self.strays[name] = self.strays.get(name, 0) + int(strays)
        parsed = parsed.take(rows)
        found[:, :-2] = self.member.encoder.compact(parsed)
        found[:, -2] = y
        if weight is not None:
            found[:, -1] = row_weights(table, weight)[rows]
        return found

    def windows(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Rows of one window after another, these and those in another sequence each time."""
        for k in rng.permutation(self.count):
            rows = np.fromfile(self.folder / str(k)).reshape(-1, self.width)
            for part in np.array_split(rng.permutation(len(rows)), self._parts(len(rows))):
                if len(part):
                    yield rows[part]

    def _parts(self, rows: int) -> int:
        """In how many parts a file of so many rows is handed over."""
        return -(-rows // self.inside) or 1

    def steps(self) -> int:
        """Batches that all windows make."""
        found = 0
        for k in range(self.count):
            rows = (self.folder / str(k)).stat().st_size // (8 * self.width)
            parts = self._parts(rows)
            large, small = rows % parts, rows // parts
            found += large * -(-(small + 1) // BATCH) + (parts - large) * -(-small // BATCH)
        return found
