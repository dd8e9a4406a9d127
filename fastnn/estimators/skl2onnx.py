"""Pipelines with fastnn's estimators in ONNX: importing this tells skl2onnx how.

    import fastnn.estimators.skl2onnx
    from skl2onnx import to_onnx

    to_onnx(make_pipeline(StandardScaler(), MLPClassifier()).fit(X, y), X[:1])

An estimator that stands alone writes a file by itself (`to_onnx`), and needs no skl2onnx.
"""

from __future__ import annotations

from typing import Any

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.onnx import estimator_proto
from fastnn.export.onnx import OPSET
from fastnn.inputs.packages import package


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an estimator to skl2onnx's graph."""
    from onnx import TensorProto, helper, numpy_helper

    e, given = operator.raw_operator, operator.inputs[0]
    if container.target_opset < OPSET:
        raise ValueError(
            f"target_opset is {container.target_opset}; expected {OPSET} or more, in which "
            "fastnn's estimators are written"
        )
    graph = estimator_proto(e).graph
    if [one.name for one in graph.input] != ["input"]:
        raise ValueError(
            "a preset that has learned columns of categories reads a table, not the output of "
            "another step; write it alone, with its to_onnx"
        )
    names = {"": ""}

    def called(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(name)
        return names[name]

    kind = graph.input[0].type.tensor_type.elem_type
    container.add_node("Cast", [given.full_name], [called("input")], to=kind)
    for one in graph.initializer:
        values = numpy_helper.to_array(one).ravel().tolist()
        container.add_initializer(called(one.name), one.data_type, list(one.dims), values)
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        container.add_node(
            node.op_type, [called(n) for n in node.input], [called(n) for n in node.output],
            op_domain=node.domain, name=scope.get_unique_operator_name(node.op_type), **attributes,
        )  # fmt: skip
    for ours, theirs in zip(graph.output, operator.outputs, strict=True):
        wanted = theirs.type.to_onnx_type().tensor_type.elem_type
        # Runtimes cast no text to text.
        text = wanted == ours.type.tensor_type.elem_type == TensorProto.STRING
        op, to = ("Identity", {}) if text else ("Cast", {"to": wanted})
        container.add_node(op, [called(ours.name)], [theirs.full_name], **to)


def _classifier_shapes(operator: Any) -> None:
    """As for other classifiers; but a ZipMap, which ends them by default, reads float32 only."""
    from skl2onnx.common import shape_calculator as shapes
    from skl2onnx.common.data_types import FloatTensorType

    shapes.calculate_linear_classifier_output_shapes(operator)
    probabilities = operator.outputs[1]
    followers = operator.scope_inst.operators.values()
    if any(one.type == "SklearnZipMap" and probabilities in one.inputs for one in followers):
        probabilities.type = FloatTensorType(probabilities.type.shape)


def register() -> None:
    """Tell skl2onnx of `MLPClassifier` and `MLPRegressor`; importing this module does it."""
    skl2onnx = package(
        "skl2onnx", "fastnn.estimators.skl2onnx needs skl2onnx", '"fastnn-mlp[skl2onnx]"'
    )
    from skl2onnx.common import shape_calculator as shapes

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False]}
    skl2onnx.update_registered_converter(
        MLPClassifier, "FastnnMLPClassifier", _classifier_shapes, _convert, options=options
    )
    skl2onnx.update_registered_converter(
        MLPRegressor, "FastnnMLPRegressor",
        shapes.calculate_linear_regressor_output_shapes, _convert,
    )  # fmt: skip


register()
