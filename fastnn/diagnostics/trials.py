"""Short trainings: of a copy on one batch, and of tables that show what is possible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn.diagnostics.scratch import Scratch
from fastnn.inputs.rows import Rows
from fastnn.layers import BatchNorm, Dense, Dropout, Layer
from fastnn.model.sequential import Sequential
from fastnn.optimizers import Optimizer, Rprop
from fastnn.training.divergence import DivergenceError

TABLE_STEPS = 300
MOST_STEPS, ROUND = 5000, 50
TRIAL_FLOPS = 1e11
"""A wide network fits a batch in fewer steps."""
FITTED = 0.1
"""The batch is fitted when the loss has come down this near to the least possible one, as a share
of what the best constant prediction leaves."""


def least_loss(scratch: Scratch, rows: Rows) -> float:
    """The least loss that any network with this output layer can reach; NaN if there is none.

    Rows with equal inputs have equal predictions.
    """
    losses = _of_table(scratch, rows, np.unique(rows.X, axis=0, return_inverse=True)[1].ravel())
    half = losses[: len(losses) // 2]
    if not half or min(losses) < min(half) - FITTED * (losses[0] - min(losses)):
        # It falls and falls, as a density's logarithm may.
        return np.nan
    return min(losses)


def constant_loss(scratch: Scratch, rows: Rows) -> float:
    """That of the best prediction that is the same for all rows."""
    return min(_of_table(scratch, rows, np.zeros(len(rows.X), np.int64)), default=np.nan)


def _of_table(scratch: Scratch, rows: Rows, entries: np.ndarray) -> list[float]:
    """Losses of a table that holds a prediction for each number in entries (n,), in training.

    The table is a dense layer that reads one-hot rows. Rprop finds each entry on its own.
    """
    onehot = np.equal(entries[:, None], np.arange(entries.max() + 1))
    last = max(k for k, layer in enumerate(scratch.layers) if isinstance(layer, Dense))
    tail = [x for x in scratch.layers[last + 1 :] if not isinstance(x, BatchNorm | Dropout)]
    n_out = scratch.layout.n_out
    # A positive start: ReLU as the last layer learns nothing from below 0.
    start = np.full((onehot.shape[1], n_out), 0.5)
    table = Sequential([Dense(n_out, init=start, bias=False), *tail], 0, scratch.model.dtype)
    # Longer steps would carry logits off, all by the same amount, to where they are all rounding.
    far = 1.0 if scratch.loss.targets == "classes" else float(np.abs(rows.targets).max())
    table.compile(Rprop(0.1, step_max=max(10.0, far)), scratch.loss)
    return _fit(table, rows, onehot.astype(scratch.model.dtype), TABLE_STEPS)[0]


@dataclass(frozen=True)
class Trial:
    """A copy's training on one batch.

    Attributes
    ----------
    optimizer : Optimizer
    losses : list of float
        One a step.
    diverged : bool
    fitted : bool
        Whether the loss has come near to the least possible one.
    moved : dict of int to float
        Change of each dense layer's weights, relative to their size.
    """

    optimizer: Optimizer
    losses: list[float]
    diverged: bool
    fitted: bool
    moved: dict[int, float]


def overfit(
    scratch: Scratch, batch: Rows, optimizer: Optimizer, target: float, factor: float = 1.0
) -> Trial:
    """Train a copy on one batch, without dropout and penalties, until its loss is at the target."""
    twin = Sequential([_plain(layer) for layer in scratch.model.layers], 0, scratch.model.dtype)
    setup = scratch.setup
    norm, value = setup.clip_norm or None, setup.clip_value or None
    twin.compile(optimizer, setup.loss, clip_norm=norm, clip_value=value)
    start = scratch.model.get_weights()
    twin.build(scratch.layout.n_in).set_weights(start)
    twin._built().frozen = scratch.network.frozen
    twin.learning_rate_factor = factor
    per_step = 3 * len(batch.X) * scratch.layout.flops_per_row
    most = int(np.clip(TRIAL_FLOPS // max(per_step, 1), 4 * ROUND, MOST_STEPS))
    # A sum over the rows has its own gradients, and so needs its own learning rate.
    weight = len(batch.X) if batch.sample_weight is None else batch.sample_weight.sum()
    unit = float(weight) if setup.loss.reduction == "sum" else 1.0
    losses: list[float] = []
    fitted = diverged = False
    while len(losses) < most and not (fitted or diverged):
        new, diverged = _fit(twin, batch, batch.X, ROUND)
        losses += [loss / unit for loss in new]
        fitted = min(losses[-ROUND:], default=np.inf) <= target
        if len(new) < ROUND:
            break
    moved = _moved(scratch, start, twin.get_weights())
    return Trial(optimizer, losses, diverged and not fitted, fitted, moved)


def held(optimizer: Optimizer) -> Optimizer:
    """The optimizer with its largest rate for good, where it follows a schedule."""
    if not callable(optimizer.learning_rate):
        return optimizer
    return replace(optimizer, learning_rate=float(optimizer.rates(0, MOST_STEPS).max()))


def _fit(model: Sequential, rows: Rows, X: np.ndarray, steps: int) -> tuple[list[float], bool]:
    """Take full-batch steps; their losses, and whether they ended in a divergence."""
    done, diverged = len(model.history), False
    weight = rows.sample_weight
    try:
        model.fit(X, rows.targets, steps, None, shuffle=False, sample_weight=weight, verbose=0)
    except DivergenceError:
        diverged = True
    return model.history.history.get("loss", [])[done:], diverged


def _plain(layer: Layer) -> Any:
    """The layer without what keeps a network from overfitting."""
    if isinstance(layer, Dropout):
        return Dropout(0.0)
    return replace(layer, l1=0.0, l2=0.0) if isinstance(layer, Dense) else layer


def _moved(
    scratch: Scratch, start: list[np.ndarray], end: list[np.ndarray]
) -> dict[int, float]:  # fmt: skip
    names = scratch.layout.array_names()
    found = {}
    for name, before, after in zip(names, start, end, strict=True):
        layer, part = name.split(".")
        if part == "W" and int(layer) >= scratch.network.frozen:
            old, new = before.astype(np.float64), after.astype(np.float64)
            size = max(float(np.linalg.norm(old)), float(np.linalg.norm(new)), 1e-300)
            found[int(layer)] = float(np.linalg.norm(new - old)) / size
    return found
