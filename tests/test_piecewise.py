"""Piecewise-linear encoding: its functions, the engine, exports, refusals."""

import re

import numpy as np
import pytest
import reference_network as net
from numpy.testing import assert_allclose, assert_array_equal
from twins import goes_on_as_itself, same_bits_on_any_number_of_threads

import fastnn
from fastnn import (
    Adam,
    Dense,
    Embedding,
    Members,
    PiecewiseLinearEncoding,
    ReLU,
    Scale,
    Sequential,
    Softmax,
    Standardize,
)
from fastnn.engine.layout import Layout
from fastnn.engine.limits import Room, check_ops
from fastnn.engine.plan import Program
from fastnn.kernels.codes import PIECEWISE

KNOTS = (-1.0, 0.0, 0.5, 2.0), (), (0.0, 1.0), ()
FEATURES = 4


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def alone(encoding, n, dtype="float64"):
    """A network that hands the encoding's numbers on."""
    width = encoding.n_out(n)
    return Sequential([encoding, Dense(width, init=np.eye(width))], dtype=dtype).build(n)


# ------------------------------------------------------------------ the functions


def test_a_function_is_its_height_at_its_knot_and_0_at_the_others():
    encoding = PiecewiseLinearEncoding([(-1, 0, 0.5, 2)], height=3)
    at_knots = np.array([[-1], [0], [0.5], [2]])
    found = alone(encoding, 1).predict(at_knots)
    assert_array_equal(found, np.column_stack([at_knots, 3 * np.eye(4)]))
    between = alone(encoding, 1).predict([[-0.75], [1.25], [-9.0], [1e30]])
    wanted = [[0.75, 0.25, 0, 0], [0, 0, 0.5, 0.5], [1, 0, 0, 0], [0, 0, 0, 1]]
    assert_array_equal(between[:, 1:], 3 * np.array(wanted))


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 2e-6), ("float64", 1e-14)])
def test_numbers_come_first_and_functions_behind_them(dtype, bound, rng):
    X = 2 * rng.normal(size=(300, FEATURES))
    X[0, 0], X[1, 2], X[2, 1] = np.nan, np.nan, np.nan
    encoding = PiecewiseLinearEncoding(KNOTS, 2.0)
    found = alone(encoding, FEATURES, dtype)
    y = found.to_numpy()(X)
    wanted = net.layer_forward(("piecewise", KNOTS, 2.0), X.astype(dtype))
    # A product hands a NaN on to all columns.
    known = ~np.isnan(X).any(axis=1)
    assert_allclose(y[known], wanted[known], atol=bound)
    assert_allclose(found.predict(X[known]), wanted[known], atol=bound)
    assert np.isnan(y[~known]).any(axis=1).all()


def test_any_function_that_bends_at_the_knots_is_a_product(rng):
    X = rng.uniform(-2, 3, (200, 1))
    y = 0.3 * X[:, 0] + np.interp(X[:, 0], [-1, 0, 0.5, 2], [4, -1, 2, 0])
    model = Sequential([PiecewiseLinearEncoding([(-1, 0, 0.5, 2)]), Dense(1)], dtype="float64")
    model.compile("lbfgs", "mse")
    model.fit(X, y, epochs=100, batch_size=None, verbose=0)
    assert model.evaluate(X, y)["loss"] < 1e-8


def test_knots_are_quantiles_of_rows(rng):
    X = np.column_stack([
        rng.normal(size=1000), rng.integers(0, 2, 1000), rng.integers(0, 4, 1000),
        np.full(1000, 7.0), np.full(1000, np.nan), rng.exponential(size=1000),
    ])  # fmt: skip
    X[:100, 5] = np.nan
    knots = PiecewiseLinearEncoding.of(X).knots
    assert [len(own) for own in knots] == [9, 0, 4, 0, 0, 9]
    assert knots[2] == (0, 1, 2, 3)
    for j, rows in ((0, X[:, 0]), (5, X[100:, 5])):
        assert_allclose(knots[j], np.quantile(rows, np.linspace(0, 1, 9)), rtol=1e-6)
    assert [len(own) for own in PiecewiseLinearEncoding.of(X, bins=2).knots] == [3, 0, 3, 0, 0, 3]


