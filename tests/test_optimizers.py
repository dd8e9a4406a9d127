"""Optimizers against external values, alone and through a model; limits, penalties, schedules."""

import json
import math
from pathlib import Path

import numba
import numpy as np
import pytest
import reference_optimizers as ref
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import SGD, Adam, BatchNorm, Dense, ReLU, Sequential
from fastnn.kernels import codes
from fastnn.kernels.math import optimizers as kernels

TABLE = json.loads((Path(__file__).parent / "tables" / "optimizers.json").read_text())
A, b = np.array(TABLE["A"]), np.array(TABLE["b"])
CLASSES = {
    "sgd": SGD, "rmsprop": fastnn.RMSprop, "adam": Adam, "adamw": fastnn.AdamW,
    "nadam": fastnn.NAdam, "rprop": fastnn.Rprop,
}  # fmt: skip
RENAMED = {"beta1": "beta_1", "beta2": "beta_2"}
APART = ("clip_norm", "clip_value", "l2")
each_run = pytest.mark.parametrize("run", TABLE["runs"], ids=lambda run: run["name"])


def optimizer_of(run):
    hyper = {RENAMED.get(k, k): v for k, v in run["hyper"].items() if k not in APART}
    return CLASSES[run["optimizer"]](**hyper)


@numba.njit
def table_loss(prediction, target, dprediction):
    """w^T A w / 2 + sum sin w - b^T w of the table, w the prediction."""
    value = 0.0
    for i in range(6):
        w, Aw = prediction[i], 0.0
        for j in range(6):
            Aw += A[i, j] * prediction[j]
        dprediction[i] = Aw + math.cos(w) - b[i]
        value += 0.5 * w * Aw + math.sin(w) - b[i] * w
    return value


def weights_as_prediction(start, optimizer, loss=table_loss, **layer):
    """A model whose output, for the one row [[1]], is its weight row: W is the loss's variable."""
    init = np.asarray(start, float)[None, :]
    model = Sequential([Dense(init.size, init=init, bias=False, **layer)], seed=0, dtype="float64")
    model.compile(optimizer=optimizer, loss=loss)
    return model


ONE, TARGET = np.ones((1, 1)), np.zeros((1, 6))


# -------------------------------------------------------------- external tables


@numba.njit
def kernel_step(hyper, w, g, m, v, rate, t, decay, l2, clip_value):
    if clip_value > 0:
        kernels.clip(g, clip_value)
    if l2 > 0:
        kernels.regularize(w, g, l2)
    if decay > 0:
        kernels.scale(w, 1.0 - rate * decay)
    kernels.update(hyper[0], w, g, m, v, kernels.step_of(hyper[0], rate, 1.0, t))


@each_run
def test_kernel_agrees_with_the_table(run):
    hyper, optimizer = run["hyper"], optimizer_of(run)
    record = np.zeros(1, codes.CONTEXT)
    record["optimizer"] = optimizer.kind
    for name, value in optimizer.settings().items():
        record[name] = value
    w, m, v = np.array(run["weights"][0]), np.zeros(6), np.zeros(6)
    for t, expected in enumerate(run["weights"][1:], start=1):
        g = A @ w + np.cos(w) - b
        if "clip_norm" in hyper:
            g *= min(1, hyper["clip_norm"] / (np.linalg.norm(g) + 1e-6))
        extra = [hyper.get(k, 0.0) for k in ("weight_decay", "l2", "clip_value")]
        kernel_step(record, w, g, m, v, hyper["learning_rate"], t, *map(float, extra))
        assert_allclose(w, expected, rtol=1e-12, atol=1e-12)


