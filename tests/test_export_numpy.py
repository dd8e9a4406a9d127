"""`to_numpy`: the same predictions, and a module that runs where only NumPy is."""

import ast
import doctest
import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import ops
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn
import fastnn.export.numpy
from fastnn import BatchNorm, Dense, Dropout, ReLU, Scale, Sequential, Softmax, Standardize
from fastnn.datasets import load_iris
from fastnn.engine.layout import Layout
from fastnn.export import formulas
from fastnn.export.numpy import to_numpy
from fastnn.kernels.codes import SELU_ALPHA, SELU_SCALE

# Predict and NumPy sum products in another order: the error is relative to the largest output.
TOLERANCE = {"float32": 3e-6, "float64": 1e-14}
EXPORTED = [op for op in ops.OPS if op.name != "own activation"]
HIDDEN = [op for op in EXPORTED if op.place == "hidden"]
each_op = pytest.mark.parametrize("op", EXPORTED, ids=ops.named)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def drawn(layers, dtype="float64", seed=0, n_features=4):
    """A model whose arrays are all drawn at random, running statistics too."""
    rng = np.random.default_rng(seed)
    model = Sequential(layers, seed=seed, dtype=dtype)
    arrays = []
    for name, shape in Layout(model.layers, n_features).array_names().items():
        # Of waves that are many in a row's numbers, rounding decides where each is.
        values = rng.normal(size=shape) * (0.05 if name.endswith("frequency") else 1)
        arrays.append(0.3 + values**2 if name.endswith(("running_var", "deviation")) else values)
    model.set_weights(arrays)
    return model


def rows(n, seed=1, n_features=4):
    X = np.random.default_rng(seed).normal(size=(n, n_features)) * 3
    X[::2, 1:2] = np.floor(X[::2, 1:2])
    return X


def close(got, expected, dtype):
    assert got.dtype == dtype
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


def imported(path):
    """A Python file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trained():
    """A model that few steps have trained: its running averages are still bias-corrected."""
    X, y = load_iris()
    model = Sequential(
        [Standardize(), Scale(), Dense(8), BatchNorm(), ReLU(), Dropout(0.2), Dense(3), Softmax()],
        seed=0,
    )
    model.compile()
    model.fit(X, y, epochs=1, verbose=0)
    return model, X


# ----------------------------------------------------------- the same predictions


@each_dtype
@each_op
def test_it_predicts_what_the_model_predicts(op, dtype):
    model = drawn(ops.network(op), dtype)
    predict = to_numpy(model)
    for X in (rows(1), rows(200), rows(7).astype(np.float32), [[1, 2, 3, 4]]):
        close(predict(X), model.predict(X), dtype)


@each_op
def test_it_agrees_with_the_reference(op):
    model, X = drawn(ops.network(op)), rows(200)
    close(to_numpy(model)(X), ops.reference_predict(model, X), "float64")


@settings(max_examples=25, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(HIDDEN), min_size=1, max_size=8),
    # No Hardmax: after a saturated tanh its choice hangs on the last bit.
    last=st.sampled_from([[], [Softmax()], [fastnn.Sigmoid()]]),
    widths=st.lists(st.integers(1, 9), min_size=8, max_size=8),
    dropped=st.sampled_from([[], [Standardize()], [Scale()], [Standardize(), Scale()]]),
    seed=st.integers(0, 2**16),
)
def test_random_networks(chosen, last, widths, dropped, seed):
    layers = [*dropped]
    for op, width in zip(chosen, widths, strict=False):
        layers += [Dense(width), op.layer()]
    model, X = drawn([*layers, *last], seed=seed), rows(20, seed)
    got, expected = to_numpy(model)(X), model.predict(X)
    # Rounding grows with each layer's weights.
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11 * scale)


def test_a_trained_model_with_everything_in_it():
    model, X = trained()
    predict = to_numpy(model)
    before = predict(X)
    close(before, model.predict(X), "float32")
    assert np.ptp(before, axis=0).min() > 0.1
    model.fit(X, load_iris()[1], verbose=0)
    np.testing.assert_array_equal(predict(X), before)


def test_an_untrained_batch_norm_passes_through_gamma_and_beta():
    model = Sequential([Dense(5), BatchNorm(), Dense(2)], seed=0).build(4)
    close(to_numpy(model)(rows(9)), model.predict(rows(9)), "float32")


@each_op
def test_great_numbers_overflow_nowhere(op):
    """Warnings are errors here."""
    model = drawn(ops.network(op), "float32")
    for size in (1e3, 1e6):
        outputs = to_numpy(model)(rows(20) * size)
        assert np.isfinite(outputs).all()
        if not op.name.startswith("periodic"):
            close(outputs, model.predict(rows(20) * size), "float32")


def test_great_logits_overflow_nowhere():
    model = drawn([Dense(3), Softmax()], "float32")
    close(to_numpy(model)(rows(20) * 1e6), model.predict(rows(20) * 1e6), "float32")


@each_op
def test_no_rows(op):
    assert to_numpy(drawn(ops.network(op)))(np.empty((0, 4))).shape == (0, 3)


def test_a_nan_stays_in_its_row():
    X = rows(3)
    X[1, 2] = np.nan
    outputs = to_numpy(drawn([Dense(5), ReLU(), Dense(3), Softmax()]))(X)
    assert np.isnan(outputs).any(axis=1).tolist() == [False, True, False]


def test_selu_has_the_constants_of_the_kernel():
    assert formulas.selu(np.array([1.0]))[0] == SELU_SCALE
    assert formulas.selu(np.array([-1e9]))[0] == pytest.approx(-SELU_SCALE * SELU_ALPHA, rel=1e-15)


# ----------------------------------------------------------- the arrays are its own


def test_its_weights_are_copies_by_name():
    model, X = trained()
    predict, before = to_numpy(model), model.predict(X)
    names = Layout(model.layers, 4).array_names()
    assert {name: a.shape for name, a in predict.weights.items()} == names
    for array, mine in zip(predict.weights.values(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, mine)
    predict.weights["2.W"][:] = 0
    np.testing.assert_array_equal(model.predict(X), before)


def test_it_leaves_x_and_the_model_alone():
    model, X = trained()
    X = X.astype(np.float32)
    kept, before = X.copy(), [a.copy() for a in model.get_weights()]
    to_numpy(model)(X)[:] = 7
    np.testing.assert_array_equal(X, kept)
    for array, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_it_pickles():
    model, X = trained()
    predict = to_numpy(model)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predict))(X), predict(X))


# ----------------------------------------------------------- the module

ALONE = """
import importlib.abc, pathlib, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("fastnn", "numba", "scipy", "llvmlite", "safetensors"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
try:
    import fastnn
except ModuleNotFoundError:
    pass
else:
    sys.exit("fastnn is there")
import numpy as np
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))
X = np.load(folder / "X.npy")
for path in sorted(folder.glob("net_*.py")):
    module = __import__(path.stem)
    np.save(path.with_suffix(".npy"), module.predict(X))