def test_knots_that_float32_cannot_tell_apart_are_one():
    X = (1e7 + 1e-3 * np.arange(100))[:, None]
    assert PiecewiseLinearEncoding.of(X).knots == ((),)
    X = np.append(X[:, 0], 2e7)[:, None]
    own = PiecewiseLinearEncoding.of(X, bins=3).knots[0]
    assert own == () or (np.diff(np.float32(own)) > 0).all()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.int64, np.float16, np.float32])
def test_knots_of_rows_of_any_type_are_those_of_the_same_numbers(dtype):
    X = np.array([[0, 1, 100], [1, 0, 20], [0, 1, 120], [1, 1, 3]]).astype(dtype)
    if dtype is not bool:
        X[0, 2], X[3, 2] = (-100, 120) if X.dtype.kind != "u" else (0, 255)
    knots = PiecewiseLinearEncoding.of(X, bins=4).knots
    assert knots == PiecewiseLinearEncoding.of(X.astype(float), bins=4).knots
    assert PiecewiseLinearEncoding([np.array([0, 1], dtype)]).knots == ((0, 1),)


# ------------------------------------------------------------------ the engine


def layers(*first):
    return [*first, PiecewiseLinearEncoding(KNOTS), Dense(6), ReLU(), Dense(3), Softmax()]


@pytest.mark.parametrize(
    "network",
    [layers(), layers(Standardize()), [PiecewiseLinearEncoding(KNOTS), Scale(), *layers()[1:]],
     [PiecewiseLinearEncoding(KNOTS), Members(3), *layers()[1:]],
     [PiecewiseLinearEncoding(KNOTS), Embedding(3, 2, column=3), *layers()[1:]]],
)  # fmt: skip
def test_gradients_of_what_follows_it(network, rng):
    X, y = rng.normal(size=(40, FEATURES)), rng.integers(0, 3, 40)
    X[:, 3] = rng.integers(0, 3, 40)
    model = Sequential(network, seed=1, dtype="float64")
    model.compile(Adam(0.01))
    model.fit(X, y, verbose=0)
    assert fastnn.check_gradient(model, X, y) <= 1e-6


def test_an_embedding_reads_the_codes_that_it_hands_on(rng):
    network = [PiecewiseLinearEncoding(KNOTS), Embedding(5, 2, column=3), Dense(1)]
    model = Sequential(network, seed=0).build(FEATURES)
    assert model._network.layout.codes == {1: 3}
    X = rng.normal(size=(5, FEATURES))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"where Embedding.* reads a code"):
        model.fit(X, np.zeros(5), verbose=0)


def test_any_number_of_threads_computes_the_same_bits(threads):
    knots = [(), *[tuple(np.linspace(-2, 2, 9))] * 19]
    same_bits_on_any_number_of_threads(
        [PiecewiseLinearEncoding(knots), Dense(256), ReLU(), Dense(3), Softmax()], threads
    )


@pytest.mark.parametrize("network", [layers(), layers(Standardize())])
def test_it_is_saved_copied_and_continued(network, tmp_path, rng):
    X, y = rng.normal(size=(40, FEATURES)), rng.integers(0, 3, 40)
    model = Sequential(network, seed=0)
    model.compile(Adam(0.01))
    model.fit(X, y, epochs=2, batch_size=16, verbose=0)
    other = Sequential(network, seed=9)
    other.set_weights(model.get_weights())
    assert_array_equal(other.predict(X), model.predict(X))
    goes_on_as_itself(model, X, y, tmp_path / "pieces.safetensors")


def exported(knots, dtype, rng):
    """A model, rows on its knots and beyond them, and what it predicts."""
    network = [PiecewiseLinearEncoding(knots, 2.0), Dense(5), ReLU(), Dense(3), Softmax()]
    model = Sequential(network, seed=0, dtype=dtype).build(FEATURES)
    X = (3 * rng.normal(size=(50, FEATURES))).astype(dtype)
    X[:4, 0] = -1, 0, 2, 1e6
    return model, X, {"desired": model.predict(X), "atol": 1e-5 if dtype == "float32" else 1e-12}


