"""The layout: where each array of a network lies in one flat vector.

Weights come first, so that what decay touches is one slice; then the optimizer's two slots, of the
same shape; then the running statistics.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from fastnn.kernels.codes import (
    BATCHNORM,
    EMBEDDING,
    ENCODINGS,
    HARDMAX,
    PIECEWISE,
    SCALE,
    SOFTMAX,
    STANDARDIZE,
)
from fastnn.layers import BatchNorm, Dense, Embedding, Layer, Members

ALIGN = 16  # elements: one cache line of float32
RUNNING_NAMES = ("running_mean", "running_var")
STANDARDIZE_NAMES = ("mean", "deviation")
INPUTS = STANDARDIZE, *ENCODINGS
"""Layers that prepare the inputs."""


@dataclass(frozen=True)
class Tensor:
    """One named array inside the state vector."""

    layer: int
    name: str
    offset: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def slice(self) -> slice:
        """Its place in the state vector."""
        return slice(self.offset, self.offset + self.size)


def padded(n: int) -> int:
    return -(-n // ALIGN) * ALIGN


def check_order(layers: Sequence[Layer]) -> None:
    """Refuse impossible orders of layers, in a sentence."""
    if not layers:
        raise ValueError("the model has no layers; pass at least one, such as Dense(1)")
    last = len(layers) - 1
    for k, layer in enumerate(layers):
        if layer.kind in (SOFTMAX, HARDMAX) and k != last:
            raise ValueError(
                f"{layer.name} is layer {k + 1} of {last + 1}; expected it last: its outputs are "
                "classes, so put an activation such as ReLU() there"
            )
        if layer.kind == STANDARDIZE and k != 0:
            raise ValueError(
                f"Standardize is layer {k + 1}; expected it first: it normalises the inputs, so "
                "use BatchNorm() there"
            )
        if layer.kind == PIECEWISE and any(before.kind != STANDARDIZE for before in layers[:k]):
            raise ValueError(
                f"{layer.name} is layer {k + 1}; expected it first, or right after Standardize: "
                "its knots are those of the inputs"
            )
    first = members_from(layers)
    for k, layer in enumerate(layers):
        early = k <= first and any(before.kind not in INPUTS for before in layers[:k])
        if layer.kind == SCALE and early:
            raise ValueError(
                f"Scale is layer {k + 1}; expected it first, or after Standardize, Members or an "
                "embedding: it weighs the inputs; a Dense layer there can do the same by itself"
            )
        if layer.kind == EMBEDDING and any(before.kind not in ENCODINGS for before in layers[:k]):
            raise ValueError(
                f"Embedding is layer {k + 1}; expected it before all layers but other embeddings "
                "and encodings, for it reads codes as they are: scale the other columns before the "
                "network"
            )
        if isinstance(layer, Members) and k > first:
            raise ValueError(
                f"Members is layer {k + 1}, and layer {first + 1} too; expected one: from there on "
                "the network is k networks; give that one the number of them all"
            )
        if isinstance(layer, Dense) and not layer.shared and k < first:
            raise ValueError(
                f"layer {k + 1} is {layer!r}, before any Members; expected one before it: put "
                "Members(32) there, or leave shared=False out"
            )
    if not any(isinstance(layer, Dense) for layer in layers):
        given = ", ".join(layer.name for layer in layers)
        raise ValueError(
            f"the model has no Dense layer, only {given}; it would have nothing to learn: add one, "
            "such as Dense(1)"
        )


def members_from(layers: Sequence[Layer]) -> int:
    """Which layer makes members; without one, how many layers there are."""
    return next((k for k, layer in enumerate(layers) if isinstance(layer, Members)), len(layers))


def columns_of_codes(layers: Sequence[Layer], widths: Sequence[int]) -> dict[int, int]:
    """Which column of the input each Embedding, by its place, reads."""
    found: dict[int, int] = {}
    for k, layer in enumerate(layers):
        if not isinstance(layer, Embedding):
            continue
        column = layer.column
        for width, before in zip(widths[:k][::-1], layers[:k][::-1], strict=True):
            origin = before.origin(column, width)
            if origin is None:
                raise ValueError(
                    f"{layer!r} is layer {k + 1} and reads what {before!r} has learned; expected "
                    "codes: an embedding moves the columns behind its own by size - 1, so give "
                    "the column where they are by now"
                )
            column = origin
        found[k] = column
    return found


def drop_redundant_biases(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, each Dense directly before a BatchNorm without its bias."""
    followers = [*layers[1:], None]
    return tuple(
        replace(layer, bias=False)
        if isinstance(layer, Dense) and isinstance(after, BatchNorm)
        else layer
        for layer, after in zip(layers, followers, strict=True)
    )


