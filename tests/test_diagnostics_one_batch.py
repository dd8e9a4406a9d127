"""The check of a network: whether it can overfit one batch, and parts of one's own."""

import math

import numpy as np
from diagnosed import CLASSES, SOUND, TABLE, VALUES, X, Y, found, hidden, network, normal, subjects
from numba import njit

from fastnn import (
    SELU,
    SGD,
    Activation,
    Adam,
    Dense,
    ReLU,
    Standardize,
    Tanh,
)
from fastnn.diagnostics import check
from fastnn.diagnostics.scratch import Scratch

# ------------------------------------------------------------------------ one batch


def test_a_learning_rate_that_is_too_small():
    finding = found(check(network(SOUND["digits"][0], optimizer=Adam(1e-7)), X, Y), "one batch")
    assert finding.severity == "warning"
    assert "Adam(1e-07) hardly fits a batch of 16 rows: after 5,000 steps" in finding.message
    assert "while Adam(0.003) fits it in 50" in finding.message
    assert finding.advice.startswith("raise the learning rate")


def test_a_learning_rate_that_is_too_large():
    model = network([*hidden(64, ReLU, 2), Dense(1)], "mse", SGD(1.0))
    finding = found(check(model, TABLE, VALUES), "one batch")
    assert finding.severity == "error"
    assert "SGD(1) diverges: the loss of a batch of 16 rows is not finite" in finding.message
    edge = network([Standardize(), *hidden(64, SELU, 1), Dense(1)], "mse", SGD(0.1))
    finding = found(check(edge, TABLE, VALUES), "one batch")
    assert finding.severity == "warning"
    assert "SGD(0.1) is near to diverging" in finding.message
    for rate in (1.0, 3.0):
        jumps = network([*hidden(64, ReLU, 2), Dense(1)], "mae", SGD(rate))
        finding = found(check(jumps, TABLE, VALUES), "one batch")
        assert finding.advice.startswith("lower the learning rate")


def test_the_one_batch_spans_the_targets():
    batch = Scratch(network(SOUND["digits"][0]), X, Y, None).one_batch()
    assert len(batch.X) == 16
    assert set(batch.targets) == set(range(10))
    batch = Scratch(network(SOUND["table"][0], "mse"), TABLE, VALUES, None).one_batch()
    low, high = np.quantile(VALUES, [0.1, 0.9])
    assert batch.targets.min() < low
    assert batch.targets.max() > high
    # The most extreme ones have gradients that no usual batch has.
    assert batch.targets.max() < VALUES.max()


def test_a_schedule_is_held_at_its_largest_rate():
    def rises(steps):
        return np.minimum(1e-7 * steps, 1e-3)

    def vanishes(steps):
        return 1e-9 / (1 + steps)

    assert check(network(SOUND["digits"][0], optimizer=Adam(vanishes)), X, Y).ok is False
    slow = network(SOUND["digits"][0], optimizer=Adam(rises))
    assert check(slow, X, Y).ok


def test_a_network_that_is_too_narrow():
    model = network([*hidden(64, ReLU, 1), Dense(1), Tanh(), Dense(2), *hidden(1, Tanh, 1),
                     *CLASSES])  # fmt: skip
    finding = found(check(model, X, Y), "one batch")
    assert finding.severity == "error"
    assert "Adam(0.003) does no better" in finding.message


def test_weights_that_do_not_move():
    report = check(network(SOUND["digits"][0], optimizer=SGD(0.0)), X, Y)
    assert subjects(report) == {"weights"}
    assert "no weights have moved in 5,000 steps of SGD(0)" in found(report, "weights").message
    still = network(SOUND["digits"][0])
    still.build(64).learning_rate_factor = 0.0
    assert subjects(check(still, X, Y)) == {"weights"}


def test_one_layer_that_does_not_move():
    model = network([Dense(32, init=normal(1e6)), Tanh(), *CLASSES], optimizer=SGD(0.1))
    report = check(model, X, Y)
    finding = found(report, "weights")
    assert finding.layer == 0
    assert "its weights hardly move" in finding.message


def test_frozen_layers_are_left_alone():
    first = network([*hidden(32, ReLU, 1), *CLASSES], optimizer=Adam(1e-2))
    first.fit(X, Y, epochs=3, verbose=0)
    second = network([*hidden(32, ReLU, 1), *CLASSES])
    second.initialize_from(first, freeze=2)
    assert check(second, X, Y).ok
    # Were they not left as they are, they would learn.
    blank = network([Dense(8, init="zeros"), Tanh(), *CLASSES])
    assert check(blank.build(64), X, Y).findings[0].subject == "dead units"
    third = network([Dense(8, init="zeros"), Tanh(), *CLASSES])
    third.initialize_from(blank, freeze=2)
    assert "one batch" not in subjects(check(blank, X, Y))
    assert "one batch" in subjects(check(third, X, Y))


# ------------------------------------------------------------------------ own parts


@njit
def density(prediction, target, dprediction):
    """-log N(target; mean, e^spread): it has no least value."""
    e, inverse = prediction[0] - target[0], math.exp(-prediction[1])
    dprediction[0], dprediction[1] = e * inverse, 0.5 * (1 - e * e * inverse)
    return 0.5 * (prediction[1] + e * e * inverse)


@njit
def uphill(prediction, target, dprediction):
    e = prediction[0] - target[0]
    dprediction[0] = -e
    return 0.5 * e * e


@njit
def wrong_slope(z):
    return -1.0


@njit
def bent(z):
    return z + math.sin(z) ** 2


@njit
def slope(z):
    return 1 + math.sin(2 * z)


def test_a_loss_of_ones_own_that_has_no_least_value():
    model = network([*hidden(32, ReLU, 1), Dense(2)], density)
    targets = np.column_stack([VALUES, VALUES])
    assert check(model, TABLE, targets).ok
    model.fit(TABLE, targets, epochs=20, verbose=0)
    assert check(model, TABLE, targets).ok


def test_a_loss_of_ones_own_whose_gradient_points_uphill():
    report = check(network([*hidden(32, ReLU, 1), Dense(1)], uphill), TABLE, VALUES)
    assert found(report, "loss").severity == "error"
    assert "does not lower the loss" in found(report, "loss").message


def test_an_activation_of_ones_own():
    layers = [Dense(32), Activation(bent, slope), Dense(1)]
    assert check(network(layers, "mse"), TABLE, VALUES).ok
    layers = [Dense(32), Activation(bent, wrong_slope), Dense(1)]
    assert subjects(check(network(layers, "mse"), TABLE, VALUES)) == {"one batch"}
