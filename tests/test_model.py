"""Sequential through its public door: what each call promises, on real data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    ReLU,
    Sequential,
    Softmax,
    Tanh,
)
from fastnn.datasets import load_digits, load_iris
from fastnn.losses import MSE

X, Y = load_iris()
HIDDEN = [Dense(8), BatchNorm(), ReLU(), Dropout(0.2)]


def classifier(dtype="float32", seed=0, metrics=(), optimizer="adam", **compiled):
    model = Sequential([*HIDDEN, Dense(3), Softmax()], seed=seed, dtype=dtype)
    model.compile(optimizer, metrics=metrics, **compiled)
    return model


def regressor(optimizer="sgd", loss="mse", units=1, dtype="float64"):
    model = Sequential([Dense(6), Tanh(), Dense(units)], seed=1, dtype=dtype)
    model.compile(optimizer, loss)
    return model


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


def close(one, other, rtol=1e-12):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol)


def fit(model, epochs=1, X=X, y=Y, **how):
    return model.fit(X, y, epochs=epochs, verbose=0, **how)


def in_numpy(weights, X):
    """The classifier's prediction."""
    W1, gamma, beta, mean, variance, W2, b2 = (w.astype(float) for w in weights)
    h = np.maximum((X @ W1 - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0)
    e = np.exp(h @ W2 + b2)
    return e / e.sum(axis=1, keepdims=True)


# --- training and its history ---------------------------------------------------------------


def test_fit_returns_the_history_of_its_epochs():
    model = classifier(metrics=["accuracy", "log_loss"])
    history = fit(model, 3, validation_split=0.2)
    assert history == model.history
    names = ["loss", "accuracy", "log_loss"]
    columns = {*names, *(f"val_{n}" for n in names), "learning_rate", "gradient_norm", "seconds"}
    assert set(history.history) == columns
    assert all(len(column) == 3 for column in history.history.values())
    assert fit(model, 2, validation_split=0.2).epoch == [4, 5]
    history = model.history
    assert history.epoch == [1, 2, 3, 4, 5] == [row["epoch"] for row in history.rows()]
    assert len(history["val_loss"]) == len(history) == 5
    assert history["learning_rate"] == [1e-3] * 5


def test_a_column_that_is_missing_for_an_epoch_holds_nan():
    model = classifier()
    fit(model)
    fit(model, validation_split=0.5)
    assert_array_equal(np.isnan(model.history["val_loss"]), [True, False])


def test_it_learns():
    history = fit(classifier(metrics=["accuracy"], optimizer=Adam(0.01)), 40, batch_size=16)
    assert history["loss"][-1] < 0.25 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw", "nadam"])
@pytest.mark.parametrize("how", [{}, {"validation_split": 0.3}, {"shuffle": False}])
def test_two_fits_are_one_longer_fit(optimizer, how):
    parts, whole = classifier(optimizer=optimizer), classifier(optimizer=optimizer)
    fit(parts, 2, batch_size=16, **how)
    fit(parts, 1, batch_size=16, **how)
    fit(whole, 3, batch_size=16, **how)
    same(parts, whole)
    assert parts.history["loss"] == whole.history["loss"]


def test_the_seed_decides_all():
    one, two, other = classifier(seed=3), classifier(seed=3), classifier(seed=4)
    for model in (one, two, other):
        fit(model, 2)
    same(one, two)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_the_users_arrays_stay_as_they_are():
    features, labels, weight = X.copy(), Y.copy(), np.linspace(0, 1, len(Y))
    for array in (features, labels, weight):
        array.flags.writeable = False
    model = classifier()
    fit(model, X=features, y=labels, sample_weight=weight, validation_split=0.2)
    model.evaluate(features, labels)
    assert_array_equal(features, X)
    assert_array_equal(labels, Y)


WHOLE = np.rint(10 * X)
SHAPES = {
    "float64": WHOLE,
    "uint8": WHOLE.astype(np.uint8),
    "int16": WHOLE.astype(np.int16),
    "big-endian": WHOLE.astype(">f4"),
    "Fortran": np.asfortranarray(WHOLE),
    "strided": np.repeat(WHOLE, 2, axis=1)[:, ::2],
    "backwards": WHOLE[::-1].copy()[::-1],
    "list": WHOLE.tolist(),
}


@pytest.mark.parametrize("given", SHAPES.values(), ids=SHAPES)
def test_any_form_of_x_gives_the_same_bits(given):
    expected, model = classifier(), classifier()
    fit(expected, 2, X=WHOLE.astype(np.float32))
    fit(model, 2, X=given)
    same(model, expected)
    assert_array_equal(model.predict(given), expected.predict(WHOLE.astype(np.float32)))


# --- batches --------------------------------------------------------------------------------


def steps_of(n, batch_size):
    """Steps of an epoch, read off a learning rate that counts them."""
    model = classifier(optimizer=SGD(lambda steps: 1e-6 * (steps + 1)))
    features, labels = load_digits()
    fit(model, X=features[:n], y=labels[:n] % 3, batch_size=batch_size)
    return round(model.history["learning_rate"][-1] * 1e6)


@pytest.mark.parametrize(
    ("n", "batch_size", "steps"),
    [
        (33, 16, 2),  # the last row alone joins the batch before it
        (33, 10, 4),
        (33, 33, 1),
        (33, 1000, 1),
        (33, None, 1),
        (33, 1, 32),
        (1, 32, 1),
        (33, np.int64(11), 3),
        (1797, "auto", 57),  # 32 rows
        (100, "auto", 7),  # 16 rows, the least
    ],
)
def test_batch_size(n, batch_size, steps):
    assert steps_of(n, batch_size) == steps


def test_without_shuffling_the_batches_are_the_rows_in_their_order():
    whole, parts = regressor(), regressor()
    fit(whole, X=X[:48], y=X[:48, 0], batch_size=16, shuffle=False)
    for start in (0, 16, 32):
        rows = slice(start, start + 16)
        fit(parts, X=X[rows], y=X[rows, 0], batch_size=None)
    close(whole, parts)


def test_shuffling_differs_from_epoch_to_epoch():
    orders = []
    model = regressor()
    model.compile("sgd", "mse", metrics=[("spy", lambda y, p: orders.append(y.ravel()) or 0.0)])
    fit(model, 3, X=X, y=np.arange(150.0) / 150)
    # A model may try a metric on a few rows beforehand.
    orders = [tuple(order) for order in orders if len(order) == 150]
    assert len(set(orders[-3:])) == 3
    assert len({tuple(sorted(order)) for order in orders}) == 1


# --- validation -----------------------------------------------------------------------------


def held_out(seed=0, y=Y, share=True, loss="cross_entropy"):
    """The targets of the validation rows of two epochs."""
    seen = []

    def spy(y, prediction):
        seen.append(np.sort(y.ravel()).tolist())
        return 0.0

    units = 1 if loss == "mse" else 3
    model = Sequential([Dense(units), *([Softmax()] if units == 3 else [])], seed=seed)
    model.compile("sgd", loss, metrics=[spy])
    fit(model, 2, X=X, y=y, validation_split=share)
    first, second = seen[-3], seen[-1]  # each epoch: the training rows, then these
    assert first == second
    return first


def test_validation_split_true_is_a_fifth_of_each_class():
    assert np.bincount(held_out()).tolist() == [10, 10, 10]
    assert np.bincount(held_out(y=np.minimum(Y, 1))).tolist() == [10, 20]
    assert len(held_out(share=0.5)) == 75


def test_the_same_seed_holds_out_the_same_rows():
    numbers = np.arange(150) / 150
    first = held_out(y=numbers, loss="mse")
    assert len(first) == 30
    assert held_out(y=numbers, loss="mse") == first
    assert held_out(seed=1, y=numbers, loss="mse") != first


def test_validation_data_is_evaluated_as_given():
    weight = np.linspace(0.1, 2, 50)
    model = classifier(metrics=["accuracy"])
    fit(model, X=X[:100], y=Y[:100], validation_data=(X[100:], Y[100:], weight))
    scores = model.evaluate(X[100:], Y[100:], sample_weight=weight)
    assert set(scores) == {"loss", "accuracy"}
    assert model.history["val_loss"][-1] == scores["loss"]
    assert model.history["val_accuracy"][-1] == scores["accuracy"]


def test_validation_changes_nothing_of_the_training():
    plain, watched = classifier(), classifier()
    fit(plain, 3)
    fit(watched, 3, validation_data=(X, Y))
    same(plain, watched)


# --- weights of rows, reduction -------------------------------------------------------------


def test_a_row_of_weight_zero_is_absent_and_one_of_weight_two_is_there_twice():
    weight = np.ones(60)
    weight[:20], weight[20:40] = 0, 2
    weighted, repeated = regressor(), regressor()
    rows = np.r_[20:40, 20:40, 40:60]
    fit(weighted, 5, X=X[:60], y=X[:60, 0], sample_weight=weight, batch_size=None)
    fit(repeated, 5, X=X[rows], y=X[rows, 0], batch_size=None)
    close(weighted, repeated, 1e-9)
    assert_allclose(weighted.history["loss"], repeated.history["loss"], rtol=1e-9)


def test_reduction_sum_adds_what_mean_averages():
    mean, total = regressor(SGD(0.01)), regressor(SGD(0.01 / 50), MSE(reduction="sum"))
    for model in (mean, total):
        fit(model, 5, X=X[:50], y=X[:50, 0], batch_size=None)
    close(mean, total, 1e-9)
    assert_allclose(total.history["loss"], 50 * np.array(mean.history["loss"]), rtol=1e-9)
    expected = 50 * mean.evaluate(X[:50], X[:50, 0])["loss"]
    assert_allclose(total.evaluate(X[:50], X[:50, 0])["loss"], expected, rtol=1e-9)
