"""Layers: what a network is made of, declared.

A layer is a small frozen dataclass. It owns no arrays; `plan.py` turns a list of layers into the
program and the parameter vector that the compiled loop reads.
"""

from dataclasses import MISSING, fields
from typing import Any

from fastnn.inputs.calls import explained_parts
from fastnn.inputs.names import unknown
from fastnn.layers.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    Hardmax,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from fastnn.layers.base import Layer
from fastnn.layers.core import BatchNorm, Dense, Dropout, Members, Scale, Standardize
from fastnn.layers.embeddings import Embedding, PeriodicEmbedding
from fastnn.layers.piecewise import PiecewiseLinearEncoding

__all__ = [
    "ELU",
    "GELU",
    "LAYERS",
    "SELU",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "Hardmax",
    "Identity",
    "Layer",
    "LeakyReLU",
    "Members",
    "Mish",
    "PeriodicEmbedding",
    "PiecewiseLinearEncoding",
    "ReLU",
    "Scale",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Standardize",
    "Tanh",
    "get",
]

LAYERS: dict[str, type[Layer]] = {
    name: globals()[name] for name in __all__ if name not in ("LAYERS", "Layer", "get")
}
explained_parts(LAYERS.values())


def get(spec: Any) -> Layer:
    """A layer from a layer, or from the name of one that needs no arguments ("relu")."""
    if isinstance(spec, Layer):
        return spec
    if isinstance(spec, type) and issubclass(spec, Layer):
        raise TypeError(f"got the class {spec.__name__}; expected a layer: {spec.__name__}(...)")
    if isinstance(spec, str):
        for name, cls in LAYERS.items():
            if spec.lower().replace("_", "") == name.lower():
                return _plain(spec, cls)
        raise unknown("layer", spec, LAYERS)
    raise TypeError(
        f"got {type(spec).__name__} among the layers; expected layers such as Dense(64) or ReLU()"
    )


def _plain(name: str, cls: type[Layer]) -> Layer:
    """The layer of that name with its defaults."""
    needed = [f.name for f in fields(cls) if f.default is MISSING]  # type: ignore[arg-type]
    if needed:
        raise TypeError(
            f'"{name}" names a layer that needs {" and ".join(needed)}; pass the layer itself: '
            f"{cls.__name__}({', '.join(needed)})"
        )
    return cls()
