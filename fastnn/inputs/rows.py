"""Rows: samples as the compiled loop reads them, and parts of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK_ELEMENTS = 4_000_000
"""Elements of X that are cast at a time where the loop cannot gather them itself."""


def as_read(dtype: np.dtype) -> np.dtype:
    """The type in which the loop reads such numbers, so that as little as can be is lost.

    Not the network's: Standardize works on the user's numbers.
    """
    narrow = np.can_cast(dtype, np.float32)
    return np.dtype(np.float32 if narrow else np.float64)


@dataclass(eq=False)
class Rows:
    """Samples: X (n, features), and y and weights where there are any.

    `direct` says that the loop can gather rows of X as it is; else they are cast block by block.
    """

    X: np.ndarray
    direct: bool
    y: np.ndarray | None = None
    labels: bool = False
    sample_weight: np.ndarray | None = None

    @property
    def targets(self) -> np.ndarray:
        """y, of rows that have it."""
        if self.y is None:
            raise TypeError("these rows have no targets")
        return self.y

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def at_a_time(self) -> int:
        """How many rows a block may have."""
        return max(1, BLOCK_ELEMENTS // self.X.shape[1])

    def block(self, index: np.ndarray | slice) -> Rows:
        """A copy of some rows that the loop can read."""
        y, weight = self.y, self.sample_weight
        return Rows(
            self._cast(index),
            True,
            None if y is None else np.ascontiguousarray(y[index]),
            self.labels,
            None if weight is None else np.ascontiguousarray(weight[index]),
        )

    def _cast(self, index: np.ndarray | slice) -> np.ndarray:
        return np.ascontiguousarray(self.X[index], dtype=as_read(self.X.dtype))


@dataclass(eq=False)
class Part:
    """Some rows: all of them, or those of an index."""

    rows: Rows
    index: np.ndarray | None = None

    @property
    def y(self) -> np.ndarray:
        """Their targets."""
        return self.rows.targets if self.index is None else self.rows.targets[self.index]

    @property
    def sample_weight(self) -> np.ndarray | None:
        """Their weights."""
        weight = self.rows.sample_weight
        return weight if weight is None or self.index is None else weight[self.index]

    def __len__(self) -> int:
        return len(self.rows) if self.index is None else len(self.index)

    def weight(self, reduction: str) -> float:
        """What the sum of the losses of its rows is divided by."""
        if reduction != "mean":
            return 1.0
        weight = self.sample_weight
        return float(len(self)) if weight is None else float(weight.sum())
