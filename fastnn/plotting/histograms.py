"""Histograms by layer: of what the units answer, and of the gradients they learn from."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.inputs.calls import explained
from fastnn.inputs.reading import target_rows
from fastnn.layers import Dropout, ReLU, Sigmoid, Tanh
from fastnn.model.given import as_model
from fastnn.model.sequential import Sequential
from fastnn.plotting.panels import COLORS, ink, log_ticks, number, panels, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 60
SATURATED = 0.01
"""Nearer than this to an end of its range a unit hardly has a slope."""
TAIL = 0.01
"""Share of a layer's gradients, the smallest ones, that may be counted at the edge of the axis."""


@explained
def activation_histograms(
    model: Sequential, X: Any, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw what each layer gives for the rows of X, as the model predicts: a histogram a layer.

    Under the layer's name stand mean and standard deviation, then what matters for its kind: the
    share of zeros, which the histogram leaves out; for `ReLU` how many units are 0 for every row
    (dead, if there are enough rows); for `Sigmoid` and `Tanh` the share of values within 0.01 of
    an end of their range (saturated). `Dropout` changes nothing here and has no panel.

    Parameters
    ----------
    model : Sequential
        With weights; it is not changed.
    X : array (n, features)
        As for `predict`; some hundred rows are enough.
    axes : sequence of matplotlib Axes, optional
        One a layer. Default: a new figure.

    Returns
    -------
    axes : list of matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
    ValueError, TypeError
        For a model without weights, for data that do not fit it, and for too few axes.

    Examples
    --------
    >>> import fastnn, numpy as np
    >>> from fastnn.plotting import activation_histograms
    >>> model = fastnn.Sequential([fastnn.Dense(8), fastnn.ReLU(), fastnn.Dense(1)], seed=0)
    >>> axes = activation_histograms(model.build(4), np.eye(4))
    >>> len(axes)
    3
    """
    network = as_model(model)._built()
    rows = network.read(X)
    shown = [k for k, layer in enumerate(model.layers) if not isinstance(layer, Dropout)]
    drawn = panels(axes, len(shown), 4, (3.0, 2.3))
    run = network.predict_run()
    for ax, k in zip(drawn, shown, strict=True):
        values = run.predict(rows, last=k + 1)
        layer = model.layers[k]
        finite = values[np.isfinite(values)]
        nonzero = finite[finite != 0]
        _histogram(ax, nonzero, bins=BINS)
        ax.xaxis.set_visible(nonzero.size > 0)
        _title(ax, k, layer, [_moments(finite), *_remarks(layer, values)])
    return drawn


@explained
def gradient_histograms(
    model: Sequential, X: Any, y: Any, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw the gradient of each Dense layer's weights on one batch: a histogram a layer.

    All share one logarithmic axis of the gradient's size, so that layers whose gradients vanish or
    explode stand out; a line marks each median. It is the gradient that a step of training would
    follow next: dropout is on, batch norm goes by the batch, L2 penalties are included. Layers
    that are frozen have no panel.

    Parameters
    ----------
    model : Sequential
        Compiled, with weights; it is not changed.
    X, y
        The rows of the batch, as for `fit`.
    axes : sequence of matplotlib Axes, optional
        One a Dense layer. Default: a new figure, the first layer on top.

    Returns
    -------
    axes : list of matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
    ValueError, TypeError
        For a model without weights or not compiled, for data that do not fit it, for a loss that is
        not finite on them, and for too few axes.

    Examples
    --------
    >>> import fastnn, numpy as np
    >>> from fastnn.plotting import gradient_histograms
    >>> model = fastnn.Sequential([fastnn.Dense(8), fastnn.ReLU(), fastnn.Dense(1)], seed=0)
    >>> model.compile(loss="mse")
    >>> axes = gradient_histograms(model.build(4), np.eye(4), np.arange(4.0))
    >>> len(axes)
    2
    """
    sizes = {k: np.abs(gradient) for k, gradient in _gradients(model, X, y).items()}
    if not sizes:
        raise ValueError("all Dense layers are frozen; there is no gradient to draw")
    low, high = _range([size[size > 0] for size in sizes.values()])
    bins = np.geomspace(low, high, BINS + 1)
    drawn = panels(axes, len(sizes), 1, (6.4, 1.45), sharex=True)
    for ax, (k, size) in zip(drawn, sizes.items(), strict=True):
        positive = size[size > 0]
        _histogram(ax, np.clip(positive, low, high), bins=bins)
        ax.set_xscale("log")
        ax.set_xlim(low, high)
        log_ticks(ax.xaxis, low, high)
        remarks = []
        if positive.size:
            median = float(np.median(positive))
            ax.axvline(median, color=ink(ax), linewidth=1.0)
            remarks = [f"median {number(median, 2)} (line)"]
        if positive.size < size.size:
            remarks.append(f"{_percent(1 - positive.size / size.size)} zero")
        _title(ax, k, model.layers[k], remarks)
    drawn[-1].set_xlabel("|gradient|")
    drawn[-1].xaxis.set_visible(any(size.any() for size in sizes.values()))
    return drawn


def _gradients(model: Sequential, X: Any, y: Any) -> dict[int, np.ndarray]:
    """The gradient of the weights of each Dense layer that learns, by the layer's number."""
    as_model(model)._built()
    setup = model._compiled()
    # A training step moves the running averages of batch norm.
    network = copy.deepcopy(model)._built()
    layout = network.layout
    rows = target_rows(network.read(X), y, None, setup.form(layout, model.dtype))
    if not rows.direct:
        rows = rows.block(slice(None))
    n = len(rows.X)
    run = network.gradient_run(setup.loss, n)
    _, failed = run.steps(rows, np.arange(n), np.array([0, n]), np.zeros(1), network.step)
    if failed:
        raise ValueError(
            "the loss on these rows is not finite, so there is no gradient; look at the weights, "
            "or scale the features with Standardize() as the first layer"
        )
    return {
        tensor.layer: run.gradient[tensor.slice]
        for tensor in layout.parameters
        if tensor.name == "W" and tensor.layer >= network.frozen
    }


def _range(positive: list[np.ndarray]) -> tuple[float, float]:
    """Limits for the gradients of all layers, but for a few tiny ones of each."""
    found = [size for size in positive if size.size]
    if not found:
        return 0.1, 10.0
    low = min(float(np.quantile(size, TAIL)) for size in found)
    return low / 1.5, 1.5 * max(float(size.max()) for size in found)


def _histogram(ax: Axes, values: np.ndarray, bins: Any) -> None:
    """Filled, without an axis of counts: only the shape tells."""
    tidy(ax)
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    ax.tick_params(labelsize="small")
    if values.size:
        counts, edges = np.histogram(values.astype(np.float64), bins=bins)
        ax.stairs(counts, edges, fill=True, color=COLORS[0])
        ax.set_ylim(0, 1.05 * counts.max())


def _title(ax: Axes, k: int, layer: Any, remarks: list[str]) -> None:
    ax.set_title(f"{k + 1} {layer!r:.28}", fontsize="medium", loc="left", parse_math=False, pad=16)
    ax.annotate(
        "; ".join(remarks), (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points",
        fontsize="small", color=ink(ax), alpha=0.8,
    )  # fmt: skip


def _moments(values: np.ndarray) -> str:
    exact = values.astype(np.float64)
    return f"mean {number(exact.mean(), 2)}, std {number(exact.std(), 2)}"


def _remarks(layer: Any, values: np.ndarray) -> list[str]:
    """What is not 0 of: zeros, dead units, saturated and broken values."""
    zero = values == 0
    shares = {"zero": zero.mean(), "not finite": 1 - np.isfinite(values).mean()}
    if isinstance(layer, Sigmoid | Tanh):
        low, high = (-1, 1) if isinstance(layer, Tanh) else (0, 1)
        ends = (values < low + SATURATED) | (values > high - SATURATED)
        shares["saturated"] = ends.mean()
    remarks = [f"{_percent(share)} {what}" for what, share in shares.items() if share > 0]
    dead = int(zero.all(axis=0).sum()) if isinstance(layer, ReLU) else 0
    return remarks + [f"{dead} dead"] * (dead > 0)


def _percent(share: float) -> str:
    """A share in whole per cent; one that is neither none nor all never reads so."""
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"