class Layout:
    """Where the parameters and the running statistics of a network lie.

    Parameters
    ----------
    layers : sequence of Layer
    n_in : int
        Number of input features.
    """

    def __init__(self, layers: Sequence[Layer], n_in: int) -> None:
        check_order(layers)
        self.layers = drop_redundant_biases(layers)
        self.members = [1]
        """How many networks read what each layer reads, and what the last one leaves."""
        self.widths, shapes = [n_in], []
        """Numbers in a row of each layer's input, and of the last output: of all members."""
        for k, layer in enumerate(self.layers):
            members = self.members[-1]
            width = self.widths[-1] // members
            arrays = layer.parameters(width, members)
            shapes += [(k, name, shape) for name, shape in arrays.items()]
            self.members.append(layer.k if isinstance(layer, Members) else members)
            self.widths.append(layer.n_out(width) * self.members[-1])
        self.codes = columns_of_codes(self.layers, self.widths)
        """Which column of the input each Embedding reads."""
        self.n_in, self.n_out = n_in, self.widths[-1] // self.members[-1]
        shapes.sort(key=lambda item: item[1] != "W")
        self.parameters, self.n_parameters = _place(shapes, 0)
        running = [
            (k, "running", (3, self.widths[k]))
            for k, layer in enumerate(self.layers)
            if layer.kind in (BATCHNORM, STANDARDIZE)
        ]
        # The optimizer's two slots lie between the parameters and the running statistics.
        self.slots = self.n_parameters
        self.running, self.n_state = _place(running, 3 * self.n_parameters)
        self._by_name = {(t.layer, t.name): t for t in (*self.parameters, *self.running)}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        # The places in a pickle of an earlier version may be other ones.
        self.__init__(fields["layers"], fields["n_in"])  # type: ignore[misc]

    def of_today(self, values: np.ndarray) -> np.ndarray:
        """A state vector; one of an earlier version, whose Standardize had two rows, is moved."""
        first = self.tensor(0, "running")
        if first is None or len(values) == self.n_state:
            return values
        rows, n = first.shape
        kept, old = first.offset + (rows - 1) * n, padded((rows - 1) * n)
        found = np.zeros(self.n_state, values.dtype)
        found[:kept] = values[:kept]
        found[first.offset + padded(rows * n) :] = values[first.offset + old :]
        return found

    def tensor(self, layer: int, name: str) -> Tensor | None:
        """The array of that name, if the layer has one."""
        return self._by_name.get((layer, name))

    def array_names(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all arrays that a model keeps, such as "0.W", layer by layer."""
        names: dict[str, tuple[int, ...]] = {}
        tensors = sorted([*self.parameters, *self.running], key=lambda t: t.layer)
        for t in tensors:
            if t.name != "running":
                names[f"{t.layer}.{t.name}"] = t.shape
                continue
            kind = self.layers[t.layer].kind
            parts = RUNNING_NAMES if kind == BATCHNORM else STANDARDIZE_NAMES
            names |= {f"{t.layer}.{part}": t.shape[1:] for part in parts}
        return names

    @cached_property
    def has_penalties(self) -> bool:
        """Whether the loss counts weights."""
        return any(getattr(k, "l1", 0) or getattr(k, "l2", 0) for k in self.layers)

    @cached_property
    def flops_per_row(self) -> int:
        """Multiplications and additions of the matrix products of one row, forward."""
        products = [t for t in self.parameters if t.name in ("W", "linear")]
        return sum(2 * t.size * self.rows(t.layer) for t in products)

    def rows(self, layer: int) -> int:
        """How many rows of a row share the weights of a layer: one of each member, or one."""
        found = self.layers[layer]
        own = isinstance(found, Dense) and not found.shared
        return 1 if own else self.members[layer]


def _place(
    shapes: Sequence[tuple[int, str, tuple[int, ...]]], offset: int
) -> tuple[list[Tensor], int]:
    tensors = []
    for layer, name, shape in shapes:
        tensors.append(Tensor(layer, name, offset, shape))
        offset += padded(tensors[-1].size)
    return tensors, offset