@each_run
def test_model_agrees_with_the_table(run):
    model = weights_as_prediction(
        run["weights"][0], optimizer_of(run), l2=run["hyper"].get("l2", 0.0)
    )
    limits = {k: v for k, v in run["hyper"].items() if k.startswith("clip_")}
    model.compile(optimizer=optimizer_of(run), loss=table_loss, **limits)
    for expected in run["weights"][1:]:
        model.fit(ONE, TARGET, batch_size=None, verbose=0)
        assert_allclose(model.get_weights()[0][0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_with_epsilon_inside_the_root(momentum):
    hyper = {"rho": 0.9, "epsilon": 1e-2, "momentum": momentum, "inside_root": True}
    start = np.array(TABLE["runs"][0]["weights"][0])
    model = weights_as_prediction(start, fastnn.RMSprop(0.05, **hyper))
    model.fit(ONE, TARGET, epochs=20, verbose=0)
    expected = ref.minimise("rmsprop", lambda w: A @ w + np.cos(w) - b, start, 20, 0.05, **hyper)
    assert_allclose(model.get_weights()[0][0], expected[-1], rtol=1e-12)


def test_adam_with_epsilon_before_the_correction():
    start = np.array(TABLE["runs"][0]["weights"][0])
    optimizer = Adam(0.05, beta_2=0.99, epsilon=0.1, epsilon_hat=True)
    model = weights_as_prediction(start, optimizer)
    model.fit(ONE, TARGET, epochs=20, verbose=0)
    hyper = {"beta2": 0.99, "epsilon": 0.1, "epsilon_hat": True}
    expected = ref.minimise("adam", lambda w: A @ w + np.cos(w) - b, start, 20, 0.05, **hyper)
    assert_allclose(model.get_weights()[0][0], expected[-1], rtol=1e-12)
    del hyper["epsilon_hat"]
    other = ref.minimise("adam", lambda w: A @ w + np.cos(w) - b, start, 20, 0.05, **hyper)
    assert np.abs(other[-1] - expected[-1]).max() > 1e-3


# ---------------------------------------------------- factors of the learning rate


@pytest.mark.parametrize("clip_norm", [None, 1e9])
@pytest.mark.parametrize("wide", [False, True])
def test_each_layer_learns_at_its_own_rate(wide, clip_norm):
    rng = np.random.default_rng(0)
    units = 300 if wide else 4
    X, y = rng.normal(size=(64, 200 if wide else 5)), rng.normal(size=64)
    plain = [fastnn.Scale(), Dense(units), fastnn.Tanh(), Dense(1)]
    own = [
        fastnn.Scale(rate=6.0), Dense(units, rate=0.5, bias_rate=0.25), fastnn.Tanh(),
        Dense(1, rate=0.0, bias_rate=2.0),
    ]  # fmt: skip
    moves = []
    for layers in (plain, own):
        model = Sequential(layers, seed=0, dtype="float64").build(X.shape[1])
        start = model.get_weights()
        model.compile(Adam(1e-3), "mse", clip_norm=clip_norm)
        model.fit(X, y, batch_size=None, verbose=0)
        moves.append([a - b for a, b in zip(model.get_weights(), start, strict=True)])
    for move, own_move, factor in zip(*moves, [6.0, 0.5, 0.25, 0.0, 2.0], strict=True):
        assert_allclose(own_move, factor * move, rtol=1e-9, atol=1e-15)
        assert np.abs(move).max() > 1e-4


def test_scale_elsewhere_than_first_is_refused():
    with pytest.raises(ValueError, match=r"Scale is layer 2; expected it first"):
        Sequential([Dense(3), fastnn.Scale(), Dense(1)])


# ------------------------------------------------------------- limits, penalties


def least_squares(rng, n=40, features=5):
    X = rng.normal(size=(n, features))
    return X, X @ rng.normal(size=(features, 1)) + 0.1 * rng.normal(size=(n, 1))


def flat_weights(model):
    return np.concatenate([a.ravel() for a in model.get_weights()])


def linear_gradient(X, y, l2=0.0):
    """Of mean (x W + c - y)^2 + l2 / 2 |W|^2 with respect to (W, c)."""

    def gradient(p):
        e = X @ p[:-1] + p[-1] - y[:, 0]
        return np.append(2 * X.T @ e / len(X) + l2 * p[:-1], 2 * e.mean())

    return gradient


@pytest.mark.parametrize(
    "limits", [{"clip_norm": 0.5}, {"clip_value": 0.2}], ids=["clip_norm", "clip_value"]
)
def test_clipping_takes_the_whole_gradient_biases_and_penalty_included(limits):
    X, y = least_squares(np.random.default_rng(1))
    model = Sequential([Dense(1, l2=0.3)], seed=1, dtype="float64").build(5)
    start = flat_weights(model)
    model.compile(optimizer=SGD(0.3, momentum=0.5), loss="mse", **limits)
    model.fit(X, y, epochs=15, batch_size=None, verbose=0)
    expected = ref.minimise(
        "sgd", linear_gradient(X, y, 0.3), start, 15, 0.3, momentum=0.5, **limits
    )[-1]
    assert_allclose(flat_weights(model), expected, rtol=1e-11)


def test_a_large_limit_changes_nothing_to_speak_of():
    X, y = least_squares(np.random.default_rng(1))
    ends = []
    for limits in ({}, {"clip_norm": 1e9}, {"clip_value": 1e9}):
        model = Sequential([Dense(7), BatchNorm(), ReLU(), Dense(1)], seed=1, dtype="float64")
        model.compile(optimizer=Adam(1e-2), loss="mse", **limits)
        model.fit(X, y, epochs=5, batch_size=8, verbose=0)
        ends.append(flat_weights(model))
    assert_allclose(ends[1], ends[0], rtol=1e-12)
    assert_array_equal(ends[2], ends[0])


@pytest.mark.parametrize("first", [fastnn.Identity, fastnn.Standardize], ids=["identity", "input"])
def test_clipping_is_the_same_behind_a_layer_that_learns_nothing(first):
    X, y = least_squares(np.random.default_rng(1))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    ends = []
    for layers in ([], [first()]):
        model = Sequential([*layers, Dense(3), ReLU(), Dense(1)], seed=1, dtype="float64")
        model.compile(optimizer=SGD(0.3), loss="mse", clip_norm=0.5)
        model.fit(X, y, epochs=10, batch_size=8, verbose=0)
        ends.append(model.predict(X))
    assert_allclose(*ends, rtol=1e-9)


def test_l1_is_a_proximal_step_that_gives_exact_zeros():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 8))
    y = (X[:, :2] @ [1.0, -2.0])[:, None] + 0.05 * rng.normal(size=(200, 1)) + 3
    model = Sequential([Dense(1, l1=0.2)], seed=0, dtype="float64")
    model.compile(optimizer=SGD(0.1), loss="mse")
    model.fit(X, y, epochs=300, batch_size=None, verbose=0)
    W, bias = model.get_weights()
    assert np.all(W[2:] == 0)
    assert np.all(W[:2] != 0)
    # The optimum is where |gradient| = l1 on what is not 0, and gradient = 0 for the bias.
    gradient = linear_gradient(X, y)(np.append(W, bias))
    assert_allclose(gradient[:2], -0.2 * np.sign(W[:2, 0]), rtol=1e-6)
    assert abs(gradient[-1]) < 1e-9
    assert np.all(np.abs(gradient[2:-1]) <= 0.2)


