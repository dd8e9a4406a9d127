"""Batch norm: the facts that make it what it is, its running averages, and its precision."""

import numpy as np
import pytest
import reference as ref
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import SGD, BatchNorm, Dense, Identity, ReLU, Sequential, Tanh
from fastnn.engine.buffers import reported

FEATURES = 4


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def eye(n, **options):
    return Dense(n, init=np.eye(n), **options)


def training_outputs(model, X, batch_size=None):
    """What the network gives as it trains, the weights held still."""
    seen = []

    def capture(y, outputs):
        seen.append(outputs.copy())
        return 0.0

    model.compile(optimizer=SGD(0.0), loss="mse", metrics=[capture])
    target = np.zeros((len(X), model.layers[-1].units))
    model.fit(X, target, batch_size=batch_size, shuffle=False, verbose=0)
    return seen[-1]


def test_gamma_deviation_and_beta_mean_make_it_the_identity(rng):
    X = rng.normal(3, 2, size=(30, FEATURES))
    model = Sequential([BatchNorm(), eye(FEATURES)], dtype="float64").build(FEATURES)
    mean, var = X.mean(axis=0), X.var(axis=0)
    model.set_weights([np.sqrt(var + 1e-5), mean, mean, var, np.eye(FEATURES), np.zeros(FEATURES)])
    assert_allclose(model.predict(X), X, rtol=1e-13)
    assert_allclose(training_outputs(model, X), X, rtol=1e-13)


def test_a_constant_added_to_the_bias_before_it_changes_nothing(rng):
    X, y = rng.normal(size=(40, FEATURES)), rng.normal(size=(40, 2))
    ends = []
    for constant in (0.0, 7.5):
        # Identity between them, or the redundant bias would be dropped.
        layers = [Dense(5), Identity(), BatchNorm(), Tanh(), Dense(2)]
        model = Sequential(layers, seed=1, dtype="float64").build(FEATURES)
        arrays = model.get_weights()
        arrays[1] += constant
        model.set_weights(arrays)
        model.compile(optimizer=SGD(0.5), loss="mse")
        model.fit(X, y, epochs=10, batch_size=10, verbose=0)
        model.recompute_batchnorm(X)
        assert_allclose(model.get_weights()[1], constant, rtol=1e-13, atol=1e-13)
        ends.append((model.history["loss"], model.predict(X)))
    assert_allclose(ends[0][0], ends[1][0], rtol=1e-11)
    assert_allclose(ends[0][1], ends[1][1], rtol=1e-10)


def test_the_redundant_bias_is_dropped_and_summary_says_so(capsys):
    model = Sequential([Dense(5), BatchNorm(), Dense(2), Tanh(), BatchNorm()]).build(FEATURES)
    shapes = [a.shape for a in model.get_weights()]
    assert shapes == [(4, 5), (5,), (5,), (5,), (5,), (5, 2), (2,), (2,), (2,), (2,), (2,)]
    model.summary()
    told = [line for line in capsys.readouterr().out.splitlines() if "bias" in line]
    assert len(told) == 1
    assert "Dense" in told[0]


# ------------------------------------------------------------ running averages


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.99])
def test_running_averages_are_right_after_five_steps(momentum, rng):
    X = rng.normal(50, 3, size=(96, FEATURES))
    model = Sequential([BatchNorm(momentum=momentum), Dense(1)], seed=0, dtype="float64")
    model.compile(optimizer=SGD(0.0), loss="mse")
    # Batches of 20, 20, 20, 20 and 16 rows.
    model.fit(X, np.zeros(96), batch_size=20, shuffle=False, verbose=0)
    mean, var = model.get_weights()[2:4]
    expected = ref.batchnorm_running(np.split(X, [20, 40, 60, 80]), momentum)
    assert_allclose(mean, expected[0], rtol=1e-12)
    assert_allclose(var, expected[1], rtol=1e-12)
    if momentum:
        assert_allclose(mean, X.mean(axis=0), atol=0.7)
        assert_allclose(var, X.var(axis=0), rtol=0.4)


