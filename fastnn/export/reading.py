"""Reading: what a model predicts with, and which models can be exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fastnn.export.activations import FORMS
from fastnn.kernels import codes
from fastnn.layers import Layer

IDLE = codes.DROPOUT, codes.IDENTITY
"""Layers that do nothing in prediction."""
EXPORTED = {*codes.WITH_ARRAYS, codes.PIECEWISE, *IDLE, *FORMS}


class Reading(NamedTuple):
    """A built model's layers, and for each its arrays: copies, by names such as "W".

    From `Members` on, what a layer reads has a row for each member of a row, one below the other;
    `members` tells how many, of each layer's input and of the last output.
    """

    layers: tuple[Layer, ...]
    arrays: list[dict[str, np.ndarray]]
    dtype: np.dtype
    n_in: int
    n_out: int
    members: tuple[int, ...]

    def predicting(self) -> Iterator[tuple[int, Layer, dict[str, np.ndarray]]]:
        """Number, layer and arrays of each layer that does something in prediction."""
        for k, layer in enumerate(self.layers):
            if layer.kind not in IDLE:
                yield k, layer, self.arrays[k]

    def __str__(self) -> str:
        """Such as "Dense 64, ReLU, Dense 10, Softmax"."""
        numbers = {
            codes.DENSE: "units",
            codes.MEMBERS: "k",
            codes.PERIODIC: "size",
            codes.EMBEDDING: "size",
        }
        units = [
            f" {getattr(layer, numbers[layer.kind])}" if layer.kind in numbers else ""
            for layer in self.layers
        ]
        return ", ".join(layer.name + n for layer, n in zip(self.layers, units, strict=True))


def read(model: Any, method: str) -> Reading:
    """Read a built model for an exporting method, whose name errors tell.

    Raises
    ------
    TypeError
        For what is no model.
    ValueError
        For a model without weights, or with an activation of the user's own.
    """
    if not hasattr(model, "to_numpy"):
        raise TypeError(f"got {model!r:.60}; expected a Sequential")
    network = model._built()
    network.check_fitted()
    layout = network.layout
    for k, layer in enumerate(layout.layers):
        if layer.kind not in EXPORTED:
            raise ValueError(
                f"{method} knows no formula for layer {k + 1}, {layer!r}; use one of fastnn's own "
                "activations there, such as GELU(), or predict with fastnn itself (save, load)"
            )
    arrays: list[dict[str, np.ndarray]] = [{} for _ in layout.layers]
    for name, array in network.state.arrays():
        place, part = name.split(".")
        arrays[int(place)][part] = array.copy()
    members = tuple(layout.members)
    return Reading(layout.layers, arrays, model.dtype, layout.n_in, layout.n_out, members)
