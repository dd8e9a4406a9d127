"""Floor 3. From what the user hands over to the rows that a fit reads: all checks happen here."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.data import as_features, as_sample_weight, as_targets, check_count, gather_kind, split
from fastnn.engine import Rows
from fastnn.layout import Layout
from fastnn.network import Setup
from fastnn.optimizers import LBFGS, Optimizer
from fastnn.training import Part


def feature_rows(X: Any, n_features: int | None, dtype: np.dtype, name: str = "X") -> Rows:
    """Rows without targets."""
    features = as_features(X, n_features=n_features, dtype=dtype, name=name)
    return Rows(features, gather_kind(features) is not None)


def target_rows(
    rows: Rows, y: Any, sample_weight: Any, setup: Setup, layout: Layout, dtype: np.dtype,
    of: str = "",
) -> Rows:  # fmt: skip
    """The rows with their targets, as the loss reads them; messages say whose they are."""
    n, loss = len(rows.X), setup.loss
    n_targets = loss.n_targets(layout.n_out)
    found = as_targets(y, loss.targets, layout.n_out, n, dtype, f"{of}y", n_targets=n_targets)
    weight = as_sample_weight(sample_weight, n, np.float64, f"{of}sample_weight")
    return Rows(rows.X, rows.direct, found.array, found.labels, weight)


def hold_out(
    rows: Rows,
    setup: Setup,
    layout: Layout,
    dtype: np.dtype,
    data: Any,
    share: Any,
    seed: np.random.SeedSequence,
) -> tuple[np.ndarray, Part | None]:
    """Which rows to train on, and what to validate on."""
    everything = np.arange(len(rows.X))
    listed = isinstance(share, np.ndarray | list | tuple)
    if data is not None:
        if listed or share:
            raise ValueError("got validation_data and validation_split; pass one of them")
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            size = f" of {len(data)}" if isinstance(data, tuple | list) else ""
            raise ValueError(
                f"validation_data is a {type(data).__name__}{size}; expected (X, y) or "
                "(X, y, sample_weight); pass such a tuple, or validation_split=0.2"
            )
        of = "validation "
        given = feature_rows(data[0], layout.n_in, dtype, f"{of}X")
        weight = data[2] if len(data) == 3 else None
        return everything, Part(target_rows(given, data[1], weight, setup, layout, dtype, of))
    if listed:
        held_out = as_row_numbers(share, len(rows.X))
        learned = np.delete(everything, held_out)
    elif not share:
        return everything, None
    else:
        fraction = 0.2 if share is True else share
        by_class = setup.loss.targets == "classes"
        rng = np.random.default_rng(seed)
        learned, held_out = split(rows.targets if by_class else len(rows.X), fraction, rng)
    for part, use in ((learned, "training"), (held_out, "validation")):
        if rows.sample_weight is not None and not rows.sample_weight[part].any():
            raise ValueError(
                f"sample_weight is 0 in all of the {len(part)} rows that "
                f"validation_split={share!r:.30} leaves for {use}; expected a "
                "weight above 0 among them; use another share, or "
                "validation_data"
            )
    return learned, Part(rows, held_out)


def as_row_numbers(given: Any, n: int) -> np.ndarray:
    """Row numbers (m,) of rows to hold out: whole, each once, in 0 .. n-1, and not all of them."""
    rows = np.asarray(given)
    expected = f"expected a share in (0, 1), or numbers of some of the {n} rows, each once"
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"validation_split holds {rows.dtype} of shape {rows.shape}; {expected}; of a mask, "
            "pass np.flatnonzero(mask)"
        )
    if rows.min() < 0 or rows.max() >= n or len(np.unique(rows)) < len(rows) or len(rows) == n:
        raise ValueError(
            f"validation_split holds {len(rows)} row numbers from {rows.min()} to {rows.max()}, "
            f"{len(np.unique(rows))} of them different; {expected}"
        )
    return rows.astype(np.int64)


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


def refuse_l1(layout: Layout, optimizer: Optimizer) -> None:
    """L-BFGS needs a smooth loss."""
    for k, layer in enumerate(layout.layers):
        l1 = getattr(layer, "l1", 0.0)
        if isinstance(optimizer, LBFGS) and l1 > 0:
            raise ValueError(
                f"layer {k + 1} has l1={l1}; LBFGS needs a smooth loss, and L1 has a kink at 0: "
                "use l2, or another optimizer"
            )
