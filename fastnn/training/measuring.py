"""What an epoch has measured: losses, metrics, validation."""

from __future__ import annotations

import math

import numpy as np

from fastnn.engine.blocks import Course
from fastnn.inputs.rows import Part, Rows
from fastnn.metrics import evaluate
from fastnn.training.batches import batch_sizes
from fastnn.training.network import Network, Partial, Setup

Columns = dict[str, list[float]]


def measure(
    setup: Setup, y: np.ndarray, outputs: np.ndarray, weight: np.ndarray | None
) -> dict[str, float]:
    """The metrics of the setup; `weight` (n,) is that of the rows."""
    found = {}
    for name, metric in setup.metrics.items():
        own = weight if name in setup.weighted else None
        found[name] = float(evaluate(metric, y, outputs, own, setup.multilabel))
    return found


def score(network: Network, setup: Setup, part: Part) -> dict[str, float]:
    """Loss (with penalties) and metrics of the network as it predicts."""
    outputs, total = network.predict_run(setup.loss).evaluate(part.rows, part.index)
    loss = total / part.weight(setup.loss.reduction) + network.state.penalty()
    return {"loss": loss, **measure(setup, part.y, outputs, part.sample_weight)}


def told(loss: float) -> float:
    """A validation loss for the history, where NaN means that there was no validation."""
    return math.inf if math.isnan(loss) else loss


def running(setup: Setup, rows: Rows, part: Partial, course: Course, count: int) -> Columns:
    """What the first epochs of a pass have measured as they went, a list a column."""
    n_steps = course.per_epoch
    columns = {"loss": _mean_losses(setup, rows, part, course, count).tolist()}
    if part.outputs is not None:
        n = len(part.order) // len(part.norms)
        cuts = [slice(at, at + n) for at in range(0, count * n, n)]
        parts = [Part(rows, part.order[k]) for k in cuts]
        epochs = [(p.y, part.outputs[k], p.sample_weight) for p, k in zip(parts, cuts, strict=True)]
        columns |= _metrics(setup, epochs)
    columns["learning_rate"] = course.rates[n_steps - 1 :: n_steps][:count].tolist()
    norms = part.norms[:count]
    columns["gradient_norm"] = (norms if setup.shares is None else norms * setup.shares[1]).tolist()
    return columns


def judged(setup: Setup, part: Part, totals: np.ndarray, answers: np.ndarray | None) -> Columns:
    """The validation of each epoch, from the sums of its losses and from its outputs."""
    losses = totals / part.weight(setup.loss.reduction)
    columns = {"val_loss": list(map(told, losses.tolist()))}
    if answers is not None:
        y, weight = part.y, part.sample_weight
        found = _metrics(setup, [(y, outputs, weight) for outputs in answers])
        columns |= {f"val_{name}": values for name, values in found.items()}
    return columns


def _metrics(
    setup: Setup, epochs: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]
) -> Columns:
    """The metrics of targets, outputs and weights, a list a metric."""
    found = [measure(setup, *epoch) for epoch in epochs]
    return {name: [row[name] for row in found] for name in setup.metrics}


def batch_weights(rows: Rows, order: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """The sum of the weights of each batch's rows, (n_steps,)."""
    if rows.sample_weight is None:
        return (bounds[1:] - bounds[:-1]).astype(np.float64)
    return np.add.reduceat(rows.sample_weight[order], bounds[:-1])


def _mean_losses(setup: Setup, rows: Rows, part: Partial, course: Course, count: int) -> np.ndarray:
    """The mean loss of each of the first epochs, (count,)."""
    losses = part.losses[: count * course.per_epoch].reshape(count, course.per_epoch)
    if setup.loss.reduction == "sum" and setup.shares is None:
        return losses.sum(axis=1)
    if setup.shares is not None or rows.sample_weight is None:
        n = len(part.order) // len(part.norms)
        sizes = batch_sizes(n, part.batch_size, course.per_epoch)
        return np.add.reduce(losses * sizes, axis=1) / n
    weights = batch_weights(rows, course.order, course.bounds).reshape(-1, course.per_epoch)[:count]
    return (losses * weights).sum(axis=1) / weights.sum(axis=1)
