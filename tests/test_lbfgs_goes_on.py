"""L-BFGS in parts is L-BFGS in one go, to the bit; what it knows is dropped where it is wrong."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import LBFGS, SGD, Dense, EarlyStopping, Sequential, Tanh
from fastnn.training.curvature import Curvature, Point, next_point

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 6))
Y = np.sin(X[:, :2])


def network(dtype="float32", **settings):
    model = Sequential([Dense(10), Tanh(), Dense(2)], seed=0, dtype=dtype)
    model.compile(LBFGS(**settings), loss="mse")
    return model


def fit(model, *parts, y=Y):
    for epochs in parts:
        model.fit(X, y, epochs=epochs, batch_size=None, verbose=0)
    return model


def assert_same(one, other):
    assert one.history["loss"] == other.history["loss"]
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parts", [(10, 10), (1,) * 20, (13, 7)])
def test_two_fits_are_one(dtype, parts):
    assert_same(fit(network(dtype), *parts), fit(network(dtype), 20))


def test_a_file_a_copy_and_a_snapshot_go_on(tmp_path):
    whole, model = fit(network(), 20), fit(network(), 10)
    model.save(tmp_path / "model.safetensors")
    assert_same(fit(fastnn.load(tmp_path / "model.safetensors"), 10), whole)
    assert_same(fit(copy.deepcopy(model), 10), whole)
    before = model.snapshot()
    fit(model, 5).restore(before)
    fit(model, 10)
    assert model.history["loss"][15:] == whole.history["loss"][10:]


def test_where_it_has_ended_it_stays():
    model = Sequential([Dense(2)], seed=0)
    model.compile(LBFGS(tolerance=0.0), loss="mse")
    fit(model, 500)
    ended = len(model.history)
    assert ended < 100
    weights = model.get_weights()
    fit(model, 50)
    assert len(model.history) == ended
    for a, b in zip(model.get_weights(), weights, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("change", ["targets", "weights", "optimizer"])
def test_what_it_knows_of_another_loss_is_dropped(change):
    model, twin = fit(network(), 10), network()
    y = Y[:, ::-1] if change == "targets" else Y
    twin.build(6).set_weights(model.get_weights())
    if change == "weights":
        doubled = [2 * w for w in model.get_weights()]
        model.set_weights(doubled)
        twin.set_weights(doubled)
    if change == "optimizer":
        model.compile(SGD(0.1), loss="mse")
        model.compile(LBFGS(), loss="mse")
    fit(model, 10, y=y)
    fit(twin, 10, y=y)
    assert model.history["loss"][10:] == twin.history["loss"]


def test_fewer_pairs_may_be_kept():
    assert len(fit(network(memory=3), 9)._network.curvature.steps) == 3
    model = fit(network(), 9)
    assert len(model._network.curvature.steps) == 9
    model.compile(LBFGS(memory=2), loss="mse")
    assert len(fit(model, 1)._network.curvature.steps) == 2


def test_early_stopping_keeps_the_best_iteration():
    model, stopping = network(), EarlyStopping(patience=5)
    model.fit(X[:40], Y[:40], epochs=200, batch_size=None, callbacks=[stopping], verbose=0,
              validation_data=(X[40:], Y[40:]))  # fmt: skip
    assert model.epoch == stopping.best_epoch + 5
    found = model.evaluate(X[40:], Y[40:])["loss"]
    assert_allclose(found, min(model.history["val_loss"]), rtol=1e-12)


def test_a_loss_that_is_not_finite_at_the_start_is_a_divergence():
    model = network().build(6)
    model.set_weights([np.full_like(w, 1e38) for w in model.get_weights()])
    with pytest.raises(fastnn.DivergenceError):
        fit(model, 3)
    assert len(model.history) == 0


# -------------------------------------------------------------------- the mathematics


def two_loops(steps, changes, gradient):
    """Nocedal & Wright 2006, algorithm 7.4."""
    q, shares = -gradient, []
    pairs = list(zip(steps, changes, strict=True))
    for s, y in reversed(pairs):
        shares.append((s @ q) / (s @ y))
        q = q - shares[-1] * y
    s, y = pairs[-1]
    q = q * (s @ y) / (y @ y)
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        q = q + (share - (y @ q) / (s @ y)) * s
    return q


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_direction_is_that_of_the_two_loops(k):
    A = rng.normal(size=(30, 30))
    steps, gradient = rng.normal(size=(k, 30)), rng.normal(size=30)
    changes = steps @ (A @ A.T + np.eye(30))
    expected = two_loops(steps, changes, gradient)
    assert_allclose(Curvature(steps, changes, gradient).direction(), expected, rtol=1e-9)


def test_the_first_direction_is_down_the_gradient_and_at_most_of_length_1():
    for size in (0.1, 50.0):
        gradient = np.full(4, size)
        direction = Curvature.nothing(gradient).direction()
        assert_allclose(direction, -gradient / max(1, np.linalg.norm(gradient)))


def test_a_step_along_which_the_gradient_does_not_grow_teaches_nothing():
    old, new = Point(np.zeros(2), 1.0, np.ones(2)), Point(np.ones(2), 0.5, np.zeros(2))
    known = Curvature.nothing(old.gradient).after(old, new, 10)
    assert len(known.steps) == 0
    assert_array_equal(known.gradient, new.gradient)


def test_no_point_is_found_where_none_is_lower():
    def bowl(x):
        return float(x @ x), 2 * x

    start = Point(np.zeros(2), 0.0, np.zeros(2))
    assert next_point(bowl, start, np.ones(2)) is None
    start = Point(np.ones(2), 2.0, 2 * np.ones(2))
    assert next_point(bowl, start, -np.ones(2)).value == 0

    def cliff(x):
        return (np.nan, x) if x[0] < 0 else bowl(x)

    assert 0 <= next_point(cliff, start, -3 * np.ones(2)).x[0] < 1
