"""Rows that a network reads, from dense and from sparse tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.inputs.arrays import gather_kind
from fastnn.inputs.rows import Rows, as_read

BLOCK_BYTES = 1 << 23
"""Sparse rows are made dense so many bytes at a time, or a batch, if that is more."""


@dataclass(eq=False)
class SparseRows(Rows):
    """Rows of a CSR matrix: dense only some at a time."""

    def at_a_time(self) -> int:
        """How many rows a block may have."""
        return max(1, BLOCK_BYTES // (self.X.shape[1] * as_read(self.X.dtype).itemsize))

    def _cast(self, index: np.ndarray | slice) -> np.ndarray:
        table: Any = self.X
        return table[index].astype(as_read(table.dtype), copy=False).toarray()


def rows_of(
    X: Any, y: np.ndarray | None = None, labels: bool = False, weight: np.ndarray | None = None
) -> Rows:
    """Checked X (n, features), an array or a sparse matrix, with its targets and weights."""
    if hasattr(X, "tocsr"):
        return SparseRows(X.tocsr(), False, y, labels, weight)
    return Rows(X, gather_kind(X) is not None, y, labels, weight)


def take(X: Any, index: np.ndarray) -> Any:
    """Rows of X; a sparse matrix stays one."""
    return X.tocsr()[index] if hasattr(X, "tocsr") else X[index]