FAR = (-1, 2), (2.0**54, 2.0**55), (-1e37, 0, 1e37), ()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("knots", [KNOTS, FAR, ((),) * 4])
def test_onnx_and_numpy_predict_the_same(knots, dtype, tmp_path, rng):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, X, same = exported(knots, dtype, rng)
    assert_allclose(model.to_numpy()(X), **same)
    model.to_onnx(tmp_path / "pieces.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "pieces.onnx")
    assert_allclose(session.run(None, {"input": X})[0], **same)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("knots", [KNOTS, FAR, ((),) * 4])
def test_pytorch_predicts_the_same(knots, dtype, rng):
    torch = pytest.importorskip("torch")
    model, X, same = exported(knots, dtype, rng)
    with torch.no_grad():
        assert_allclose(model.to_torch()(torch.from_numpy(X)), **same)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PiecewiseLinearEncoding(()), r"knots=\(\)\): expected a sequence of knots f"),
        (lambda: PiecewiseLinearEncoding(8), r"of\(X\) takes them from rows"),
        (lambda: PiecewiseLinearEncoding("abc"), "expected a sequence of knots"),
        (lambda: PiecewiseLinearEncoding([(), (1,)]), r"knots\[1\] is \(1,\); expected two or mor"),
        (lambda: PiecewiseLinearEncoding([(0, 1, 1)]), "numbers that ascend"),
        (lambda: PiecewiseLinearEncoding([(1, 1 + 1e-9)]), "apart as float32"),
        (lambda: PiecewiseLinearEncoding([(0, np.inf)]), "within 1e[+]37 of 0"),
        (lambda: PiecewiseLinearEncoding([(0, np.nan)]), "within 1e[+]37 of 0"),
        (lambda: PiecewiseLinearEncoding([((0, 1), (2, 3))]), r"knots\[0\] is"),
        (lambda: PiecewiseLinearEncoding([("a", "b")]), r"knots\[0\]"),
        (lambda: PiecewiseLinearEncoding(KNOTS, 0), r"height=0\): expected a finite number above"),
        (lambda: PiecewiseLinearEncoding(KNOTS, 1e39), r"height=1e[+]39\): expected no more than"),
        (lambda: PiecewiseLinearEncoding.of([1, 2]), r"X has shape \(2,\); expected \(rows, n\)"),
        (lambda: PiecewiseLinearEncoding.of([[np.inf], [1]]), "X holds inf"),
        (lambda: PiecewiseLinearEncoding.of([[0], [-2e37]]), "X holds -2e[+]37; expected n"),
        (lambda: PiecewiseLinearEncoding.of([["a"], ["b"]]), "expected real numbers"),
        (lambda: PiecewiseLinearEncoding.of([[1], [2]], bins=1), "bins"),
        (lambda: Sequential(layers()).build(3),
         r"\(6 knots for 4 columns\) has knots for 4 columns, but its input has 3: give each col"),
        (lambda: Sequential([Dense(4), *layers()]),
         "PiecewiseLinearEncoding is layer 2; expected it first, or right after Standardize"),
        (lambda: Sequential(layers(PiecewiseLinearEncoding(KNOTS))), "is layer 2; expected it fir"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_it_shows_how_many_knots_it_has():
    assert repr(PiecewiseLinearEncoding([(0, 1)])) == "PiecewiseLinearEncoding(2 knots)"
    shown = repr(PiecewiseLinearEncoding(KNOTS, 2))
    assert shown == "PiecewiseLinearEncoding(6 knots for 4 columns, height=2)"
    assert re.search("PiecewiseLinear", repr(Sequential(layers())))


@pytest.mark.parametrize(
    ("at", "field", "value"), [(0, "n_out", 9), (0, "n_in", 3), (1, "kind", PIECEWISE)]
)
def test_a_table_with_other_knots_than_the_layers_is_refused(at, field, value):
    program = Program(Layout(layers(), FEATURES), 8)
    ops = program.ops.copy()
    ops[at][field] = value
    if field == "n_out":
        ops[1]["n_in"] = ops[1]["depth"] = value
    room = Room(10**6, 10**6, 8, 1, program.layout.n_parameters, program.n_fused, 0, True)
    widths = [int(ops[0]["n_in"]), *ops["n_out"].tolist()]
    with pytest.raises(ValueError, match=r"does not fit|has knots for 4 columns"):
        check_ops(ops, program.layout.layers, widths, room, trains=False)
    check_ops(program.ops, program.layout.layers, program.layout.widths, room, trains=False)
