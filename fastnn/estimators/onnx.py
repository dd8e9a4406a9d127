"""A fitted estimator in ONNX: the user's X in, labels and probabilities or numbers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators.convert import networks_of
from fastnn.estimators.tables import TableEncoder
from fastnn.export.nodes import Nodes, answers_of, joined, softly_scaled
from fastnn.files.whole import write_whole
from fastnn.inputs.packages import package
from fastnn.inputs.paths import as_path


def to_onnx(e: Any, path: str | Path) -> None:
    """Write a fitted estimator as an ONNX file; see `BaseMLP.to_onnx`."""
    write_whole(as_path(path), estimator_proto(e).SerializeToString())


def estimator_proto(e: Any) -> Any:
    """The ``onnx.ModelProto`` that `to_onnx` writes, checked by onnx."""
    package("onnx", "to_onnx needs onnx", '"fastnn-mlp[onnx]"')
    check_is_fitted(e)
    networks = networks_of(e)
    before, features = _before(e, networks)
    return joined(before, features, networks, _after(e, networks))


def _before(e: Any, networks: list[Any]) -> tuple[Any, list[str]]:
    """From X to what the networks read: a model, and the names of its outputs."""
    from onnx import TensorProto, helper

    nodes, dtype = Nodes(), helper.np_dtype_to_tensor_dtype(networks[0].dtype)
    n_in = networks[0]._built().layout.n_in
    encoder = getattr(e, "_inputs", None)
    if encoder is None:
        inputs, x = [_matrix("input", dtype, n_in)], "input"
    elif encoder.encoder is None and not len(encoder.left_out):
        inputs = [_matrix("input", TensorProto.DOUBLE, e.n_features_in_)]
        x = _scaled(nodes, "input", encoder)
    else:
        inputs, x = _columns(e, nodes, encoder)
    features = [nodes.call(x, f"features{k}") for k in range(len(networks))]
    outputs = [_matrix(name, dtype, n_in) for name in features]
    return nodes.model(inputs, outputs), features


def _matrix(name: str, kind: int, columns: int) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, ["batch", columns])


def _columns(e: Any, nodes: Nodes, encoder: TableEncoder) -> tuple[list[Any], str]:
    """An input for each column of a table, and what the networks read of them."""
    from onnx import TensorProto

    names = list(getattr(e, "feature_names_in_", [f"x{k}" for k in range(e.n_features_in_)]))
    inputs, parts = {}, []
    for k, categories, codes, unseen in encoder.codes():
        words = any(isinstance(category, str) for category in categories)
        inputs[k] = _matrix(names[k], TensorProto.STRING if words else TensorProto.DOUBLE, 1)
        by = _of_words if words else _of_numbers
        parts.append(by(nodes, names[k], categories, codes, unseen))
    for k in encoder.others(len(names)):
        inputs[k] = _matrix(names[k], TensorProto.DOUBLE, 1)
        parts.append(names[k])
    x = nodes.add("Concat", *parts, axis=1)
    return [inputs[k] for k in sorted(inputs)], _scaled(nodes, x, encoder)


def _scaled(nodes: Nodes, x: str, encoder: TableEncoder) -> str:
    """`TableEncoder.transform` of columns of numbers."""
    from onnx import TensorProto

    if len(encoder.gaps):
        gaps = nodes.add(
            "IsNaN", nodes.add("Gather", x, nodes.constant(encoder.gaps, np.int64), axis=1)
        )
        x = nodes.add("Concat", x, nodes.add("Cast", gaps, to=TensorProto.DOUBLE), axis=1)
    x = softly_scaled(nodes, x, encoder.median, encoder.factor)
    return nodes.add("Where", nodes.add("IsNaN", x), nodes.constant(0.0, np.float32), x)


def _of_words(nodes: Nodes, name: str, categories: Any, codes: Any, unseen: Any) -> str:
    """A text's codes; "" stands for a missing one, where it is no category itself."""
    texts = [c for c in categories if isinstance(c, str)]
    places = [k for k, c in enumerate(categories) if isinstance(c, str)]
    missing = [k for k, c in enumerate(categories) if not isinstance(c, str)]
    if missing and "" not in texts:
        texts, places = [*texts, ""], [*places, missing[0]]
    place = nodes.add(
        "LabelEncoder", name, domain="ai.onnx.ml", keys_strings=texts, values_int64s=places,
        default_int64=len(categories),
    )  # fmt: skip
    row = nodes.add("Reshape", place, nodes.constant([-1], np.int64))
    return nodes.add("Gather", np.vstack([codes, unseen]), row, axis=0)


