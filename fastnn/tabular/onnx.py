"""A whole tabular model in ONNX: raw columns in, probabilities or numbers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.estimators.tables import LARGEST
from fastnn.export.onnx import OPSET, model_proto
from fastnn.files.whole import write_whole
from fastnn.inputs.packages import package
from fastnn.inputs.paths import as_path
from fastnn.tabular.encoder import CYCLES, MISSING, OTHER, Rule
from fastnn.tabular.members import Member

ML_OPSET = 3
"""Of the operators for texts."""


def to_onnx(model: Any, path: str | Path) -> None:
    """Write a trained model as an ONNX file; see `TabularModel.to_onnx`."""
    write_whole(as_path(path), tabular_proto(model).SerializeToString())


def tabular_proto(model: Any) -> Any:
    """The ``onnx.ModelProto`` that `to_onnx` writes, checked by onnx."""
    package("onnx", "to_onnx needs onnx", '"fastnn-mlp[onnx]"')
    from onnx import TensorProto, checker, compose, helper

    model._fitted()
    nodes = _Nodes()
    inputs = {}
    for rule in model.members_[0].encoder.rules:
        kind = TensorProto.STRING if rule.column.kind == "category" else TensorProto.DOUBLE
        inputs[rule.column.name] = helper.make_tensor_value_info(
            rule.column.name, kind, ["batch", 1]
        )
    features = [_features(nodes, member) for member in model.members_]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", member.median.size])
        for name, member in zip(features, model.members_, strict=True)
    ]
    whole = nodes.model(list(inputs.values()), outputs)
    for k, member in enumerate(model.members_):
        network = compose.add_prefix(model_proto(member.network), f"network{k}_")
        whole = compose.merge_models(
            whole, _as_version(network), io_map=[(features[k], f"network{k}_input")]
        )
    whole = compose.merge_models(whole, _average(model), io_map=[
        (f"network{k}_output", f"network{k}") for k in range(len(model.members_))
    ])  # fmt: skip
    checker.check_model(whole, full_check=True)
    return whole


class _Nodes:
    """Nodes and constants in the making; a number or an array becomes a constant."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name

    def add(self, op: str, *inputs: Any, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        name = f"{op}_{len(self.nodes)}"
        node = helper.make_node(op, names, [name], name, domain=domain or None, **attributes)
        self.nodes.append(node)
        return name

    def model(self, inputs: list[Any], outputs: list[Any]) -> Any:
        from onnx import helper, numpy_helper

        constants = [numpy_helper.from_array(a, name) for name, a in self.constants.items()]
        graph = helper.make_graph(self.nodes, "fastnn", inputs, outputs, constants)
        return _as_version(helper.make_model(graph, producer_name="fastnn"))


def _as_version(model: Any) -> Any:
    """The model with the versions that all parts share."""
    from onnx import helper

    del model.opset_import[:]
    model.opset_import.extend(
        [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    )
    model.ir_version = 8
    return model


def _features(nodes: _Nodes, member: Member) -> str:
    """What a member's network reads, (batch, features) float32."""
    from onnx import TensorProto

    parts = [part for rule in member.encoder.rules for part in _encoded(nodes, rule)]
    x = nodes.add("Concat", *parts, axis=1)
    x = nodes.add("Mul", nodes.add("Sub", x, member.median[None]), member.factor[None])
    ratio = nodes.add("Div", x, LARGEST)
    root = nodes.add("Sqrt", nodes.add("Add", nodes.add("Mul", ratio, ratio), 1.0))
    return nodes.add("Cast", nodes.add("Div", x, root), to=TensorProto.FLOAT)


def _encoded(nodes: _Nodes, rule: Rule) -> list[str]:
    """Tensors (batch, columns) float64, as the encoder makes them of a column."""
    from onnx import TensorProto

    name = rule.column.name
    if rule.column.kind == "category":
        places = {c: k for k, c in enumerate(rule.categories)}
        missing, other = places.pop(MISSING, -1), places.pop(OTHER, -1)
        place = nodes.add(
            "LabelEncoder", name, domain="ai.onnx.ml",
            keys_strings=[*places, ""], values_int64s=[*places.values(), missing],
            default_int64=other,
        )  # fmt: skip
        numbers = nodes.constant(np.arange(len(rule.categories))[None], np.int64)
        return [nodes.add("Cast", nodes.add("Equal", place, numbers), to=TensorProto.DOUBLE)]
    gap = nodes.add("IsNaN", name)
    filled = nodes.add("Where", gap, rule.median, name)
    found = [filled]
    if rule.column.kind == "date":
        for seconds in CYCLES.values():
            # The remainder of a negative number is negative: one more turn.
            turned = nodes.add("Add", nodes.add("Mod", filled, seconds, fmod=1), seconds)
            angle = nodes.add("Mul", turned, 2 * np.pi / seconds)
            # The runtimes have no cosine in double precision.
            found += [nodes.add("Sin", angle), nodes.add("Sin", nodes.add("Add", angle, np.pi / 2))]
    if rule.indicator:
        found.append(nodes.add("Cast", gap, to=TensorProto.DOUBLE))
    return found


def _average(model: Any) -> Any:
    """A model of the networks' outputs: the mean of what they answer."""
    from onnx import TensorProto, compose, helper

    nodes, answers, inputs = _Nodes(), [], []
    target = model.target_
    for k, member in enumerate(model.members_):
        width = member.network._built().layout.n_out
        given = helper.make_tensor_value_info(f"network{k}", TensorProto.FLOAT, ["batch", width])
        inputs.append(given)
        found = nodes.add("Cast", f"network{k}", to=TensorProto.DOUBLE)
        if target.task == "regression":
            answers.append(nodes.add("Add", nodes.add("Mul", found, member.scale), member.mean))
            continue
        if width == 1:
            found = nodes.add("Concat", nodes.add("Sub", 1.0, found), found, axis=1)
        # Classes that the rows of a member lacked have probability 0.
        spread = np.zeros((len(member.answers), len(target.classes)))
        spread[np.arange(len(member.answers)), member.answers] = 1
        answers.append(nodes.add("MatMul", found, spread))
    total = nodes.add("Sum", *answers)
    width = len(target.classes) or 1
    mean = nodes.add("Div", total, float(len(answers)))
    if target.classes:
        rows = nodes.constant([1], np.int64)
        mean = nodes.add("Div", mean, nodes.add("ReduceSum", mean, rows, keepdims=1))
    nodes.nodes[-1].output[0] = "prediction"
    output = helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, ["batch", width])
    return compose.add_prefix(
        nodes.model(inputs, [output]), "mean_", rename_inputs=False, rename_outputs=False
    )
