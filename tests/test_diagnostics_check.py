"""The check of a network: each finding in one made to show it, and none in sound ones."""

import copy
import doctest
import math
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose, assert_array_equal

import fastnn.diagnostics as diagnostics
from fastnn import (
    GELU,
    LBFGS,
    SELU,
    SGD,
    Activation,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    ReLU,
    Rprop,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Standardize,
    Tanh,
)
from fastnn.datasets import load_digits, load_iris
from fastnn.diagnostics import Finding, Report, check
from fastnn.losses import CrossEntropy, Pinball

X, Y = load_digits()
FLOWERS, SPECIES = load_iris()
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(1000, 8))
VALUES = np.sin(TABLE[:, 0]) + TABLE[:, 1] * TABLE[:, 2] + 0.3 * RNG.normal(size=1000)
COUNTS = RNG.poisson(np.exp(0.3 * TABLE[:, 0]))
CLASSES = [Dense(10), Softmax()]


def hidden(units, activation, depth, init=None):
    return [x for _ in range(depth) for x in (Dense(units, init=init), activation())]


def normal(deviation):
    return lambda rng, fan_in, fan_out: rng.normal(0, deviation, (fan_in, fan_out))


def network(layers, loss="cross_entropy", optimizer="adam", seed=0, **limits):
    model = Sequential(layers, seed=seed)
    model.compile(optimizer, loss, **limits)
    return model


def found(report, subject):
    (finding,) = [f for f in report.findings if f.subject == subject and f.severity != "info"]
    return finding


def subjects(report):
    return {f.subject for f in report.findings if f.severity != "info"}


SOUND = {
    "digits": ([*hidden(64, ReLU, 2), *CLASSES], "cross_entropy", X, Y),
    "digits, batch norm": (
        [Dense(64), BatchNorm(), ReLU(), Dropout(0.3), *CLASSES],
        "cross_entropy", X, Y,
    ),
    "iris": ([Standardize(), Dense(16), ReLU(), Dense(3), Softmax()], "cross_entropy",
             FLOWERS, SPECIES),
    "iris, one of them": (
        [Standardize(), *hidden(32, Tanh, 2), Dense(1), Sigmoid()],
        "binary_cross_entropy", FLOWERS, SPECIES == 1,
    ),
    "table": ([Standardize(), *hidden(64, GELU, 2), Dense(1)], "mse", TABLE, VALUES),
    "table, absolute": ([*hidden(32, SELU, 3), Dense(1)], "mae", TABLE, VALUES),
}  # fmt: skip


# ------------------------------------------------------------------- sound networks


@pytest.mark.parametrize("kind", SOUND)
def test_nothing_is_found_in_sound_networks(kind):
    layers, loss, features, targets = SOUND[kind]
    for seed in range(20):
        model = network(layers, loss, seed=seed)
        assert check(model, features, targets).ok
        if seed % 5 == 0:
            model.fit(features, targets, epochs=30, verbose=0)
            report = check(model, features, targets)
            assert report.ok, str(report)
            assert report.loss < report.constant_loss


@pytest.mark.nightly
@pytest.mark.parametrize("optimizer", [Adam(1e-3), SGD(0.1), Rprop(), LBFGS()], ids=str)
@pytest.mark.parametrize("activation", [ReLU, GELU, SELU, Tanh, Sigmoid])
def test_nothing_is_found_in_sound_networks_of_many_kinds(activation, optimizer):
    alarms = []
    for loss, end, features, targets in (
        ("cross_entropy", CLASSES, X, Y),
        ("cross_entropy", [Dense(3), Softmax()], FLOWERS, SPECIES),
        ("mse", [Dense(1)], TABLE, VALUES),
    ):
        for depth in (1, 2, 3):
            if isinstance(optimizer, SGD) and activation is Sigmoid and depth > 1:
                continue
            for seed in range(20):
                layers = [Standardize(), *hidden(64, activation, depth), *end]
                model = network(layers, loss, optimizer, seed=seed)
                report = check(model, features, targets)
                alarms += [] if report.ok else [(loss, depth, seed, str(report))]
    assert alarms == []