def test_weights_set_before_training_leave_the_running_averages_unbiased(rng):
    X = rng.normal(50, 3, size=(96, FEATURES))
    model = Sequential([BatchNorm(), Dense(1)], seed=0, dtype="float64").build(FEATURES)
    model.set_weights(model.get_weights())
    model.compile(optimizer=SGD(0.0), loss="mse")
    model.fit(X, np.zeros(96), batch_size=20, shuffle=False, verbose=0)
    expected = ref.batchnorm_running(np.split(X, [20, 40, 60, 80]))
    assert_allclose(model.get_weights()[2], expected[0], rtol=1e-12)


def test_before_any_training_it_passes_its_input_on(rng):
    X = rng.normal(50, 3, size=(10, FEATURES))
    model = Sequential([BatchNorm(epsilon=0.0), eye(FEATURES)], dtype="float64").build(FEATURES)
    assert_allclose(model.predict(X), X, rtol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-5)])
def test_recomputed_statistics_are_exact(dtype, tolerance, rng):
    X = rng.normal(2, 3, size=(500, FEATURES)).astype(dtype)
    model = Sequential([BatchNorm(), Dense(6), ReLU(), BatchNorm(), Dense(1)], seed=0, dtype=dtype)
    model.compile(loss="mse")
    model.fit(X, X[:, 0], epochs=2, verbose=0)
    model.recompute_batchnorm(X)
    arrays = [a.astype(float) for a in model.get_weights()]
    gamma, beta, mean, var, W, b = arrays[:6]
    assert_allclose(mean, X.mean(axis=0, dtype=float), rtol=tolerance)
    assert_allclose(var, X.astype(float).var(axis=0, ddof=1), rtol=tolerance)
    y = ref.batchnorm_predict(X.astype(float), gamma, beta, mean, var)
    inner = np.maximum(y @ W + b, 0)
    assert_allclose(arrays[8], inner.mean(axis=0), rtol=tolerance)
    assert_allclose(arrays[9], inner.var(axis=0, ddof=1), rtol=tolerance)


def test_prediction_follows_recomputed_statistics_at_once(rng):
    X = rng.normal(size=(40, FEATURES))
    model = Sequential([Dense(2), BatchNorm(), Dense(5)], seed=0, dtype="float64").build(FEATURES)
    model.recompute_batchnorm(X)
    assert_allclose(model.predict(X)[:39], model.predict(X[:39]), rtol=1e-12)
    model.recompute_batchnorm(X)
    z = X @ model.get_weights()[0]
    assert_allclose(model.get_weights()[3], z.mean(axis=0), rtol=1e-12)


# -------------------------------------------------------------------- precision


@pytest.mark.parametrize("n", [16, 100, 2048])
def test_rows_of_a_large_mean_and_a_small_deviation_are_normalised_well(n, rng):
    X = (1e4 + 1e-2 * rng.normal(size=(n, FEATURES))).astype(np.float32)
    model = Sequential([BatchNorm(), eye(FEATURES)], seed=0).build(FEATURES)
    double = X.astype(float)
    expected = ref.batchnorm_forward(double, np.ones(FEATURES), np.zeros(FEATURES))[0]
    # A float32 knows such a mean to a twentieth of this deviation.
    outputs = training_outputs(model, X)
    assert_allclose(outputs, expected, atol=0.06)
    assert_allclose(outputs.std(axis=0), expected.std(axis=0), rtol=1e-4)
    model.recompute_batchnorm(X)
    assert_allclose(model.predict(X), expected, atol=0.1)


def test_a_wide_network_with_large_means_has_the_right_gradient(rng):
    X = 1e3 + rng.normal(size=(256, 40))
    model = Sequential([BatchNorm(), Dense(30), BatchNorm(), Tanh(), Dense(2)], seed=0)
    model.compile(loss="mse")
    assert fastnn.check_gradient(model, X, rng.normal(size=(256, 2))) <= 1e-6


def test_a_column_that_does_not_vary_stays_finite():
    X = np.full((50, 2), 3.7, np.float32)
    model = Sequential([BatchNorm(), eye(2)], seed=0).build(2)
    assert_array_equal(training_outputs(model, X, 10), np.zeros((50, 2)))


def test_a_correction_that_makes_an_average_infinite_does_so_without_a_warning():
    """Only a file can hold it, and who reads one looks for what is infinite."""
    running = np.array([[1, 0], [1, 1], [1e-45, 1]], np.float32)
    assert reported(running, "running_mean").tolist() == [np.inf, 0]