def _of_numbers(nodes: Nodes, name: str, categories: Any, codes: Any, unseen: Any) -> str:
    """A number's codes; NaN stands for a missing one."""
    from onnx import TensorProto

    known = [k for k, c in enumerate(categories) if c is not None and c == c]
    missing = np.setdiff1d(np.arange(len(categories)), known)
    numbers = np.array([float(categories[k]) for k in known])[None]
    found = nodes.add("Cast", nodes.add("Equal", name, numbers), to=TensorProto.DOUBLE)
    # A category counts for what sets it apart from an unseen one.
    found = nodes.add("MatMul", found, codes[known] - unseen)
    if len(missing):
        gap = nodes.add("Cast", nodes.add("IsNaN", name), to=TensorProto.DOUBLE)
        gap = nodes.add("MatMul", gap, codes[missing[:1]] - unseen)
        found = nodes.add("Add", found, gap)
    return nodes.add("Add", found, unseen[None])


def _after(e: Any, networks: list[Any]) -> Any:
    """From the networks' outputs to what the estimator predicts."""
    from onnx import TensorProto, helper

    nodes, kind = Nodes(), helper.np_dtype_to_tensor_dtype(networks[0].dtype)
    found = []
    for k, one in enumerate(getattr(e, "estimators_", [e])):
        answer = nodes.add("Cast", f"network{k}", to=TensorProto.DOUBLE)
        found.append(answer if is_classifier(e) else _numbers(nodes, one, answer))
    mean = nodes.add("Div", nodes.add("Sum", *found), float(len(found)))
    width = networks[0]._built().layout.n_out
    if not is_classifier(e):
        nodes.call(mean, "prediction")
        outputs = [_matrix("prediction", TensorProto.DOUBLE, width)]
        return nodes.model(answers_of(networks), outputs)
    label = _label(e, nodes, mean, width)
    if len(e.classes_) == 1:
        mean = nodes.add("Add", nodes.add("Mul", mean, 0.0), 1.0)
    elif width == 1:
        mean = nodes.add("Concat", nodes.add("Sub", 1.0, mean), mean, axis=1)
        width = 2
    nodes.call(nodes.add("Cast", mean, to=kind), "probabilities")
    return nodes.model(answers_of(networks), [label, _matrix("probabilities", kind, width)])


def _numbers(nodes: Nodes, e: Any, answer: str) -> str:
    """The targets that a regressor's network stands for."""
    if e.out_activation_ == "exp":
        answer = nodes.add("Exp", answer)
    units = e._units(e._machine.n_out)
    if units is None:
        return answer
    scale, mean = units
    return nodes.add("Add", nodes.add("Mul", answer, scale[None]), mean[None])


def _label(e: Any, nodes: Nodes, mean: str, width: int) -> Any:
    """The output "label": (batch,) of the classes, or 0 and 1 (batch, labels)."""
    from onnx import TensorProto, helper

    if e._label_binarizer.y_type_ == "multilabel-indicator":
        above = nodes.add("Greater", mean, 0.5)
        nodes.call(nodes.add("Cast", above, to=TensorProto.INT64), "label")
        return _matrix("label", TensorProto.INT64, width)
    if width > 1:
        place = nodes.add("ArgMax", mean, axis=1, keepdims=0)
    else:
        above = nodes.add("Cast", nodes.add("Greater", mean, 0.5), to=TensorProto.INT64)
        place = nodes.add("Reshape", above, nodes.constant([-1], np.int64))
        place = nodes.add("Mul", place, nodes.constant(int(len(e.classes_) > 1), np.int64))
    classes = e.classes_.astype(
        {"f": float, "b": int, "i": int, "u": int}.get(e.classes_.dtype.kind, str)
    )
    text = classes.dtype.kind == "U"
    names = nodes.constant(classes, object if text else classes.dtype)
    nodes.call(nodes.add("Gather", names, place, axis=0), "label")
    kind = TensorProto.STRING if text else helper.np_dtype_to_tensor_dtype(classes.dtype)
    return helper.make_tensor_value_info("label", kind, ["batch"])