@pytest.mark.parametrize(
    ("layers", "loss", "targets"),
    [
        ([*hidden(32, ReLU, 2), Dense(1), Softplus()], "poisson", COUNTS),
        ([*hidden(32, ReLU, 2), Dense(1)], "log_poisson", COUNTS),
        ([*hidden(32, ReLU, 2), Dense(3)], Pinball((0.1, 0.5, 0.9)), VALUES),
        ([*hidden(32, ReLU, 2), Dense(1)], "huber", VALUES),
        ([*hidden(32, ReLU, 2), Dense(4), Sigmoid()], "binary_cross_entropy", TABLE[:, :4] > 0),
        ([*hidden(32, ReLU, 2), Dense(2), Softmax()], "cross_entropy", TABLE[:, 0] > 2.5),
        ([*hidden(32, ReLU, 2), Dense(2), Softmax()], CrossEntropy(label_smoothing=0.2),
         TABLE[:, 0] > 0),
        ([*hidden(32, ReLU, 2), Dense(2), Softmax()], CrossEntropy(reduction="sum"),
         TABLE[:, 0] > 0),
        ([Dense(1)], "mse", VALUES),
        ([*hidden(32, ReLU, 1), Dense(1), Tanh()], "mse", np.tanh(VALUES)),
    ],
)  # fmt: skip
def test_the_least_possible_loss_need_not_be_0(layers, loss, targets):
    assert check(network(layers, loss), TABLE, targets).ok


def test_a_linear_model_is_asked_for_no_more_rows_than_it_can_fit():
    assert check(network([Standardize(), Dense(3), Softmax()]), FLOWERS, SPECIES).ok
    assert check(network([Dense(1)], "mse", LBFGS()), TABLE[:, :3], VALUES).ok


def test_equal_rows_with_different_targets_are_no_fault_of_the_network():
    rows = np.repeat(FLOWERS[::10], 10, axis=0)
    model = network([Standardize(), *hidden(32, ReLU, 2), Dense(3), Softmax()])
    assert check(model, rows, SPECIES).ok


def test_initial_losses_are_compared_with_that_of_knowing_nothing():
    report = check(network(SOUND["digits"][0]), X, Y)
    assert_allclose(report.constant_loss, np.log(10), rtol=2e-3)
    assert_allclose(report.loss, np.log(10), rtol=0.2)
    rare = TABLE[:, 0] > 2
    share = rare.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    report = check(network([Dense(1), Sigmoid()], "binary_cross_entropy"), TABLE, rare)
    assert_allclose(report.constant_loss, entropy, rtol=1e-3)
    report = check(network([Dense(1)], "mse"), TABLE, VALUES)
    assert_allclose(report.constant_loss, VALUES.var(), rtol=1e-3)
    report = check(network([Dense(1)], "mae"), TABLE, 1e4 + 100 * VALUES)
    expected = np.abs(100 * (VALUES - np.median(VALUES))).mean()
    assert_allclose(report.constant_loss, expected, rtol=1e-2)


# ----------------------------------------------------------------------------- data


def test_constant_features_are_a_fact_and_no_fault():
    report = check(network(SOUND["digits"][0]), X, Y)
    (finding,) = report.findings
    assert (finding.severity, finding.subject) == ("info", "inputs")
    assert "3 of 64 features are the same in all rows, such as column 0" in finding.message
    assert report.ok
    everything = check(network([Dense(3), Softmax()]), np.ones((150, 4)), SPECIES)
    assert found(everything, "inputs").severity == "warning"


@pytest.mark.parametrize(
    ("scale", "match"),
    [
        ([1, 1, 1, 1000], "1 of 4 features are large; the root mean square of column 3 is 1.42e"),
        ([1, 1, 1, 1e-4], "1 of 4 features hardly show: the deviation of column 3 is 7.6e-05"),
        ([1e-4] * 4, "features hardly show"),
    ],
)
def test_features_far_from_the_scale_of_1(scale, match):
    layers = [*hidden(16, ReLU, 1), Dense(3), Softmax()]
    assert match in found(check(network(layers), FLOWERS * scale, SPECIES), "inputs").message
    for first in (Standardize(), BatchNorm()):
        sound = check(network([first, *layers]), FLOWERS * scale, SPECIES)
        assert "inputs" not in subjects(sound)


def test_a_frame_names_its_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(FLOWERS * [1, 1000, 1, 1], columns=["a", "b", "c", "d"])
    report = check(network([Dense(3), Softmax()]), frame, SPECIES)
    assert 'column 1 ("b")' in found(report, "inputs").message


