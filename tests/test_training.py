"""What training must achieve: on real data, and on facts that can be worked out by hand."""

import numpy as np
import ops
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import SGD, Adam, BatchNorm, Dense, Identity, ReLU, Sequential, Softmax, Standardize
from fastnn.datasets import load_digits, load_iris
from fastnn.losses import CrossEntropy

FEATURES = 4


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def eye(n, **options):
    return Dense(n, init=np.eye(n), **options)


# ------------------------------------------------------------------ real data


@pytest.mark.parametrize("seed", range(5))
def test_digits_reach_97_per_cent_on_rows_held_out(seed, digits):
    model = Sequential([Dense(64), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=seed)
    loss = CrossEntropy(label_smoothing=0.1)
    model.compile(optimizer=Adam(3e-3), loss=loss, metrics=["accuracy"])
    history = model.fit(*digits, epochs=20, batch_size=32, validation_split=0.2, verbose=0)
    assert history["val_accuracy"][-1] >= 0.97


def epochs_to(target, digits, rate, batchnorm, seed):
    """Number of epochs until the loss is below the target; 21 where 20 were not enough."""
    hidden = [Dense(64), *[BatchNorm()] * batchnorm, ReLU()]
    model = Sequential([*hidden, *hidden, Dense(10), Softmax()], seed=seed)
    model.compile(optimizer=SGD(rate), loss="cross_entropy")
    model.fit(
        *digits, epochs=20, callbacks=[lambda model, history: history["loss"][-1] < target],
        verbose=0,
    )  # fmt: skip
    return len(model.history) + (model.history["loss"][-1] >= target)


@pytest.mark.parametrize("seed", range(3))
def test_batchnorm_bears_a_ten_times_larger_rate_and_is_there_in_fewer_epochs(seed, digits):
    plain = epochs_to(0.1, digits, 0.1, False, seed)
    assert epochs_to(0.1, digits, 1.0, True, seed) < plain <= 20
    assert epochs_to(0.1, digits, 1.0, False, seed) == 21


@pytest.mark.parametrize("batchnorm", [False, True])
def test_64_rows_are_overfitted_to_the_last(batchnorm, digits):
    X, y = digits[0][:64], digits[1][:64]
    model = Sequential(
        [Dense(64), *[BatchNorm()] * batchnorm, ReLU(), Dense(10), Softmax()], seed=0
    )
    model.compile(optimizer=Adam(3e-3), loss="cross_entropy", metrics=["accuracy"])
    model.fit(X, y, epochs=100, batch_size=16, verbose=0)
    assert model.evaluate(X, y)["accuracy"] == 1
    assert_array_equal(model.predict_classes(X), y)


# --------------------------------------------------------------- golden facts


def test_softmax_of_a_known_row():
    model = Sequential([eye(4), Softmax()], dtype="float64").build(4)
    probabilities = model.predict([[5, 2, -1, 3]])[0]
    assert_allclose(probabilities, [0.842, 0.042, 0.002, 0.114], atol=5e-4)


def test_cross_entropy_and_its_gradient_of_a_known_row():
    p, target = np.array([[0.3, 0.2, 0.1, 0.4]]), np.array([[0.0, 1, 0, 0]])
    model = Sequential([Dense(4, init=np.log(p), bias=False), Softmax()], dtype="float64").build(1)
    model.compile(optimizer=SGD(1.0), loss="cross_entropy")
    assert_allclose(model.evaluate([[1.0]], [1])["loss"], -np.log(0.2), rtol=1e-14)
    model.fit([[1.0]], target, verbose=0)
    assert_allclose(np.log(p) - model.get_weights()[0], p - target, atol=1e-15)


def test_softmax_and_cross_entropy_survive_large_logits():
    model = Sequential([eye(3), Softmax()]).build(3)
    model.compile(optimizer=SGD(1.0), loss="cross_entropy")
    assert model.evaluate([[1e4, -1e4, 0]], [1])["loss"] == 2e4
    assert_array_equal(model.predict([[1e4, -1e4, 0]]), [[1, 0, 0]])


def test_two_class_softmax_is_logistic_regression(rng):
    X, y = rng.normal(size=(50, 3)), rng.integers(0, 2, 50)
    W = rng.normal(size=(3, 2))
    pair = Sequential([Dense(2, init=W), Softmax()], seed=0, dtype="float64")
    single = Sequential(
        [Dense(1, init=W[:, 1:] - W[:, :1]), fastnn.Sigmoid()], seed=0, dtype="float64"
    )
    # Both rows of the pair move, so its margin moves twice as far.
    pair.compile(optimizer=SGD(0.5), loss="cross_entropy")
    single.compile(optimizer=SGD(1.0), loss="binary_cross_entropy")
    of_pair = pair.fit(X, y, epochs=10, batch_size=7, shuffle=False, verbose=0)
    of_single = single.fit(X, y, epochs=10, batch_size=7, shuffle=False, verbose=0)
    assert_allclose(of_pair["loss"], of_single["loss"], rtol=1e-12)
    assert_allclose(pair.predict(X)[:, 1:], single.predict(X), rtol=1e-11)


# ---------------------------------------------------------------- input, rows


def test_standardize_is_fitted_on_the_training_rows_alone(rng):
    X = rng.normal(5, 3, size=(50, 2)) * [1, 100]
    X = np.column_stack([X, np.full(50, 0.1)])
    held_out = X[:10] + 1e6
    model = Sequential([Standardize(), Dense(1)], seed=0, dtype="float64")
    model.compile(loss="mse")
    model.fit(X, X[:, 0], validation_data=(held_out, X[:10, 0]), verbose=0)
    mean, deviation = model.get_weights()[:2]
    assert_allclose(mean, X.mean(axis=0), rtol=1e-12)
    # A feature that does not vary is only centred.
    assert_allclose(deviation, [*X[:, :2].std(axis=0), 1], rtol=1e-12)
    model.fit(held_out, X[:10, 0], verbose=0)
    assert_array_equal(model.get_weights()[0], mean)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, ">f4"])
