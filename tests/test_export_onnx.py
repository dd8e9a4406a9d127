"""ONNX files: what onnxruntime computes from them is what the model predicts."""

import doctest
import os
import re
import sys

import numpy as np
import ops
import pytest
from export_models import (
    FEATURES,
    ROWS,
    assert_agree,
    each_dtype,
    each_op,
    inputs,
    model_around,
    own_activation,
    random_model,
    unknown_layers,
    with_drawn_arrays,
)
from scipy.special import erf

import fastnn.export.onnx
from fastnn import ELU, GELU, BatchNorm, Dense, Dropout, Identity, ReLU, Sequential, Softmax
from fastnn.export.onnx import model_proto, to_onnx

onnx = pytest.importorskip("onnx")


def session(proto):
    runtime = pytest.importorskip("onnxruntime")
    data = proto if isinstance(proto, str) else proto.SerializeToString()
    return runtime.InferenceSession(data, providers=["CPUExecutionProvider"])


def outputs(model, X):
    """What onnxruntime computes; where it has no erf, onnx's own evaluator with SciPy's erf."""
    proto = model_proto(model)
    if X.dtype == np.float32 or "Erf" not in op_types(model):
        return session(proto).run(["output"], {"input": X})[0]
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class Erf(OpRun):
        def _run(self, x):
            return (erf(x),)

    return ReferenceEvaluator(proto, new_ops=[Erf]).run(None, {"input": X})[0]


def op_types(model):
    return [node.op_type for node in model_proto(model).graph.node]


@each_dtype
@each_op
def test_onnxruntime_agrees(op, dtype):
    model = model_around(op, dtype)
    for n in ROWS:
        X = inputs(n, dtype)
        assert_agree(outputs(model, X), model.predict(X))


@each_dtype
@each_op
def test_onnxruntime_agrees_on_large_values(op, dtype):
    model = model_around(op, dtype)
    X = inputs(20, dtype, scale=3e4)
    assert_agree(outputs(model, X), model.predict(X))


@each_dtype
@pytest.mark.parametrize("seed", [*range(20), 41, 50, 76, 118])
def test_onnxruntime_agrees_on_random_networks(seed, dtype):
    model = random_model(seed, dtype)
    X = inputs(50, dtype)
    assert_agree(outputs(model, X), model.predict(X))


def test_the_file_states_its_form():
    proto = model_proto(Sequential([Dense(3), Softmax()], seed=0).build(FEATURES))
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 18)]
    assert (proto.ir_version, proto.producer_name) == (8, "fastnn")
    assert proto.graph.doc_string == "Dense 3, Softmax"
    for [value], name, width in (
        (proto.graph.input, "input", FEATURES),
        (proto.graph.output, "output", 3),
    ):
        rows, columns = value.type.tensor_type.shape.dim
        assert (value.name, rows.dim_param, columns.dim_value) == (name, "batch", width)


def test_layers_that_do_nothing_in_prediction_leave_no_node():
    layers = [Dropout(0.5), Dense(3), BatchNorm(), ReLU(), Identity(), Dense(2), Dropout(0.5)]
    model = Sequential(layers, seed=0).build(FEATURES)
    assert op_types(model) == ["MatMul", "BatchNormalization", "Relu", "Gemm"]


def test_constants_are_as_exact_as_the_type():
    model = Sequential([Dense(1), ELU(0.1)], seed=0, dtype="float64").build(1)
    model.set_weights([[[1.0]], [0.0]])
    assert outputs(model, np.array([[-50.0]])) == -0.1


@pytest.mark.parametrize("op", ops.ACTIVATIONS[:-1], ids=ops.named)
def test_a_product_that_follows_is_as_exact_as_the_type(op):
    layers = [*ops.network(op)[:-1], Dense(3, bias=False)]
    model = with_drawn_arrays(Sequential(layers, seed=0, dtype="float64").build(FEATURES))
    X = inputs(20, "float64")
    assert_agree(outputs(model, X), model.predict(X))


def test_epsilon_is_as_exact_as_the_type():
    model = Sequential([BatchNorm(epsilon=0.1), Dense(1)], seed=0, dtype="float64").build(1)
    model.set_weights([[1.0], [0.0], [0.0], [0.0], [[1.0]], [0.0]])
    assert outputs(model, np.array([[1.0]])) == pytest.approx(1 / np.sqrt(0.1), rel=1e-15)


def test_gelu_is_written_as_runtimes_know_it():
    model = Sequential([Dense(2), GELU()], seed=0).build(FEATURES)
    assert op_types(model) == ["Gemm", "Div", "Erf", "Add", "Mul", "Mul"]


def test_later_training_leaves_the_proto_alone():
    model = Sequential([Dense(1)], seed=0).build(FEATURES)
    proto = model_proto(model)
    before = proto.SerializeToString()
    model.set_weights([np.ones((FEATURES, 1)), [1.0]])
    assert proto.SerializeToString() == before
    assert model_proto(model).SerializeToString() != before


# ----------------------------------------------------------------------- files


def test_a_file_is_written_and_loads(tmp_path):
    model = random_model(1)
    path = tmp_path / "model.onnx"
    to_onnx(model, path)
    to_onnx(model, str(path))
    onnx.checker.check_model(str(path), full_check=True)
    X = inputs(7, "float32")
    assert_agree(session(str(path)).run(None, {"input": X})[0], model.predict(X))
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        to_onnx(random_model(1), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.onnx"]


# -------------------------------------------------------------------- refusals


def test_every_layer_but_the_users_own_is_known():
    assert unknown_layers() == {"Activation"}


def test_an_own_activation_is_refused(tmp_path):
    text = "to_onnx knows no formula for layer 2, Activation(user_tanh, user_tanh_derivative); use"
    with pytest.raises(ValueError, match=re.escape(text)):
        to_onnx(own_activation(), tmp_path / "model.onnx")
    assert os.listdir(tmp_path) == []


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match="the model has no weights yet; call fit, or build"):
        model_proto(Sequential([Dense(1)]))


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="got 'model'; expected a Sequential"):
        model_proto("model")


def test_without_onnx_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=re.escape('pip install "fastnn-mlp[onnx]"')):
        to_onnx(random_model(1), tmp_path / "model.onnx")


@pytest.mark.parametrize("module", [fastnn.export, fastnn.export.onnx])
def test_the_examples_run(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)
