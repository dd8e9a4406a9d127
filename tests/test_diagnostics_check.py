"""The check of a network finds nothing in sound ones, and changes nothing."""

import copy
import doctest
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from diagnosed import (
    CLASSES,
    COUNTS,
    FLOWERS,
    SOUND,
    SPECIES,
    TABLE,
    VALUES,
    X,
    Y,
    hidden,
    network,
)
from numpy.testing import assert_allclose, assert_array_equal

import fastnn.diagnostics as diagnostics
from fastnn import (
    GELU,
    LBFGS,
    SELU,
    SGD,
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
from fastnn.diagnostics import Finding, Report, check
from fastnn.losses import CrossEntropy, Pinball

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
@pytest.mark.parametrize("optimizer", [Adam, SGD, Rprop, LBFGS])
@pytest.mark.parametrize("activation", [ReLU, GELU, SELU, Tanh, Sigmoid])
def test_nothing_is_found_in_sound_networks_of_many_kinds(activation, optimizer):
    alarms = []
    for loss, end, features, targets in (
        ("cross_entropy", CLASSES, X, Y),
        ("cross_entropy", [Dense(3), Softmax()], FLOWERS, SPECIES),
        ("mse", [Dense(1)], TABLE, VALUES),
    ):
        for depth in (1, 2, 3):
            chosen = optimizer()
            if optimizer is SGD and activation is Sigmoid:
                continue  # too slow to be called sound
            if optimizer is SGD:
                chosen = SGD(0.01 if loss == "mse" else 0.1)
            for seed in range(20):
                layers = [Standardize(), *hidden(64, activation, depth), *end]
                report = check(network(layers, loss, chosen, seed=seed), features, targets)
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
        ([*hidden(32, ReLU, 2), Dense(2), Softmax()],
         CrossEntropy(reduction="sum", label_smoothing=0.2), TABLE[:, 0] > 0),
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
    rows = np.repeat(FLOWERS[[0, 60, 90, 140]], 50, axis=0)
    often = np.repeat([0.1, 0.9, 0.2, 0.8], 50)
    targets = np.random.default_rng(0).random(200) < often
    model = network([Standardize(), *hidden(32, ReLU, 2), Dense(2), Softmax()])
    assert check(model, rows, targets).ok


@pytest.mark.parametrize(
    "layers",
    [
        [Dense(64), ReLU(), Dropout(0.98), *CLASSES],
        [Dense(64, l2=10.0), ReLU(), Dense(10, l1=1.0), Softmax()],
    ],
)
def test_dropout_and_penalties_are_left_out_of_the_one_batch(layers):
    assert check(network(layers), X, Y).ok


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
    report = check(network([Dense(9), Tanh(), Dense(1), ReLU()], "mse"), TABLE, VALUES**2)
    assert_allclose(report.constant_loss, (VALUES**2).var(), rtol=1e-3)


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
    few = np.isin(np.arange(150), [1, 61, 121, 122]).astype(float)
    assert check(model, FLOWERS, SPECIES, few).ok
    rows, counts = np.tile(FLOWERS, (20, 1)), np.zeros(3000)
    counts[[1, 61, 121, 122]] = 1
    assert check(model, rows, np.tile(SPECIES, 20), counts).ok
    with pytest.raises(ValueError, match="sample_weight is above 0 in 1 row"):
        check(model, FLOWERS, SPECIES, np.eye(150)[0])
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