def test_equal_targets():
    report = check(network(SOUND["digits"][0]), X, np.full(len(X), 3))
    assert subjects(report) == {"targets"}
    assert "all 1797 rows have the same target" in found(report, "targets").message


@pytest.mark.parametrize(
    ("last", "targets"),
    [(Sigmoid(), VALUES), (Tanh(), 3 * VALUES), (ReLU(), VALUES), (Softplus(), -1 - VALUES**2)],
)
def test_targets_that_the_last_layer_cannot_reach(last, targets):
    finding = found(check(network([Dense(9), ReLU(), Dense(1), last], "mse"), TABLE, targets),
                    "targets")  # fmt: skip
    assert finding.severity == "error"
    assert f"which is all that {last.name} as the last layer can give" in finding.message


def test_large_targets():
    report = check(network(SOUND["table"][0], "mse"), TABLE, 2e5 + 8e4 * VALUES)
    assert subjects(report) >= {"targets"}
    assert "y.mean()" in found(report, "targets").advice


# -------------------------------------------------------------------- loss and units


def test_an_untrained_network_that_is_sure_of_itself():
    report = check(network([*hidden(64, ReLU, 2), *CLASSES]), 255 * X, Y)
    assert "should have 2.303, the log of 10 classes" in found(report, "loss").message
    assert found(report, "saturation").layer == 5


def test_a_trained_network_that_is_worse_than_a_constant():
    model = network([*hidden(32, ReLU, 1), *CLASSES], optimizer=Adam(1e-2))
    model.fit(X, Y, epochs=5, verbose=0)
    assert check(model, X, Y).ok
    finding = found(check(model, X, (Y + 1) % 10), "loss")
    assert f"after {model.step} steps it is of no use" in finding.message


def test_dead_units():
    model = network([Dense(20), ReLU(), *CLASSES])
    model.build(64)
    weights = model.get_weights()
    weights[1][:12] = -100
    model.set_weights(weights)
    finding = found(check(model, X, Y), "dead units")
    assert (finding.severity, finding.layer) == ("warning", 1)
    assert "12 of 20 units of ReLU are never active, on 1,000 rows" in finding.message
    weights[1][4:12] = 0
    model.set_weights(weights)
    assert "dead units" not in subjects(check(model, X, Y))


def test_a_learning_rate_that_kills_all_units():
    model = network([*hidden(64, ReLU, 2), *CLASSES], optimizer=SGD(10.0))
    model.fit(X, Y, epochs=2, verbose=0)
    report = check(model, X, Y)
    assert subjects(report) >= {"dead units", "gradients", "one batch"}
    assert found(report, "dead units").severity == "error"
    assert "the gradient of all weights is 0" in found(report, "gradients").message
    assert "cannot fit a batch of 16 rows" in found(report, "one batch").message


@pytest.mark.parametrize("activation", [Tanh, Sigmoid])
def test_saturated_units(activation):
    layers = [*hidden(64, activation, 2, normal(4.0)), *CLASSES]
    finding = found(check(network(layers), X, Y), "saturation")
    assert f"of the outputs of {activation.__name__} are within 1%" in finding.message
    assert "(likewise layer " in finding.message
    sound = [x for layer in layers for x in ((layer, BatchNorm()) if layer in layers[:-2:2]
             else (layer,))]  # fmt: skip
    assert "saturation" not in subjects(check(network(sound), X, Y))


# ------------------------------------------------------------------------ gradients


def test_vanishing_gradients():
    report = check(network([Standardize(), *hidden(32, Sigmoid, 8), *CLASSES]), X, Y)
    finding = found(report, "gradients")
    assert finding.layer == 1
    assert "gradients vanish: the effect that its weights have on the loss is" in finding.message
    assert "of that in layer 18" in finding.message
    small = check(network([*hidden(64, ReLU, 5, normal(0.01)), *CLASSES]), X, Y)
    assert "gradients vanish" in found(small, "gradients").message


def test_exploding_gradients():
    chaos = [Standardize(), *hidden(64, Tanh, 14, normal(1.0)), *CLASSES]
    assert "gradients explode" in found(check(network(chaos), X, Y), "gradients").message
    large = [*hidden(64, ReLU, 6, normal(1.0)), *CLASSES]
    assert "gradients explode" in found(check(network(large), X, Y), "gradients").message
    normed = [x for layer in large[:-2] for x in (layer, BatchNorm())] + CLASSES
    assert "gradients" not in subjects(check(network(normed), X, Y))


