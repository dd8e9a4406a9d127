"""How each activation reads in NumPy, ONNX and PyTorch.

An attribute of an ONNX node is a float32; in float64 an activation with constants is therefore
made of nodes that take them as arrays. Runtimes lack more ops in float64, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastnn.export import formulas
from fastnn.export.graph import Graph
from fastnn.kernels import codes
from fastnn.kernels.codes import SELU_ALPHA, SELU_SCALE
from fastnn.layers import Layer

OnnxForm = Callable[[Graph, str, Layer], str]
"""Adds nodes that read the named tensor; returns the name of their output."""
TorchForm = Callable[[Any, Layer], Any]
"""Makes a module, out of the package ``torch.nn``."""


class Forms(NamedTuple):
    """An activation in three languages."""

    formula: Callable[..., np.ndarray]
    onnx: OnnxForm
    torch: TorchForm


def _node(op: str, **attributes: Any) -> OnnxForm:
    return lambda graph, z, layer: graph.node(op, z, **attributes)


def _module(name: str, **settings: Any) -> TorchForm:
    return lambda nn, layer: getattr(nn, name)(**settings)


def _module_of_number(name: str) -> TorchForm:
    return lambda nn, layer: getattr(nn, name)(layer.alpha)


def _leaky_relu(graph: Graph, z: str, layer: Layer) -> str:
    if graph.single:
        return graph.node("LeakyRelu", z, alpha=layer.alpha)
    return graph.node("PRelu", z, layer.alpha)


def _elu(graph: Graph, z: str, layer: Layer) -> str:
    if graph.single:
        return graph.node("Elu", z, alpha=layer.alpha)
    return graph.node("PRelu", graph.node("Elu", z), layer.alpha)


def _selu(graph: Graph, z: str, layer: Layer) -> str:
    if graph.single:
        return graph.node("Selu", z)
    # Not last: onnxruntime would make the factor a float32 attribute of a product that follows.
    y = graph.node("Mul", graph.node("Elu", z), SELU_SCALE)
    return graph.node("PRelu", y, SELU_ALPHA)


def _gelu(graph: Graph, z: str, layer: Layer) -> str:
    # In the order of operations that runtimes know as GELU, to compute it at once.
    y = graph.node("Add", graph.node("Erf", graph.node("Div", z, math.sqrt(2))), 1.0)
    return graph.node("Mul", graph.node("Mul", z, y), 0.5)


def _softplus(graph: Graph, z: str, layer: Layer) -> str:
    if graph.single:
        return graph.node("Softplus", z)
    e = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    return graph.node("Add", graph.node("Relu", z), graph.node("Log", graph.node("Add", e, 1.0)))


def _hardmax(graph: Graph, z: str, layer: Layer) -> str:
    if graph.single:
        return graph.node("Hardmax", z, axis=1)
    best = graph.node("ArgMax", z, axis=1)
    return graph.node("Cast", graph.node("Equal", best, graph.classes()), to=graph.type)


def _silu(graph: Graph, z: str, layer: Layer) -> str:
    return graph.node("Mul", z, graph.node("Sigmoid", z))


def _mish(graph: Graph, z: str, layer: Layer) -> str:
    return graph.node("Mul", z, graph.node("Tanh", _softplus(graph, z, layer)))


def _hardmax_module(nn: Any, layer: Layer) -> Any:
    from fastnn.export.modules import Hardmax

    return Hardmax()


FORMS: dict[int, Forms] = {
    codes.RELU: Forms(formulas.relu, _node("Relu"), _module("ReLU")),
    codes.LEAKY_RELU: Forms(formulas.leaky_relu, _leaky_relu, _module_of_number("LeakyReLU")),
    codes.ELU: Forms(formulas.elu, _elu, _module_of_number("ELU")),
    codes.SELU: Forms(formulas.selu, _selu, _module("SELU")),
    codes.GELU: Forms(formulas.gelu, _gelu, _module("GELU")),
    codes.SILU: Forms(formulas.silu, _silu, _module("SiLU")),
    codes.TANH: Forms(formulas.tanh, _node("Tanh"), _module("Tanh")),
    codes.SIGMOID: Forms(formulas.sigmoid, _node("Sigmoid"), _module("Sigmoid")),
    # Above its threshold PyTorch takes z itself; its default of 20 is felt in float64.
    codes.SOFTPLUS: Forms(formulas.softplus, _softplus, _module("Softplus", threshold=40)),
    codes.MISH: Forms(formulas.mish, _mish, _module("Mish")),
    codes.SOFTMAX: Forms(formulas.softmax, _node("Softmax", axis=1), _module("Softmax", dim=1)),
    codes.HARDMAX: Forms(formulas.hardmax, _hardmax, _hardmax_module),
}
"""By the code of the layer."""
