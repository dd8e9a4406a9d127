"""Export to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.export.activations import FORMS
from fastnn.export.graph import Graph
from fastnn.export.reading import read
from fastnn.files.whole import write_whole
from fastnn.inputs.packages import package
from fastnn.inputs.paths import as_path
from fastnn.kernels import codes
from fastnn.layers import (
    Dense,
    Embedding,
    Layer,
    Members,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
)

OPSET = 18
IR_VERSION = 8
"""The format of opset 18: newer files are refused by older runtimes."""


def to_onnx(model: Any, path: str | Path) -> None:
    """Write a model as an ONNX file; see `Sequential.to_onnx`."""
    write_whole(as_path(path), model_proto(model).SerializeToString())


def model_proto(model: Any) -> Any:
    """The ``onnx.ModelProto`` that `to_onnx` writes, checked by onnx.

    Examples
    --------
    >>> from fastnn import Dense, ReLU, Sequential
    >>> model = Sequential([Dense(4), ReLU()], seed=0).build(2)
    >>> [node.op_type for node in model_proto(model).graph.node]
    ['Gemm', 'Relu']
    """
    onnx = package("onnx", "to_onnx needs onnx", '"fastnn-mlp[onnx]"')
    reading = read(model, "to_onnx")
    graph = Graph(reading.dtype, reading.n_in, reading.n_out)
    z = "input"
    for k, layer, arrays in reading.predicting():
        z = _add_layer(graph, z, k, layer, arrays, reading.members[k])
    if reading.members[-1] > 1:
        graph.average(z, reading.members[-1])
    proto = onnx.helper.make_model(
        graph.proto(str(reading)),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="fastnn",
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _standardize(graph: Graph, z: str, k: int, mean: np.ndarray, deviation: np.ndarray) -> str:
    """Add (z - mean) / deviation; the mean goes in two parts, for the graph has but one type."""
    high = mean.astype(graph.dtype)
    for name, part in {"mean": high, "mean_low": mean - high}.items():
        z = graph.node("Sub", z, graph.constant(f"{k}.{name}", part))
    return graph.node("Div", z, graph.constant(f"{k}.deviation", deviation))


def _members(graph: Graph, z: str, k: int, scale: np.ndarray, n: int) -> str:
    """Add rows for members, each times its scales."""
    scales = graph.constant(f"{k}.scale", scale.reshape(-1, n))
    return graph.shaped(graph.node("Mul", graph.shaped(z, -1, 1, n), scales), -1, n)


def _own_products(graph: Graph, z: str, weights: str) -> str:
    """Add products of rows (B, k, n), each of the k with weights (n, units) of its own."""
    each = graph.node("Transpose", z, perm=[1, 0, 2])
    return graph.node("Transpose", graph.node("MatMul", each, weights), perm=[1, 0, 2])


def _own_dense(
    graph: Graph, z: str, k: int, members: int, W: np.ndarray, b: np.ndarray | None = None
) -> str:
    """Add products of each member with its own W."""
    n, units = len(W) // members, W.shape[1]
    weights = graph.constant(f"{k}.W", W.reshape(members, n, units))
    z = _own_products(graph, graph.shaped(z, -1, members, n), weights)
    if b is not None:
        z = graph.node("Add", z, graph.constant(f"{k}.b", b.reshape(members, units)))
    return graph.shaped(z, -1, units)


def _periodic(
    graph: Graph, z: str, k: int, start: int, w: np.ndarray, phase: np.ndarray, linear: np.ndarray,
    b: np.ndarray,
) -> str:  # fmt: skip
    """Add waves of each number; by sines, for runtimes know no cosine of doubles."""
    n, more = b.shape
    x = graph.shaped(graph.columns(z, start, start + n), -1, n, 1)
    angles = graph.node("Mul", x, graph.constant(f"{k}.frequency", 2 * np.pi * w.astype(float)))
    shifts = graph.constant(f"{k}.phase", phase.astype(float) + np.pi / 2)
    waves = graph.node("Sin", graph.node("Add", angles, shifts))
    found = _own_products(graph, waves, graph.constant(f"{k}.linear", linear.reshape(n, -1, more)))
    found = graph.node("Add", found, graph.constant(f"{k}.b", b))
    embedded = graph.shaped(graph.node("Concat", x, found, axis=2), -1, n * (1 + more))
    before, after = graph.columns(z, 0, start), graph.columns(z, start + n, None)
    return graph.node("Concat", before, embedded, after, axis=1)


def _embedding(graph: Graph, z: str, k: int, column: int, table: np.ndarray) -> str:
    """Add rows of a table, which has one more, of zeros, for what is no code."""
    code = graph.columns(z, column, column + 1)
    known = graph.node(
        "And", graph.node("GreaterOrEqual", code, 0.0), graph.node("Less", code, float(len(table)))
    )
    known = graph.node("And", known, graph.node("Equal", code, graph.node("Floor", code)))
    row = graph.whole(graph.node("Where", known, code, float(len(table))))
    rows = graph.constant(f"{k}.table", np.vstack([table, np.zeros(table.shape[1])]))
    found = graph.shaped(graph.node("Gather", rows, row), -1, table.shape[1])
    # A NaN stays one.
    found = graph.node("Add", found, graph.node("Mul", code, 0.0))
    before, after = graph.columns(z, 0, column), graph.columns(z, column + 1, None)
    return graph.node("Concat", before, found, after, axis=1)


def _piecewise(graph: Graph, z: str, k: int, layer: PiecewiseLinearEncoding) -> str:
    """Add the functions of the knots behind the columns."""
    column, *sides = layer.sides()
    if not len(column):
        return graph.node("Identity", z)
    x, found = graph.chosen(z, f"{k}.columns", column), []
    for name, (place, width, least) in (("left", sides[:3]), ("right", sides[3:])):
        ends = [x, graph.constant(f"{k}.{name}", place)]
        way = graph.node("Sub", *(ends if name == "left" else ends[::-1]))
        way = graph.node("Div", way, graph.constant(f"{k}.{name} width", width))
        found.append(graph.node("Max", way, graph.constant(f"{k}.{name} least", least)))
    found = [graph.node("Mul", graph.node("Min", *found, 1.0), layer.height)]
    return graph.node("Concat", z, *found, axis=1)


def _add_layer(
    graph: Graph, z: str, k: int, layer: Layer, arrays: dict[str, np.ndarray], members: int
) -> str:
    """Add the nodes of a layer, which reads so many rows of each row."""
    kind = layer.kind
    if kind in (codes.BATCHNORM, codes.SCALE) and members > 1:
        n = len(next(iter(arrays.values())))
        z = _add_layer(graph, graph.shaped(z, -1, n), k, layer, arrays, 1)
        return graph.shaped(z, -1, n // members)
    if kind in FORMS:
        return FORMS[kind].onnx(graph, z, layer)
    epsilon = layer.alpha
    if kind == codes.BATCHNORM and not graph.single:
        # An attribute is a float32.
        arrays, epsilon = arrays | {"running_var": arrays["running_var"] + epsilon}, 0.0
    if kind == codes.STANDARDIZE:
        return _standardize(graph, z, k, **arrays)
    if isinstance(layer, Members):
        return _members(graph, z, k, arrays["scale"], len(arrays["scale"]) // layer.k)
    if isinstance(layer, Embedding):
        return _embedding(graph, z, k, layer.column, arrays["table"])
    if isinstance(layer, PeriodicEmbedding):
        return _periodic(graph, z, k, layer.start, *arrays.values())
    if isinstance(layer, PiecewiseLinearEncoding):
        return _piecewise(graph, z, k, layer)
    if isinstance(layer, Dense) and not layer.shared:
        return _own_dense(graph, z, k, members, **arrays)
    names = [graph.constant(f"{k}.{name}", array) for name, array in arrays.items()]
    if kind == codes.BATCHNORM:
        return graph.node("BatchNormalization", z, *names, epsilon=epsilon)
    if kind == codes.SCALE:
        z = graph.node("Mul", z, names[0])
        return graph.node("Add", z, names[1]) if len(names) == 2 else z
    return graph.node("Gemm" if len(names) == 2 else "MatMul", z, *names)
