"""A user's own loss and activation: right, wrong, and of the wrong form; and `check_gradient`."""

import math

import numba
import numpy as np
import ops
import pytest
from numba.core.errors import NumbaError
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import SGD, Activation, Dense, ReLU, Sequential, Softmax, Tanh

X = np.random.default_rng(0).normal(size=(24, 3))
Y = np.random.default_rng(1).normal(size=(24, 2))


def model_of(layers, loss="mse", dtype="float64", **options):
    model = Sequential(layers, seed=0, dtype=dtype)
    model.compile(optimizer=SGD(0.1), loss=loss, **options)
    return model


@numba.njit
def softsign(z):
    return z / (1 + abs(z))


@numba.njit
def softsign_derivative(z):
    return 1 / (1 + abs(z)) ** 2


@numba.njit
def log_cosh(prediction, target, dprediction):
    total = 0.0
    for j in range(prediction.size):
        e = prediction[j] - target[j]
        dprediction[j] = math.tanh(e)
        total += math.log(math.cosh(e))
    return total


# ----------------------------------------------------------------------- right ones


def test_own_parts_have_the_right_gradient():
    layers = [Dense(5), Activation(softsign, softsign_derivative), Dense(2)]
    weight = np.linspace(0, 2, 24)
    assert fastnn.check_gradient(model_of(layers, log_cosh), X, Y, weight) <= 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_own_parts_equal_the_built_in_ones(dtype):
    ends = []
    for activation, loss in ((ops.own_tanh(), ops.own_mse), (Tanh(), "mse")):
        model = model_of([Dense(6), activation, Dense(2)], loss, dtype)
        model.fit(X, Y, epochs=10, batch_size=7, verbose=0)
        ends.append(model.history["loss"])
    assert_allclose(*ends, rtol=1e-12 if dtype == "float64" else 1e-4)


def test_an_own_activation_keeps_its_bits_on_any_number_of_rows():
    model = model_of([Dense(5), Activation(softsign, softsign_derivative), Dense(2)]).build(3)
    many = np.tile(X, (50, 1))
    z = X @ model.get_weights()[0]
    assert_allclose(model.predict(X), (z / (1 + abs(z))) @ model.get_weights()[2], rtol=1e-12)
    assert_allclose(model.predict(many), np.tile(model.predict(X), (50, 1)), rtol=1e-12)


# ----------------------------------------------------------------------- wrong ones


@numba.njit
def tripled(z):
    return 3 / (1 + abs(z)) ** 2


@numba.njit
def zero(z):
    return 0.0


@numba.njit
def sum_for_mean(prediction, target, dprediction):
    total = 0.0
    for j in range(prediction.size):
        e = prediction[j] - target[j]
        dprediction[j] = 2 * e
        total += e * e / prediction.size
    return total


@numba.njit
def forgets_the_gradient(prediction, target, dprediction):
    e = prediction[0] - target[0]
    return e * e


def test_a_wrong_derivative_is_told():
    layers = [Dense(5), Activation(softsign, tripled), Dense(2)]
    assert fastnn.check_gradient(model_of(layers), X, Y) > 1e-3


def test_a_wrong_gradient_of_a_loss_is_told():
    assert fastnn.check_gradient(model_of([Dense(2)], sum_for_mean), X, Y) > 1e-3


def test_a_derivative_of_zero_is_told():
    layers = [Dense(5), Activation(softsign, zero), Dense(2)]
    assert fastnn.check_gradient(model_of(layers), X, Y) > 1e-3


def test_a_loss_that_forgets_its_gradient_is_told():
    assert fastnn.check_gradient(model_of([Dense(2)], forgets_the_gradient), X, Y) > 1e-3


def test_a_gradient_with_an_l1_penalty_is_right():
    assert fastnn.check_gradient(model_of([Dense(5, l1=0.1), Tanh(), Dense(2)]), X, Y) <= 1e-6


def test_check_gradient_changes_nothing():
    layers = [Dense(5), fastnn.BatchNorm(), ReLU(), fastnn.Dropout(0.3), Dense(3), Softmax()]
    y = np.arange(24) % 3
    models = [model_of(layers, "cross_entropy", "float32") for _ in range(2)]
    for model in models:
        model.fit(X, y, epochs=2, verbose=0)
        if model is models[0]:
            assert fastnn.check_gradient(model, X, y) <= 1e-6
        model.fit(X, y, epochs=2, verbose=0)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        assert_array_equal(a, b)
    assert models[0].history["loss"] == models[1].history["loss"]


# ------------------------------------------------------------------- the wrong form


def plain(z):
    return z


@numba.njit
def of_two(a, b):
    return a


