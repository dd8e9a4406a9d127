"""The temperature of the preset's probabilities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from scipy.special import expit, softmax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from fastnn.estimators import MLPClassifier, base, ensemble, temperature
from fastnn.estimators.temperature import likeliest_factor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, XT, Y, YT = train_test_split(*load_digits(return_X_y=True), random_state=0)
QUICK = {"preset": "tabular", "n_units": 16, "max_iter": 30, "random_state": 0}


def log_loss(model, X, y):
    return -np.log(np.maximum(model.predict_proba(X)[np.arange(len(y)), y], 1e-15)).mean()


@pytest.mark.parametrize("factor", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_the_factor_of_logits_that_are_so_many_times_too_small(factor, sigmoid):
    rng = np.random.default_rng(0)
    right = rng.normal(0, 2, (40_000, 3))
    if sigmoid:
        truth = rng.random(right.shape) < expit(right)
    else:
        chosen = (softmax(right, axis=1).cumsum(axis=1) > rng.random((40_000, 1))).argmax(axis=1)
        truth = np.eye(3)[chosen]
    ones = np.ones(40_000)
    assert likeliest_factor(right / factor, truth, ones, sigmoid) == pytest.approx(factor, rel=0.03)
    for size in (1e-300, 1e-6, 100.0):
        found = likeliest_factor(right / factor, truth, size * ones, sigmoid)
        assert found == pytest.approx(factor, rel=0.03)
    # A row of weight 0 is none.
    wrong = np.concatenate([truth, 1 - truth])
    weight = np.concatenate([ones, 0 * ones])
    assert_allclose(
        likeliest_factor(np.tile(right / factor, (2, 1)), wrong, weight, sigmoid),
        likeliest_factor(right / factor, truth, ones, sigmoid),
    )


@pytest.mark.parametrize("sigmoid", [False, True])
def test_it_stays_finite_where_no_row_or_every_row_is_wrong(sigmoid):
    logits = np.array([[1.0, -1.0], [-1.0, 1.0]] * 20)
    truth, ones = logits > 0, np.ones(40)
    share = (40 + 1 / 2) / 41
    found = likeliest_factor(logits, truth, ones, sigmoid)
    assert found == pytest.approx(np.log(share / (1 - share)) / (1 if sigmoid else 2), rel=1e-4)
    assert likeliest_factor(logits, ~truth, ones, sigmoid) == pytest.approx(np.exp(-5))


def arrays(machine):
    return [array.copy() for array in (*machine.coefs(), *machine.intercepts())]


def scaled_by(before, after):
    """By what the last layer was scaled; the others are as they were."""
    last = (len(after) // 2 - 1, len(after) - 1)
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        if k not in last:
            assert_array_equal(old, new)
    ratios = np.concatenate([(after[k] / before[k]).ravel() for k in last])
    assert_allclose(ratios, np.median(ratios), rtol=1e-5)
    return float(np.median(ratios))


@pytest.fixture
def factors(monkeypatch):
    """Of each call the networks, and by what their last layers were scaled."""
    seen = []

    def calibrate(fits):
        before = [arrays(fit.machine) for fit in fits]
        temperature.calibrate(fits)
        after = [arrays(fit.machine) for fit in fits]
        seen.append(([f.machine for f in fits], list(map(scaled_by, before, after))))

    for module in (base, ensemble):
        monkeypatch.setattr(module, "calibrate", calibrate)
    return seen


def test_members_share_one_temperature_and_are_likelier_with_it(factors):
    model = MLPClassifier(**QUICK).fit(X, Y)
    ((machines, found),) = factors
    assert_allclose(found, found[0], rtol=1e-5)
    assert found[0] > 1.1  # smoothed labels leave networks too modest
    with_it = log_loss(model, XT, YT)
    for machine in machines:
        machine.coefs()[-1][:] /= found[0]
        machine.intercepts()[-1][:] /= found[0]
        machine.state.changes += 1
    assert with_it < 0.9 * log_loss(model, XT, YT)


VALIDATED = {"X_val": XT, "y_val": YT}
SINGLE = {
    "a part held out": ({"n_members": 1}, {}),
    "a validation set": ({}, VALIDATED),
    "weights": ({"n_members": 1}, {"sample_weight": np.arange(len(Y)) % 3 + 0.5}),
    "weights of classes": ({"n_members": 1, "class_weight": "balanced"}, {}),
    "refit": ({"n_members": 1, "refit": True}, {}),
}


@pytest.mark.parametrize("name", SINGLE)
def test_one_network(factors, name):
    parameters, given = SINGLE[name]
    model = MLPClassifier(**QUICK | parameters).fit(X, Y, **given)
    ((_, (found,)),) = factors
    assert found > 1.05
    assert model.score(XT, YT) > 0.85


def test_the_size_of_equal_weights_says_nothing(factors):
    for weight in (None, np.full(len(Y), 1 / len(Y)), np.full(len(Y), 1e-6)):
        MLPClassifier(**QUICK, n_members=1).fit(X, Y, weight)
    (_, (first,)), *others = factors
    assert_allclose([found for _, (found,) in others], first, rtol=1e-3)


def test_two_classes_and_several_labels(factors):
    MLPClassifier(**QUICK).fit(X, Y % 2)
    labels = np.column_stack([Y % 2, Y > 4])
    MLPClassifier(**QUICK).fit(X, labels)
    for _, found in factors:
        assert found[0] != pytest.approx(1, abs=1e-3)


def test_a_warm_start_goes_on_and_is_given_a_temperature_again(factors):
    model = MLPClassifier(**QUICK, n_members=1, warm_start=True).fit(X, Y)
    model.fit(X, Y)
    for _, (found,) in factors:
        assert found > 1.05


PLAIN = {
    "no preset": ({"preset": None, "early_stopping": True}, {}),
    "another loss": ({"loss": "squared_error"}, {}),
    "lbfgs": ({"solver": "lbfgs"}, {}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_none_without_the_preset_and_its_likelihood(factors, name):
    parameters, given = PLAIN[name]
    MLPClassifier(**QUICK | parameters).fit(X, Y, **given)
    ((_, found),) = factors
    assert set(found) == {1.0}


def test_none_in_parts(factors):
    MLPClassifier(**QUICK).partial_fit(X, Y, classes=range(10))
    ((_, found),) = factors
    assert found == [1.0]