@pytest.mark.parametrize("optimizer", [SGD(0.05, momentum=0.9), Adam(0.05)], ids=["sgd", "adam"])
def test_l1_agrees_with_the_reference(optimizer):
    start = np.array(TABLE["runs"][0]["weights"][0])
    model = weights_as_prediction(start, optimizer, l1=0.7)
    model.fit(ONE, TARGET, epochs=20, verbose=0)
    hyper = {"momentum": 0.9} if isinstance(optimizer, SGD) else {}
    expected = ref.minimise(
        optimizer.name, lambda w: A @ w + np.cos(w) - b, start, 20, 0.05, l1=0.7, **hyper
    )
    assert_allclose(model.get_weights()[0][0], expected[-1], rtol=1e-12, atol=1e-15)


@numba.njit
def flat(prediction, target, dprediction):
    dprediction[:] = 0
    return 0.0


def test_decoupled_decay_touches_weights_only():
    model = Sequential([Dense(4), ReLU(), BatchNorm(), Dense(2)], seed=0, dtype="float64").build(3)
    model.set_weights([a + 0.5 for a in model.get_weights()])
    before = model.get_weights()
    model.compile(optimizer=fastnn.AdamW(0.1, weight_decay=0.2), loss=flat)
    X = np.random.default_rng(0).normal(size=(6, 3))
    model.fit(X, np.zeros((6, 2)), epochs=5, verbose=0)
    W0, b0, gamma, beta, _, _, W3, b3 = model.get_weights()
    for after, start in ((W0, before[0]), (W3, before[6])):
        assert_allclose(after, start * (1 - 0.1 * 0.2) ** 5, rtol=1e-14)
    for after, start in zip((b0, gamma, beta, b3), (*before[1:4], before[7]), strict=True):
        assert_array_equal(after, start)


