"""Floor 3. Export to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.export.activations import FORMS
from fastnn.export.reading import Reading, read
from fastnn.kernels import codes
from fastnn.layers import Layer
from fastnn.persistence import write_whole

OPSET = 18
IR_VERSION = 8
"""The format of opset 18: newer files are refused by older runtimes."""


def to_onnx(model: Any, path: str | Path) -> None:
    """Write a model as an ONNX file; see `Sequential.to_onnx`."""
    write_whole(Path(path), model_proto(model).SerializeToString())


def model_proto(model: Any) -> Any:
    """The ``onnx.ModelProto`` that `to_onnx` writes, checked by onnx.

    Examples
    --------
    >>> from fastnn import Dense, ReLU, Sequential
    >>> model = Sequential([Dense(4), ReLU()], seed=0).build(2)
    >>> [node.op_type for node in model_proto(model).graph.node]
    ['Gemm', 'Relu']
    """
    try:
        from onnx import checker, helper
    except ImportError:
        raise ImportError(
            'to_onnx needs onnx, which is not installed: pip install "fastnn[onnx]"'
        ) from None
    reading = read(model, "to_onnx")
    graph = Graph(reading)
    proto = helper.make_model(
        graph.proto(),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="fastnn",
    )
    checker.check_model(proto, full_check=True)
    return proto


class Graph:
    """Nodes and constants of an ONNX graph, in the making.

    Parameters
    ----------
    reading : Reading
    """

    def __init__(self, reading: Reading) -> None:
        from onnx import helper

        self.reading, self.single = reading, reading.dtype == np.float32
        self.type = helper.np_dtype_to_tensor_dtype(reading.dtype)
        self._nodes: list[Any] = []
        self._constants: dict[str, np.ndarray] = {}
        z = "input"
        for k, layer, arrays in reading.predicting():
            z = self._layer(z, k, layer, arrays)
        self._nodes[-1].output[0] = "output"

    def node(self, op: str, *inputs: str | float, **attributes: Any) -> str:
        """Add a node, of tensors and numbers; the name of its output."""
        from onnx import helper

        names = [i if isinstance(i, str) else self.constant(repr(i), i) for i in inputs]
        name = f"{op}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, names, [name], name, **attributes))
        return name

    def constant(self, name: str, values: Any) -> str:
        """Add a constant of the model's type; its name."""
        self._constants[name] = np.asarray(values, self.reading.dtype)
        return name

    def classes(self) -> str:
        """The name of the constant 0 .. n_out-1."""
        self._constants["classes"] = np.arange(self.reading.n_out)
        return "classes"

    def _layer(self, z: str, k: int, layer: Layer, arrays: dict[str, np.ndarray]) -> str:
        """Add the nodes of a layer."""
        kind = layer.kind
        if kind in FORMS:
            return FORMS[kind].onnx(self, z, layer)
        epsilon = layer.alpha
        if kind == codes.BATCHNORM and not self.single:
            # An attribute is a float32.
            arrays, epsilon = arrays | {"running_var": arrays["running_var"] + epsilon}, 0.0
        names = [self.constant(f"{k}.{name}", array) for name, array in arrays.items()]
        if kind == codes.BATCHNORM:
            return self.node("BatchNormalization", z, *names, epsilon=epsilon)
        if kind == codes.STANDARDIZE:
            return self.node("Div", self.node("Sub", z, names[0]), names[1])
        if kind == codes.SCALE:
            return self.node("Mul", z, names[0])
        return self.node("Gemm" if len(names) == 2 else "MatMul", z, *names)

    def proto(self) -> Any:
        """The ``onnx.GraphProto``."""
        from onnx import helper, numpy_helper

        reading = self.reading
        return helper.make_graph(
            self._nodes,
            "fastnn",
            [helper.make_tensor_value_info("input", self.type, ["batch", reading.n_in])],
            [helper.make_tensor_value_info("output", self.type, ["batch", reading.n_out])],
            [numpy_helper.from_array(a, name) for name, a in self._constants.items()],
            doc_string=str(reading),
        )
