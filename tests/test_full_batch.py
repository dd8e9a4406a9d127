"""Optimizers of the full batch: Rprop and L-BFGS."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import fastnn
from fastnn import LBFGS, Dense, Rprop, Sequential, Softmax
from fastnn.kernels.math.optimizers import rprop


def least_squares(rng, n=40, features=5):
    X = rng.normal(size=(n, features))
    return X, X @ rng.normal(size=(features, 1)) + 0.1 * rng.normal(size=(n, 1))


@numba.njit
def rprop_steps(gradients, w, previous, size):
    g = np.empty(1)
    for t in range(gradients.size):
        g[0] = gradients[t]
        rprop(w, g, previous, size, 0.1, t + 1, 0.5, 1.2, 1e-6, 50.0)


def rprop_run(gradients):
    w = np.zeros(1)
    rprop_steps(np.array(gradients), w, np.zeros(1), np.zeros(1))
    return w[0]


def test_nine_small_votes_move_rprop_on_mini_batches_and_not_on_the_full_batch():
    votes = [0.1] * 9 + [-0.9]
    assert abs(sum(votes)) < 1e-15
    assert rprop_run(votes) < -2
    assert rprop_run([0.0] * 10) == 0
    assert rprop_run([round(sum(votes), 12)]) == 0


@pytest.mark.parametrize("optimizer", [Rprop(), LBFGS()], ids=["rprop", "lbfgs"])
def test_full_batch_optimizers_refuse_mini_batches(optimizer):
    X, y = least_squares(np.random.default_rng(3))
    model = Sequential([Dense(1)], seed=1)
    model.compile(optimizer=optimizer, loss="mse")
    with pytest.raises(ValueError, match=r"full batch(?s:.*)RMSprop(?s:.*)Adam"):
        model.fit(X, y, batch_size=8, verbose=0)
    for size in (None, "auto", 40, 1000):
        model.fit(X, y, batch_size=size, verbose=0)


def test_lbfgs_solves_least_squares_and_records_history():
    X, y = least_squares(np.random.default_rng(5))
    model = Sequential([Dense(1)], seed=1, dtype="float64")
    model.compile(optimizer=LBFGS(tolerance=1e-9), loss="mse", metrics=["mae"])
    history = model.fit(X, y, epochs=100, batch_size=None, validation_data=(X, y), verbose=0)
    solution, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)
    assert_allclose(np.vstack(model.get_weights()), solution, rtol=1e-6)
    assert 2 < len(history) < 100
    assert np.all(np.diff(history["loss"]) <= 0)
    assert_allclose(history["val_loss"], history["loss"], rtol=1e-12)
    assert_allclose(history["val_mae"][-1], np.abs(model.predict(X) - y).mean(), rtol=1e-12)


def test_lbfgs_reaches_scipys_optimum_of_a_penalised_network():
    X, y = fastnn.datasets.load_iris()
    model = Sequential([Dense(3, l2=0.02), Softmax()], seed=0, dtype="float64").build(4)
    model.compile(optimizer=LBFGS(tolerance=1e-7), loss="cross_entropy")
    model.fit(X, y, epochs=300, batch_size=None, verbose=0)

    def objective(p):
        z = X.astype(float) @ p[:12].reshape(4, 3) + p[12:]
        top = z.max(axis=1, keepdims=True)
        log_sum = top[:, 0] + np.log(np.exp(z - top).sum(axis=1))
        return np.mean(log_sum - z[np.arange(150), y]) + 0.01 * np.sum(p[:12] ** 2)

    best = minimize(objective, np.zeros(15), method="BFGS", options={"gtol": 1e-6})
    assert_allclose(model.evaluate(X, y)["loss"], best.fun, rtol=1e-8)
    assert_allclose(model.get_weights()[0].ravel(), best.x[:12], atol=1e-4)


def test_lbfgs_refuses_l1():
    X, y = least_squares(np.random.default_rng(5))
    model = Sequential([Dense(1, l1=0.1)], seed=1)
    model.compile(optimizer="lbfgs", loss="mse")
    with pytest.raises(ValueError, match=r"l1=0\.1.*LBFGS needs a smooth loss"):
        model.fit(X, y, batch_size=None, verbose=0)


def test_lbfgs_goes_on_and_stops_when_asked():
    X, y = least_squares(np.random.default_rng(5))
    model = Sequential([Dense(8), fastnn.Tanh(), Dense(1)], seed=1)
    model.compile(optimizer=LBFGS(), loss="mse")
    model.fit(X, y, epochs=3, batch_size=None, verbose=0)
    before = model.history["loss"][-1]
    stop_at_two = [lambda model, history: len(history) == 5]
    history = model.fit(X, y, epochs=50, batch_size=None, callbacks=stop_at_two, verbose=0)
    assert (history.epoch, model.history.epoch) == ([4, 5], [1, 2, 3, 4, 5])
    assert history["loss"][-1] < before
    assert_allclose(model.evaluate(X, y)["loss"], history["loss"][-1], rtol=1e-5)


def test_lbfgs_leaves_frozen_layers_alone():
    X, y = least_squares(np.random.default_rng(5))
    layers = [Dense(6), fastnn.Tanh(), Dense(1)]
    first = Sequential(layers, seed=1, dtype="float64").build(5)
    model = Sequential(layers, seed=2, dtype="float64")
    model.initialize_from(first, freeze=2)
    model.compile(optimizer=LBFGS(), loss="mse")
    model.fit(X, y, epochs=10, batch_size=None, verbose=0)
    for k, (ours, theirs) in enumerate(zip(model.get_weights(), first.get_weights(), strict=True)):
        assert np.array_equal(ours, theirs) == (k < 2)