"""


def test_modules_run_where_fastnn_and_numba_are_absent(tmp_path):
    models = {
        f"net_{k}_{dtype}": drawn(ops.network(op), dtype)
        for k, op in enumerate(EXPORTED)
        for dtype in ("float32", "float64")
    }
    np.save(tmp_path / "X.npy", rows(30))
    for name, model in models.items():
        to_numpy(model, tmp_path / f"{name}.py")
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE, str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name, model in models.items():
        outputs = np.load(tmp_path / f"{name}.npy")
        np.testing.assert_array_equal(outputs, to_numpy(model)(rows(30)))


def test_the_module_can_be_read(tmp_path):
    model = Sequential([Dense(4), BatchNorm(), fastnn.LeakyReLU(0.2), Dropout(0.5), Dense(2)])
    path = tmp_path / "small.py"
    to_numpy(model.build(3), path)
    body = ast.parse(path.read_text()).body
    functions = {f.name: f for f in body if isinstance(f, ast.FunctionDef)}
    calls = [ast.unparse(node.value) for node in functions["predict"].body[1:-1]]
    assert calls == [
        "rows(X, 3, 'float32')",
        "dense(z, weights['0.W'])",
        "batchnorm(z, weights['1.gamma'], weights['1.beta'], weights['1.running_mean'], "
        "weights['1.running_var'], 1e-05)",
        "leaky_relu(z, 0.2)",
        "dense(z, weights['4.W'], weights['4.b'])",
    ]
    assert set(functions) == {"predict", "rows", "array", "dense", "batchnorm", "leaky_relu"}
    assert imported(path).weights["4.W"].shape == (4, 2)


def test_the_module_holds_the_arrays_to_the_bit(tmp_path):
    model = trained()[0]
    predict = to_numpy(model, str(tmp_path / "iris.py"))
    module = imported(tmp_path / "iris.py")
    assert list(module.weights) == list(predict.weights)
    for name, array in predict.weights.items():
        assert module.weights[name].dtype == (np.float64 if name == "0.mean" else np.float32)
        np.testing.assert_array_equal(module.weights[name], array)


def test_the_module_refuses_other_shapes(tmp_path):
    to_numpy(drawn([Dense(3)]), tmp_path / "net.py")
    with pytest.raises(ValueError, match=r"X has shape \(2, 5\); expected \(n, 4\)"):
        imported(tmp_path / "net.py").predict(np.ones((2, 5)))


@pytest.mark.parametrize("call", ["fdopen", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, call):
    path, model = tmp_path / "net.py", drawn([Dense(3)])
    to_numpy(model, path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        to_numpy(drawn([Dense(2)]), path)
    assert [p.name for p in tmp_path.iterdir()] == ["net.py"]
    assert path.read_bytes() == before


# ----------------------------------------------------------- what it refuses


@pytest.mark.parametrize("X", [[1.0, 2, 3, 4], np.ones((2, 3)), np.ones((2, 4, 1))])
def test_other_shapes_are_refused(X):
    predict = to_numpy(drawn([Dense(3)]))
    with pytest.raises(ValueError, match=r"X has shape .*; expected \(n, 4\)"):
        predict(X)


def test_an_own_activation_is_refused_and_nothing_written(tmp_path):
    model = Sequential([Dense(3), ops.own_tanh()]).build(4)
    with pytest.raises(ValueError, match=r"layer 2, Activation\(user_tanh.*; use one of fastnn's"):
        to_numpy(model, tmp_path / "net.py")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["net", "net.npz", "my-net.py", 'a"""b.py', "1st.py", "class.py"])
def test_what_python_cannot_import_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="expected a file that Python can import"):
        to_numpy(drawn([Dense(3)]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match="no weights yet; call fit"):
        to_numpy(Sequential([Dense(3)]))


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match="expected a Sequential"):
        to_numpy([Dense(3)])


def test_the_examples_run():
    failed, tried = doctest.testmod(fastnn.export.numpy)
    assert (failed, tried > 0) == (0, True)