def test_standardize_leaves_out_the_rows_of_the_split(dtype, rng):
    X = rng.integers(0, 255, (60, 3)).astype(dtype)
    trained_on = []

    def note(y, outputs):
        if len(y) == 48:
            trained_on.extend(y[:, 0].astype(int))
        return 0.0

    model = Sequential([Standardize(), Dense(1)], seed=0)
    model.compile(loss="mse", metrics=[note])
    model.fit(X, np.arange(60.0), validation_split=True, verbose=0)
    rows = X[trained_on].astype(float)
    assert len(set(trained_on)) == 48
    assert_allclose(model.get_weights()[0], rows.mean(axis=0), rtol=1e-6)
    assert_allclose(model.get_weights()[1], rows.std(axis=0), rtol=1e-6)


@pytest.mark.parametrize("case", ops.LOSSES, ids=ops.named)
def test_sample_weights_equal_repeated_rows(case, rng):
    X, y, times = rng.normal(size=(20, FEATURES)), case.targets(rng, 20), rng.integers(0, 4, 20)
    models = []
    for data in ((X, y, times), (np.repeat(X, times, axis=0), np.repeat(y, times, axis=0), None)):
        model = Sequential([Dense(5), fastnn.Tanh(), *case.head()], seed=1, dtype="float64")
        model.compile(optimizer=SGD(0.05), loss=case.loss())
        model.fit(*data[:2], sample_weight=data[2], epochs=5, batch_size=None, verbose=0)
        models.append(model)
        assert_allclose(model.evaluate(*data)["loss"], models[0].evaluate(X, y, times)["loss"])
    assert_allclose(models[0].history["loss"], models[1].history["loss"], rtol=1e-12)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_label_smoothing_equals_soft_targets(rng):
    X, y = rng.normal(size=(30, FEATURES)), rng.integers(0, 3, 30)
    soft = np.eye(3)[y] * 0.8 + 0.2 / 3
    ends = []
    for loss, target in ((CrossEntropy(label_smoothing=0.2), y), (CrossEntropy(), soft)):
        model = Sequential([Dense(5), ReLU(), Dense(3), Softmax()], seed=1, dtype="float64")
        model.compile(optimizer=SGD(0.1), loss=loss)
        model.fit(X, target, epochs=5, batch_size=8, verbose=0)
        ends.append((model.get_weights(), model.history["loss"]))
    assert_allclose(ends[0][1], ends[1][1], rtol=1e-12)
    for a, b in zip(ends[0][0], ends[1][0], strict=True):
        assert_allclose(a, b, rtol=1e-11, atol=1e-13)


