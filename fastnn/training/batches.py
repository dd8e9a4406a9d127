"""Batches: how many rows a step takes, and where an epoch is cut."""

from __future__ import annotations

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


def batch_bounds(n: int, batch_size: int, join_last: bool = True) -> np.ndarray:
    """Cuts (n_batches + 1,) of n rows; a last batch of one row joins the one before it.

    One row has no variance, which batch norm needs.
    """
    bounds = np.append(np.arange(0, n, batch_size), n)
    if join_last and len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        bounds = np.delete(bounds, -2)
    return bounds.astype(np.int64)