@numba.njit
def of_three(a, b, c):
    return 0.0


@numba.njit
def returns_nothing(a, b, c):
    c[:] = 0


@numba.njit
def returns_an_array(a, b, c):
    return a


@numba.njit
def unknown_method(a, b, c):
    return a.nothing()


@numba.njit
def returns_text(z):
    return "z"


def error_of(work):
    """The error, which must be a TypeError of ours."""
    with pytest.raises(TypeError) as caught:
        work()
    assert not isinstance(caught.value, NumbaError)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda p, t, d: 0.0, "numba.njit"),
        (of_two, "loss of_two does not compile"),
        (returns_nothing, "loss returns_nothing returns none"),
        (returns_an_array, "loss returns_an_array returns array"),
        (unknown_method, "loss unknown_method does not compile"),
    ],
)
def test_a_loss_of_the_wrong_form_is_refused(loss, told):
    message = error_of(lambda: model_of([Dense(2)], loss))
    assert told in message
    assert "(prediction, target, dprediction) -> value" in message


@pytest.mark.parametrize(
    ("function", "derivative", "told"),
    [
        (plain, softsign, "numba.njit"),
        (softsign, plain, "numba.njit"),
        (of_two, softsign, "activation of_two does not compile"),
        (softsign, of_three, "derivative of_three does not compile"),
        (returns_text, softsign, "activation returns_text returns"),
    ],
)
def test_an_activation_of_the_wrong_form_is_refused(function, derivative, told):
    layers = [Dense(4), Activation(function, derivative), Dense(2)]
    assert told in error_of(lambda: model_of(layers))


@numba.njit("float64(float64)")
def double_only(z):
    return z * z


@numba.njit("float64(float64[:], float64[:], float64[:])")
def double_loss(prediction, target, dprediction):
    e = prediction[0] - target[0]
    dprediction[0], dprediction[1] = 2 * e, 0.0
    return e * e


def test_a_fixed_signature_that_fits_is_used():
    layers = [Dense(4), Activation(double_only, double_only), Dense(2)]
    model = model_of(layers, double_loss, dtype="float64")
    model.fit(X, Y, epochs=3, verbose=0)
    assert model.history["loss"][-1] < model.history["loss"][0]


def test_a_fixed_signature_of_another_type_is_refused():
    layers = [Dense(4), Activation(double_only, double_only), Dense(2)]
    message = error_of(lambda: model_of(layers, dtype="float32"))
    assert "activation double_only is compiled for the types (float64) alone" in message
    assert "double_loss" in error_of(lambda: model_of([Dense(2)], double_loss, "float32"))


@numba.njit
def divides_by_zero(prediction, target, dprediction):
    dprediction[:] = 1 / (prediction[0] - prediction[0])
    return dprediction[0]


@numba.njit
def loss_that_raises(prediction, target, dprediction):
    dprediction[:] = 0
    if target[0] < 10:
        raise ValueError("a target below 10")
    return 0.0


@pytest.mark.parametrize("loss", [divides_by_zero, loss_that_raises, forgets_the_gradient])
def test_an_own_loss_that_fails_is_seen_at_once(loss):
    with pytest.raises(fastnn.DivergenceError, match="at step 1 "):
        model_of([Dense(2)], loss).fit(X, Y, verbose=0)


@numba.njit
def raises(z):
    if z < 10:
        raise ValueError("below 10")
    return z


@pytest.mark.parametrize(
    ("function", "derivative", "step"), [(raises, softsign, 1), (softsign, raises, 2)]
)
def test_an_own_activation_that_fails_is_seen(function, derivative, step):
    layers = [Dense(4), Activation(function, derivative), Dense(2)]
    with pytest.raises(fastnn.DivergenceError, match=f"at step {step} "):
        model_of(layers).fit(X, Y, epochs=2, verbose=0)


@numba.njit
def reciprocal(z):
    return 1 / z


def test_a_division_by_zero_is_infinite():
    model = Sequential([Dense(1), Activation(reciprocal, reciprocal)], dtype="float64").build(1)
    model.set_weights([[[1.0]], [0.0]])
    assert_array_equal(model.predict([[0.0], [2.0]]), [[np.inf], [0.5]])


def test_a_part_of_the_wrong_form_leaves_the_model_as_it_was():
    model = model_of([Dense(2)])
    with pytest.raises(TypeError, match="loss of_two"):
        model.compile(loss=of_two)
    model.fit(X, Y, verbose=0)
    twin = model_of([Dense(2)])
    twin.fit(X, Y, verbose=0)
    assert_array_equal(model.get_weights()[0], twin.get_weights()[0])