# ------------------------------------------------- pretraining, symmetry, divergence

LAYERS = [Dense(6), BatchNorm(), ReLU(), Dense(5), ReLU(), Dense(3), Softmax()]


def test_frozen_layers_and_their_statistics_stay(rng):
    X, y = load_iris()
    teacher = Sequential(LAYERS, seed=1)
    teacher.compile(optimizer=Adam(1e-2), loss="cross_entropy")
    teacher.fit(X, y, epochs=5, verbose=0)
    model = Sequential([*LAYERS[:5], Dense(2), Softmax()], seed=2)
    copied = model.initialize_from(teacher, freeze=3)
    first = ["0.W", "1.gamma", "1.beta", "1.running_mean", "1.running_var"]
    assert copied == [*first, "3.W", "3.b"]
    model.compile(optimizer=Adam(1e-2), loss="cross_entropy")
    before = model.get_weights()
    for a, b in zip(before[:7], teacher.get_weights()[:7], strict=True):
        assert_allclose(a, b, rtol=1e-6)
    model.fit(X, y // 2, epochs=3, verbose=0)
    for k, (a, b) in enumerate(zip(model.get_weights(), before, strict=True)):
        assert np.array_equal(a, b) == (k < 5)


def test_a_frozen_batchnorm_trains_the_layers_above_on_its_running_statistics(rng):
    X, y = rng.normal(size=(20, FEATURES)), rng.normal(size=(20, 2))
    source = Sequential([BatchNorm(), Dense(2)], seed=1, dtype="float64").build(FEATURES)
    source.set_weights([a + rng.uniform(0.1, 1, a.shape) for a in source.get_weights()])
    model = Sequential([BatchNorm(), Dense(2)], seed=1, dtype="float64")
    model.initialize_from(source, freeze=1)
    model.compile(optimizer=SGD(0.0), loss="mse")
    loss = model.fit(X, y, batch_size=5, verbose=0)["loss"][0]
    assert_allclose(loss, np.mean((model.predict(X) - y) ** 2), rtol=1e-12)


@pytest.mark.parametrize("init", ["zeros", fastnn.initializers.Constant(0.3)])
def test_equal_weights_of_a_hidden_layer_bring_a_warning(init, rng):
    X, y = rng.normal(size=(20, FEATURES)), rng.normal(size=20)
    model = Sequential([Dense(3, init=init), ReLU(), Dense(1, init=init)], seed=0)
    model.compile(loss="mse")
    with pytest.warns(UserWarning, match="symmetry breaking"):
        model.fit(X, y, verbose=0)


def test_zeros_in_the_last_layer_alone_bring_no_warning(rng):
    X, y = rng.normal(size=(20, FEATURES)), rng.normal(size=20)
    model = Sequential([Dense(3), ReLU(), Dense(1, init="zeros")], seed=0)
    model.compile(loss="mse")
    model.fit(X, y, verbose=0)


@pytest.mark.parametrize("batchnorm", [False, True])
def test_a_diverging_loss_stops_at_once_and_keeps_finite_weights(batchnorm, rng):
    X, y = 1e3 * rng.normal(size=(200, FEATURES)), rng.normal(size=200)
    middle = [BatchNorm()] if batchnorm else [Identity()]
    model = Sequential([Dense(8), *middle, Dense(8), Dense(1)], seed=0)
    model.compile(optimizer=SGD(1e4), loss="mse")
    with pytest.raises(fastnn.DivergenceError, match=r"step \d+ \(epoch .*smaller learning rate"):
        model.fit(X, y, epochs=50, verbose=0)
    assert all(np.isfinite(a).all() for a in model.get_weights())
    assert len(model.history) < 50