def test_last_weights_of_0_are_sound():
    layers = [*hidden(32, ReLU, 1), Dense(10, init="zeros"), Softmax()]
    assert check(network(layers), X, Y).ok


def test_weights_that_are_all_0():
    report = check(network([Dense(9, init="zeros"), ReLU(), Dense(10, init="zeros"), Softmax()]),
                   X, Y)  # fmt: skip
    assert subjects(report) == {"dead units", "gradients", "one batch"}
    assert not report.ok


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


# --------------------------------------------------------- what it leaves as it was


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("built", [False, True])
def test_the_model_is_not_changed(built, epochs):
    layers = [Standardize(), Dense(16), BatchNorm(), ReLU(), Dropout(0.2), *CLASSES]
    model, twin = network(layers), network(layers)
    for each in (model, twin):
        if built and epochs:
            each.fit(X, Y, epochs=epochs, verbose=0)
        elif built:
            each.build(64)
    before = copy.deepcopy(model)
    given = X.copy(), Y.copy()
    report = check(model, *given)
    assert_array_equal(given[0], X)
    assert (model._network is None) == (before._network is None)
    if built:
        assert_array_equal(model.snapshot().values, before.snapshot().values)
        assert (model.step, model.epoch) == (before.step, before.epoch)
        assert len(model.history) == len(before.history)
    model.fit(X, Y, verbose=0)
    twin.fit(X, Y, verbose=0)
    assert_array_equal(model.snapshot().values, twin.snapshot().values)
    assert check(before, X, Y) == report


def test_an_unbuilt_model_is_checked_at_its_own_initial_weights():
    model = network(SOUND["iris"][0], seed=3)
    report = check(model, FLOWERS, SPECIES)
    model.fit(FLOWERS, SPECIES, epochs=1, batch_size=None, verbose=0)
    assert_allclose(report.loss, model.history["loss"][0], rtol=1e-5)


def test_sample_weights_and_small_data():
    weight = np.where(np.arange(150) % 3, 1.0, 0.0)
    spoiled = np.where(weight > 0, SPECIES, 2 - SPECIES)
    model = network(SOUND["iris"][0])
    assert check(model, FLOWERS, spoiled, weight).ok
    # Two rows are enough.
    assert check(model, FLOWERS[[0, 140]], SPECIES[[0, 140]]).ok


# ----------------------------------------------------------------------- the report


def test_a_report_is_read_from_top_to_bottom():
    findings = (
        Finding("error", "targets", None, "they are wrong", "mend them"),
        Finding("warning", "dead units", 1, "many " * 30, "do this"),
    )
    report = Report(findings, 2.5, 1.0)
    lines = str(report).splitlines()
    assert lines[0] == "1 error, 1 warning; loss 2.5, of the best constant 1"
    assert lines[1:3] == ["error: targets: they are wrong", "    Mend them."]
    assert lines[3].startswith("warning: dead units, layer 2: many many")
    assert all(len(line) <= 96 for line in lines)
    assert str(Report((), 2.5, 1.0)).startswith("nothing found; loss 2.5")
    with pytest.raises(FrozenInstanceError):
        report.loss = 0


def test_the_most_severe_findings_come_first():
    report = check(network([*hidden(16, ReLU, 1), Dense(1), Sigmoid()], "mse"), 1e3 * TABLE, VALUES)
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities)
    assert severities[0] == "error"
    assert not report.ok


# ------------------------------------------------------------------------- refusals


def test_wrong_input_is_refused():
    model = network(SOUND["iris"][0])
    with pytest.raises(TypeError, match="expected a compiled Sequential"):
        check([Dense(1)], FLOWERS, SPECIES)
    with pytest.raises(ValueError, match="the model is not compiled"):
        check(Sequential([Dense(1)]), FLOWERS, SPECIES)
    with pytest.raises(ValueError, match="X has 1 row; expected at least 2"):
        check(model, FLOWERS[:1], SPECIES[:1])
    with pytest.raises(ValueError, match="y has 149 rows but X has 150"):
        check(model, FLOWERS, SPECIES[1:])
    with pytest.raises(ValueError, match="holds NaN"):
        check(model, FLOWERS * np.nan, SPECIES)
    assert model._network is None


def test_the_examples_in_the_docstrings():
    failed, tried = doctest.testmod(sys.modules[diagnostics.check.__module__])
    assert failed == 0
    assert tried > 5
