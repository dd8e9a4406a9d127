"""What `check` looks for in the activations and the gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastnn.diagnostics.inspect_data import LARGE_TARGETS, MOSTLY, SATURATED, STANDARDIZE, Losses
from fastnn.diagnostics.report import Finding
from fastnn.diagnostics.scratch import Scratch, spread
from fastnn.kernels import codes
from fastnn.layers import Layer, ReLU, Sigmoid, Tanh

DEAD = 1 / 3
"""Share of a layer's units; up to 0.21 in sound networks."""
VANISHED = 1e-3
"""A layer's effect on the loss over that of the most effective one; 0.02 and more in sound ones."""
EXPLODED = 1e4
"""Effect of a layer's weights over the loss of a constant prediction; up to 150 in sound ones."""
FAINT = 0.01
"""The same, of an untrained network's most effective layer; 0.1 and more in sound ones."""
GRADIENT_ROWS = 256


def units(scratch: Scratch) -> Iterator[Finding]:
    """Units that give the same for all rows, and units at the ends of their range."""
    dead, ends = {}, {}
    for k, (layer, output) in enumerate(zip(scratch.layers, scratch.outputs, strict=True)):
        if not _is_activation(layer):
            continue
        dead[k] = np.ptp(output, axis=0) == 0
        if isinstance(layer, Tanh | Sigmoid) and k < len(scratch.layers) - 1 and not dead[k].all():
            ends[k] = np.abs(output if isinstance(layer, Tanh) else 2 * output - 1) > SATURATED
    bad = [k for k in dead if dead[k].mean() >= DEAD]
    if bad:
        k = max(bad, key=lambda k: dead[k].mean())
        layer = scratch.layers[k]
        what = "never active" if isinstance(layer, ReLU) else "the same for all rows"
        yield Finding(
            "error" if dead[k].all() else "warning", "dead units", k,
            f"{dead[k].sum()} of {len(dead[k])} units of {layer.name} are {what}, on "
            f"{len(scratch.sample.X):,} rows: they learn nothing and say nothing{_others(bad, k)}",
            "lower the learning rate, put BatchNorm() before the activation or Standardize() "
            "first, take the default initializer, or use LeakyReLU()",
        )  # fmt: skip
    bad = [k for k in ends if ends[k].mean() >= MOSTLY]
    if bad:
        k = max(bad, key=lambda k: ends[k].mean())
        yield Finding(
            "warning", "saturation", k,
            f"{ends[k].mean():.0%} of the outputs of {scratch.layers[k].name} are within 1% of an "
            f"end of its range, where its slope is next to nothing{_others(bad, k)}",
            "put BatchNorm() before it or Standardize() first, or take smaller initial weights",
        )  # fmt: skip


def _others(layers: list[int], k: int) -> str:
    """The other layers of which the same is to be said."""
    others = [str(other + 1) for other in layers if other != k]
    return f" (likewise layer{'s' * (len(others) > 1)} {', '.join(others)})" if others else ""


def _is_activation(layer: Layer) -> bool:
    return layer.kind in (codes.CUSTOM, *range(codes.RELU, codes.MISH + 1))


def gradients(scratch: Scratch, losses: Losses) -> Iterator[Finding]:
    """Layers whose weights have next to no effect on the loss, or a monstrous one.

    A layer's effect is |gradient| |W|: how fast the loss changes when its weights change by a
    share. It does not depend on how scale is divided among the layers.
    """
    gradient, weight = _norms(scratch)
    layers = list(gradient)
    if not layers:
        return
    if not all(np.isfinite(gradient[k]) for k in layers):
        bad = next(k for k in layers if not np.isfinite(gradient[k]))
        yield Finding(
            "error", "gradients", bad, "the gradient is not finite",
            f"{STANDARDIZE}; take smaller initial weights; fastnn.check_gradient tells whether a "
            "loss or an activation of your own is right",
        )  # fmt: skip
        return
    scale = losses.constant - losses.least
    if not scale > 0 or losses.model - losses.least < 0.01 * scale:
        return
    if not any(gradient.values()):
        yield Finding(
            "error", "gradients", None, "the gradient of all weights is 0: they cannot move",
            "take the default initializer, and look for dead units",
        )  # fmt: skip
        return
    effect = {k: gradient[k] * weight[k] / scale for k in layers}
    # A last layer of zeros is fine: it moves first, and lets the gradient pass from then on.
    if any(effect.values()):
        # Against large targets any network is faint.
        fresh = scratch.untrained and scratch.target_size <= LARGE_TARGETS
        yield from _uneven(effect, fresh)


def _uneven(effect: dict[int, float], fresh: bool) -> Iterator[Finding]:
    """Effects of the layers' weights that are too different, too large or too small."""
    top, weak = max(effect, key=effect.__getitem__), min(effect, key=effect.__getitem__)
    uneven = effect[weak] < VANISHED * effect[top]
    if (uneven and weak < top) or (fresh and effect[top] < FAINT):
        k = weak if uneven else top
        than = f"only {effect[k] / effect[top]:.1g} of that in layer {top + 1}"
        yield Finding(
            "warning", "gradients", k,
            "gradients vanish: the effect that its weights have on the loss is "
            + (than if uneven else f"only {effect[k]:.1g} of what there is to learn"),
            "use ReLU() or its relatives instead of Sigmoid() or Tanh(), BatchNorm() before each "
            "activation, the default initializer, or fewer layers",
        )  # fmt: skip
    elif uneven or effect[top] > EXPLODED:
        yield Finding(
            "warning", "gradients", top,
            f"gradients explode: were its weights changed by {100 / effect[top]:.1g}%, the loss "
            "would change by as much as there is to learn",
            "take the default initializer, BatchNorm() before each activation, or compile(..., "
            f"clip_norm=1.0); {STANDARDIZE}",
        )  # fmt: skip


def _norms(scratch: Scratch) -> tuple[dict[int, float], dict[int, float]]:
    """Norms of gradient and weights of each dense layer that learns, on some rows."""
    rows = scratch.sample.block(spread(len(scratch.sample.X), GRADIENT_ROWS))
    n = len(rows.X)
    run = scratch.network.gradient_run(scratch.loss, n)
    run.steps(rows, np.arange(n), np.array([0, n]), np.zeros(1), scratch.network.step)
    gradient, weight = {}, {}
    for tensor in scratch.layout.parameters:
        if tensor.name == "W" and tensor.layer >= scratch.network.frozen:
            values = scratch.network.state.view(tensor)
            gradient[tensor.layer] = float(np.linalg.norm(run.gradient[tensor.slice].astype(float)))
            weight[tensor.layer] = float(np.linalg.norm(values.astype(float)))
    return gradient, weight
