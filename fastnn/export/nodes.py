"""ONNX graphs around networks: what comes before them, and what is made of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.export.onnx import IR_VERSION, OPSET, model_proto

ML_OPSET = 3
"""Of the operators for texts."""


class Nodes:
    """Nodes and constants in the making; a number or an array becomes a constant."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        """The name of a new constant."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name

    def add(self, op: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        """A node, called as its output is; inputs are names, numbers or arrays."""
        from onnx import helper

        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        name = f"{op}_{len(self.nodes)}"
        node = helper.make_node(op, names, [name], name, domain=domain or None, **attributes)
        self.nodes.append(node)
        return name

    def call(self, name: str, output: str) -> str:
        """Another name for an output."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [name], [output], output))
        return output

    def model(self, inputs: list[Any], outputs: list[Any]) -> Any:
        """A model of what was added."""
        from onnx import helper, numpy_helper

        constants = [
            helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape, a.ravel())
            if a.dtype.kind == "O"
            else numpy_helper.from_array(a, name)
            for name, a in self.constants.items()
        ]
        graph = helper.make_graph(self.nodes, "fastnn", inputs, outputs, constants)
        return _as_version(helper.make_model(graph, producer_name="fastnn"))


def _as_version(model: Any) -> Any:
    """The model with the versions that all parts share."""
    from onnx import helper

    del model.opset_import[:]
    model.opset_import.extend(
        [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    )
    model.ir_version = IR_VERSION
    return model


def softly_scaled(nodes: Nodes, x: str, median: np.ndarray, factor: np.ndarray) -> str:
    """`formulas.softly_scaled`, float32."""
    from onnx import TensorProto

    x = nodes.add("Mul", nodes.add("Sub", x, median[None]), factor[None])
    ratio = nodes.add("Div", x, 3.0)
    root = nodes.add("Sqrt", nodes.add("Add", nodes.add("Mul", ratio, ratio), 1.0))
    return nodes.add("Cast", nodes.add("Div", x, root), to=TensorProto.FLOAT)


def answers_of(networks: Sequence[Any]) -> list[Any]:
    """The inputs of what follows networks: "network0", "network1", ..., (batch, outputs) each."""
    from onnx import helper

    return [
        helper.make_tensor_value_info(
            f"network{k}", helper.np_dtype_to_tensor_dtype(network.dtype),
            ["batch", network._built().layout.n_out],
        )
        for k, network in enumerate(networks)
    ]  # fmt: skip


def joined(before: Any, features: Sequence[str], networks: Sequence[Any], after: Any) -> Any:
    """One model, checked: `before`, whose outputs `features` the networks read, and `after`."""
    from onnx import checker, compose

    parts = [
        _as_version(compose.add_prefix(model_proto(network), f"network{k}_"))
        for k, network in enumerate(networks)
    ]
    after = compose.add_prefix(after, "after_", rename_inputs=False, rename_outputs=False)
    _check_columns(before.graph, *(part.graph for part in (*parts, after)))
    whole = before
    for k, (name, part) in enumerate(zip(features, parts, strict=True)):
        whole = compose.merge_models(whole, part, io_map=[(name, f"network{k}_input")])
    answers = [(f"network{k}_output", f"network{k}") for k in range(len(networks))]
    whole = compose.merge_models(whole, after, io_map=answers)
    checker.check_model(whole, full_check=True)
    return whole


def _check_columns(*graphs: Any) -> None:
    """Refuse columns, the inputs of the first graph, that are named as another value."""
    made = {name for graph in graphs for node in graph.node for name in node.output}
    made |= {constant.name for graph in graphs for constant in graph.initializer}
    for column in graphs[0].input:
        if not column.name or column.name in made:
            why = "so is a part of the ONNX model" if column.name else "ONNX has no empty names"
            raise ValueError(
                f"a column is named {column.name!r}, and {why}; expected another name: rename that "
                "column, and fit again"
            )
