"""The weights of the first layer as images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.inputs.calls import explained
from fastnn.inputs.settings import check_count
from fastnn.layers import Dense
from fastnn.model.given import as_model
from fastnn.model.sequential import Sequential
from fastnn.plotting.panels import NEUTRAL, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = 5.4


@explained
def first_layer_weights(
    model: Sequential, shape: tuple[int, int] | None = None, ax: Axes | None = None, *,
    max_units: int = 64,
) -> Axes:  # fmt: skip
    """Draw the weights of the first Dense layer, each unit as an image of the inputs it weighs.

    All images share one scale of colours, symmetric around 0. They are sorted by the norm of the
    unit's weights, row by row, the largest first.

    Parameters
    ----------
    model : Sequential
        With weights, for inputs that are images, row by row.
    shape : (height, width), optional
        Of an image; needed where the number of inputs is no square.
    ax : matplotlib Axes, optional
        Default: a new figure.
    max_units : int, default 64
        Draw at most so many, those with the largest norm.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
    ValueError, TypeError
        For a model without weights, and for inputs that do not make an image.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.plotting import first_layer_weights
    >>> model = fastnn.Sequential([fastnn.Dense(12), fastnn.ReLU(), fastnn.Dense(1)], seed=0)
    >>> first_layer_weights(model.build(64), max_units=9).get_title()
    'weights of 9 of 12 units'
    """
    network = as_model(model)._built()
    k = next((k for k, layer in enumerate(model.layers) if isinstance(layer, Dense)), None)
    if k is None:
        raise ValueError("the model has no Dense layer, so no weights to draw")
    W = network.state.array(f"{k}.W")
    height, width = _image_shape(shape, len(W))
    n = min(check_count(max_units, "max_units"), W.shape[1])
    by_norm = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")[:n]
    picture = mosaic(W[:, by_norm].T.reshape(n, height, width))
    size = INCHES / max(picture.shape)
    panel = one_axes(ax, (picture.shape[1] * size + 0.9, picture.shape[0] * size + 0.5))
    limit = float(np.abs(W[:, by_norm]).max()) or 1.0
    image = panel.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    panel.set_axis_off()
    of = f" of {W.shape[1]}" if n < W.shape[1] else ""
    panel.set_title(f"weights of {n}{of} unit{'s' * (W.shape[1] > 1)}", fontsize="medium")
    bar = panel.figure.colorbar(image, ax=panel, shrink=0.6, aspect=25, pad=0.02)
    bar.set_label("weight", fontsize="small")
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize="small", color=NEUTRAL)
    return panel


def _image_shape(given: Any, n: int) -> tuple[int, int]:
    if given is None:
        side = math.isqrt(n)
        if side * side != n:
            raise ValueError(
                f"the first Dense layer has {n} inputs, which are no square image; for images of "
                "another form pass shape=(height, width)"
            )
        return side, side
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"shape is {given!r}; expected (height, width)")
    height, width = (check_count(side, "shape") for side in given)
    if height * width != n:
        raise ValueError(
            f"shape is {height} x {width} = {height * width} pixels, but the first Dense layer has "
            f"{n} inputs"
        )
    return height, width


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images (n, height, width) side by side in about a square, NaN between them.

    Examples
    --------
    >>> mosaic(np.zeros((3, 2, 2))).shape
    (5, 5)
    """
    n, height, width = images.shape
    gap = max(1, round(min(height, width) / 12))
    columns = min(n, max(1, math.ceil(math.sqrt(n * (height + gap) / (width + gap)))))
    rows = -(-n // columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for k, image in enumerate(images):
        i, j = k // columns * (height + gap), k % columns * (width + gap)
        whole[i : i + height, j : j + width] = image
    return whole
