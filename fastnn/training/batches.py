"""Batches: how many rows a step takes, and where an epoch is cut."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn.inputs.settings import check_count
from fastnn.optimizers import Optimizer


def batch_rows(given: Any, n: int, optimizer: Optimizer) -> int:
    """The number of rows a step that `batch_size` means."""
    if given is None:
        return n
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(f'batch_size is {given!r}; expected a whole number, "auto" or None')
        return n if optimizer.full_batch else automatic_batch_size(n)
    size = min(check_count(given, "batch_size"), n)
    if optimizer.full_batch and size < n:
        raise ValueError(
            f"batch_size is {size} for {n} rows; {type(optimizer).__name__} needs the full batch: "
            "it goes by the gradient of all rows, and a mini-batch's differs in sign and size. "
            "Pass batch_size=None, or use RMSprop or Adam, which are made for mini-batches"
        )
    return size


def automatic_batch_size(n: int) -> int:
    """A power of two from 16 to 256, about a fiftieth of the rows."""
    return int(2 ** np.clip(np.round(np.log2(max(n / 50, 1))), 4, 8))


@lru_cache(8)
def batch_bounds(n: int, batch_size: int, join_last: bool = True) -> np.ndarray:
    """Cuts (n_batches + 1,) of n rows; a last batch of one row joins the one before it.

    One row has no variance, which batch norm needs.
    """
    count = -(-n // batch_size)
    if join_last and count > 1 and n - (count - 1) * batch_size == 1:
        count -= 1
    bounds = np.arange(count + 1, dtype=np.int64)
    bounds *= batch_size
    bounds[-1] = n
    bounds.setflags(write=False)
    return bounds


@lru_cache(8)
def batch_sizes(n: int, batch_size: int, count: int) -> np.ndarray:
    """Rows (count,) of each batch of n rows: so many, and in the last one what is left."""
    sizes = np.full(count, float(batch_size))
    sizes[-1] = n - (count - 1) * batch_size
    sizes.setflags(write=False)
    return sizes