def test_penalties_are_part_of_the_loss():
    X, y = least_squares(np.random.default_rng(2))
    model = Sequential([Dense(1, l1=0.1, l2=0.4)], seed=0, dtype="float64").build(5)
    W, c = model.get_weights()
    expected = np.mean((X @ W + c - y) ** 2) + 0.1 * np.abs(W).sum() + 0.2 * np.sum(W**2)
    model.compile(optimizer=SGD(0.0), loss="mse")
    assert_allclose(model.evaluate(X, y)["loss"], expected, rtol=1e-12)
    assert_allclose(model.fit(X, y, batch_size=None, verbose=0)["loss"], [expected], rtol=1e-12)


# ---------------------------------------------------------------------- schedules


def test_a_schedule_gives_the_rate_of_every_step_and_goes_on():
    asked = []

    def schedule(steps):
        asked.append(np.array(steps))
        return 0.3 / (1 + steps)

    X, y = least_squares(np.random.default_rng(3))
    model = Sequential([Dense(1)], seed=1, dtype="float64").build(5)
    w = flat_weights(model)
    model.compile(optimizer=SGD(schedule), loss="mse")
    model.fit(X, y, epochs=2, batch_size=10, shuffle=False, verbose=0)
    model.fit(X, y, epochs=1, batch_size=10, shuffle=False, verbose=0)
    for step in range(12):
        part = slice(10 * (step % 4), 10 * (step % 4) + 10)
        w = w - 0.3 / (1 + step) * linear_gradient(X[part], y[part])(w)
    assert_allclose(flat_weights(model), w, rtol=1e-12)
    assert set(np.concatenate(asked)) == set(range(12))
    assert_allclose(model.history["learning_rate"], [0.3 / 4, 0.3 / 8, 0.3 / 12], rtol=1e-14)


@pytest.mark.parametrize(
    ("schedule", "found"),
    [(lambda s: -0.1 - s, "-0.1"), (lambda s: s * np.nan, "nan"), (lambda s: 1.0 / s, "inf")],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_schedule_of_impossible_rates_is_refused_before_training(schedule, found):
    X, y = least_squares(np.random.default_rng(3))
    model = Sequential([Dense(1)], seed=1).build(5)
    before = model.get_weights()
    model.compile(optimizer=SGD(schedule), loss="mse")
    with pytest.raises(ValueError, match=f"learning rate {found} at step 0"):
        model.fit(X, y, verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])


def test_another_optimizer_starts_with_an_empty_state():
    X, y = least_squares(np.random.default_rng(3))
    model = Sequential([Dense(1)], seed=1, dtype="float64")
    model.compile(optimizer=Adam(0.1), loss="mse")
    model.fit(X, y, epochs=3, verbose=0)
    fresh = Sequential([Dense(1)], seed=2, dtype="float64")
    fresh.set_weights(model.get_weights())
    for m in (model, fresh):
        m.compile(optimizer=SGD(0.01, momentum=0.9), loss="mse")
        m.fit(X, y, epochs=3, batch_size=None, shuffle=False, verbose=0)
    assert_array_equal(model.get_weights()[0], fresh.get_weights()[0])
