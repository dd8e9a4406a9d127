"""What `check` looks for in the data, and in the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastnn.diagnostics.report import Finding
from fastnn.diagnostics.scratch import Scratch
from fastnn.inputs.arrays import place
from fastnn.layers import (
    ELU,
    BatchNorm,
    Dropout,
    Layer,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Standardize,
    Tanh,
)
from fastnn.training.building import moments

LARGE_FEATURE, SMALL_FEATURE, SMALL_INPUTS = 10, 1e-3, 0.01
"""Root mean square of a feature; deviation of one, relative to the largest feature; root mean
square of the largest one: beyond them steps are far too long for some weights, or far too short for
others (LeCun et al. 1998)."""
LARGE_TARGETS = 100
BAD_START = {"classes": 5, "binary": 5}
OTHER_START = 10
"""An untrained network's loss over that of one that knows nothing: up to 2.9 in sound ones, to 5
where the loss takes an exponential of the output."""
SATURATED = 0.99
MOSTLY = 0.5

STANDARDIZE = "make Standardize() the first layer, or scale the features to mean 0 and deviation 1"


class Losses(NamedTuple):
    """Mean losses: the model's, the best constant prediction's, and the least possible one.

    `expected` is what an untrained network should have at most: that of knowing nothing.
    """

    model: float
    constant: float
    least: float
    expected: float


def inputs(scratch: Scratch, names: list[object] | None) -> Iterator[Finding]:
    """Features that are constant or far from the scale of 1."""
    mean, variance = moments(scratch.X, None)
    deviation, size = np.sqrt(variance), np.hypot(mean, np.sqrt(variance))
    flat = deviation <= 1e-7 * np.abs(mean)
    n = len(mean)

    def column(j: int) -> str:
        return place((0, j), names).removeprefix("row 0, ")

    if flat.any():
        j = int(np.argmax(flat))
        yield Finding(
            "warning" if flat.all() else "info", "inputs", None,
            f"{flat.sum()} of {n} features are the same in all rows, such as {column(j)}",
            "they carry nothing, so leave them out, or check where they come from",
        )  # fmt: skip
    first = next(layer for layer in scratch.layers if not isinstance(layer, Dropout))
    if isinstance(first, Standardize | BatchNorm) or flat.all():
        return
    large = size > LARGE_FEATURE
    small = ~flat & (deviation < SMALL_FEATURE * size.max())
    if large.any():
        j = int(np.argmax(size))
        yield Finding(
            "warning", "inputs", None,
            f"{large.sum()} of {n} features are large; the root mean square of {column(j)} is "
            f"{size[j]:.3g}, and the network sees them as they are",
            STANDARDIZE,
        )  # fmt: skip
    elif small.any() or size.max() < SMALL_INPUTS:
        j = int(np.argmin(np.where(flat, np.inf, deviation)))
        yield Finding(
            "warning", "inputs", None,
            f"{small.sum() or n} of {n} features hardly show: the deviation of {column(j)} is "
            f"{deviation[j]:.3g}, the largest feature's root mean square {size.max():.3g}",
            STANDARDIZE,
        )  # fmt: skip


def targets(scratch: Scratch) -> Iterator[Finding]:
    """Targets that are constant, out of the last layer's reach, or far from the scale of 1."""
    y, last = scratch.targets, scratch.layers[-1]
    if np.all(y == y[:1]):
        yield Finding(
            "warning", "targets", None, f"all {len(y)} rows have the same target",
            "check y, or how the rows were chosen: there is nothing to learn from them",
        )  # fmt: skip
        return
    if scratch.loss.targets not in ("real", "counts"):
        return
    low, high = _reach(last)
    outside = float(np.mean((y < low) | (y > high)))
    if outside > 0:
        yield Finding(
            "error", "targets", None,
            f"{outside:.0%} of the targets lie outside [{low:g}, {high:g}], which is all that "
            f"{last.name} as the last layer can give; they reach from {y.min():g} to {y.max():g}",
            "end with a Dense layer, or scale the targets into that range",
        )  # fmt: skip
    size = scratch.target_size
    if size > LARGE_TARGETS:
        yield Finding(
            "warning", "targets", None,
            f"the root mean square of the targets is {size:.3g}, while a new network's outputs "
            "are about 1: the way there takes many steps",
            "train on (y - y.mean()) / y.std() and scale the predictions back",
        )  # fmt: skip


def _reach(last: Layer) -> tuple[float, float]:
    """The range of an output layer."""
    if isinstance(last, Sigmoid | Softmax):
        return 0.0, 1.0
    if isinstance(last, Tanh):
        return -1.0, 1.0
    if isinstance(last, ELU):
        return -last.alpha, np.inf
    return (0.0 if isinstance(last, ReLU | Softplus) else -np.inf), np.inf


def loss_level(scratch: Scratch, losses: Losses) -> Iterator[Finding]:
    """A loss that no network should start with, or end with."""
    if not np.isfinite(losses.model):
        yield Finding(
            "error", "loss", None, f"the loss is {losses.model}",
            f"{STANDARDIZE}; check the weights, the targets and any loss of your own",
        )  # fmt: skip
        return
    scale = losses.expected if scratch.untrained else losses.constant
    if not scale - losses.least > 0:
        return
    times = (losses.model - losses.least) / (scale - losses.least)
    if scratch.untrained and times > BAD_START.get(scratch.loss.targets, OTHER_START):
        yield Finding(
            "warning", "loss", None,
            f"the untrained network's loss is {losses.model:.4g}; one that knows nothing should "
            f"have {scale:.4g}{_of_what(scratch)}",
            "scale inputs and targets to mean 0 and deviation 1, and take the default initializer",
        )  # fmt: skip
    elif not scratch.untrained and times > 1:
        yield Finding(
            "warning", "loss", None,
            f"the model's loss is {losses.model:.4g}, that of the best constant prediction "
            f"{scale:.4g}: after {scratch.model.step:,} steps it is of no use on these rows",
            "train longer or with another learning rate, or check that X and y belong together",
        )  # fmt: skip
    output = scratch.outputs[-1]
    if isinstance(scratch.layers[-1], Softmax | Sigmoid) and times > 1:
        sure = np.abs(2 * output - 1).min(axis=1) > 2 * SATURATED - 1
        if sure.mean() >= MOSTLY:
            yield Finding(
                "warning", "saturation", len(scratch.layers) - 1,
                f"{sure.mean():.0%} of the predictions are above {SATURATED} or below "
                f"{1 - SATURATED:.2g}, and the loss says that they are wrong: hardly any gradient "
                "passes where they are right by chance",
                f"{STANDARDIZE}; take smaller initial weights or a smaller learning rate",
            )  # fmt: skip


def _of_what(scratch: Scratch) -> str:
    if scratch.loss.targets == "classes":
        return f", the log of {scratch.layout.n_out} classes"
    return ", log 2" if scratch.loss.targets == "binary" else ""
