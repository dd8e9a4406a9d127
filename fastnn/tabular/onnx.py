"""A whole tabular model in ONNX: raw columns in, probabilities or numbers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.export.nodes import Nodes, answers_of, joined, softly_scaled
from fastnn.files.whole import write_whole
from fastnn.inputs.packages import package
from fastnn.inputs.paths import as_path
from fastnn.tabular.encoder import CYCLES, MISSING, OTHER, Rule
from fastnn.tabular.members import Member


def to_onnx(model: Any, path: str | Path) -> None:
    """Write a trained model as an ONNX file; see `TabularModel.to_onnx`."""
    write_whole(as_path(path), tabular_proto(model).SerializeToString())


def tabular_proto(model: Any) -> Any:
    """The ``onnx.ModelProto`` that `to_onnx` writes, checked by onnx."""
    package("onnx", "to_onnx needs onnx", '"fastnn-mlp[onnx]"')
    from onnx import TensorProto, helper

    model._fitted()
    nodes = Nodes()
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
    return joined(whole, features, [member.network for member in model.members_], _average(model))


def _features(nodes: Nodes, member: Member) -> str:
    """What a member's network reads, (batch, features) float32."""
    parts = [part for rule in member.encoder.rules for part in _encoded(nodes, rule)]
    x = nodes.add("Concat", *parts, axis=1)
    return softly_scaled(nodes, x, member.median, member.factor)


def _encoded(nodes: Nodes, rule: Rule) -> list[str]:
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
    from onnx import TensorProto, helper

    nodes, answers = Nodes(), []
    target = model.target_
    inputs = answers_of([member.network for member in model.members_])
    for k, member in enumerate(model.members_):
        width = member.network._built().layout.n_out
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
    return nodes.model(inputs, [output])
