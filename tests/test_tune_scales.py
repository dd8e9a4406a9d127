"""Scales: draws against exact quantiles, scipy's, Optuna's and scikit-learn's view of them."""

import doctest
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fastnn.tune import (
    Choice,
    Int,
    LogInt,
    LogUniform,
    OneMinusLog,
    Space,
    Tuple,
    Uniform,
    choices,
    scales,
    space,
    whole,
)

CONTINUOUS = {
    "uniform": (Uniform(-1, 3), stats.uniform(-1, 4)),
    "log": (LogUniform(1e-5, 10), stats.loguniform(1e-5, 10)),
    "int": (Int(3, 9), stats.randint(3, 10)),
}
NUMERIC = {
    "uniform": Uniform(-1, 3), "log": LogUniform(1e-5, 10), "beta": OneMinusLog(0.9, 0.999),
    "int": Int(3, 9), "logint": LogInt(4, 64),
}  # fmt: skip
numeric = pytest.mark.parametrize("scale", NUMERIC.values(), ids=NUMERIC)
SHARES = np.linspace(0.001, 0.999, 97)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_quantiles_and_shares_are_those_of_scipy(name):
    scale, same = CONTINUOUS[name]
    np.testing.assert_allclose(scale.ppf(SHARES), same.ppf(SHARES), rtol=1e-12)
    x = np.linspace(scale.low - 1, scale.high + 1, 301)
    np.testing.assert_allclose(scale.cdf(x), same.cdf(x), atol=1e-12)


@numeric
def test_draws_follow_the_exact_quantiles(scale):
    drawn = np.sort(scale.rvs(size=4000, random_state=0))
    # Dvoretzky, Kiefer, Wolfowitz: beyond this distance with probability 2e-5.
    ranks = np.searchsorted(drawn, drawn, side="right") / len(drawn)
    assert np.abs(ranks - scale.cdf(drawn)).max() < 0.038
    assert drawn[0] >= scale.low
    assert drawn[-1] <= scale.high


@numeric
def test_quantiles_invert_shares(scale):
    values = scale.ppf(SHARES)
    np.testing.assert_allclose(scale.ppf(scale.cdf(values)), values, rtol=1e-9)
    assert scale.ppf(0) == scale.low
    assert scale.ppf(1) == scale.high
    assert np.isnan(scale.ppf([-0.1, 1.1])).all()


def test_beta_is_spread_by_its_distance_to_one():
    beta = OneMinusLog(0.9, 0.999)
    assert beta.ppf(0.5) == pytest.approx(0.990, abs=1e-12)
    assert beta.ppf(0.25) == pytest.approx(1 - 10**-1.5)
    assert np.median(beta.rvs(size=4001, random_state=1)) == pytest.approx(0.990, abs=0.002)
    assert beta.note(0.999) == "0.999 (window 1e+03)"
    assert scales.window(0.9) == pytest.approx(10)


def test_whole_numbers_in_the_logarithm_have_the_axis_around_them():
    scale = LogInt(1, 3)
    widths = np.log([1.5 / 0.5, 2.5 / 1.5, 3.5 / 2.5]) / np.log(7)
    np.testing.assert_allclose(scale.cdf([1, 2, 3]), np.cumsum(widths))
    assert [int(scale.ppf(q)) for q in (0.1, widths[0] + 0.01, 0.99)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("scale", "kind"), [(s, float) for s in (Uniform(0, 1), LogUniform(0.1, 1))]
    + [(OneMinusLog(0.5, 0.9), float), (Int(1, 3), int), (LogInt(1, 300), int)],
)  # fmt: skip
def test_a_single_draw_is_a_plain_number(scale, kind):
    assert type(scale.rvs(random_state=np.random.RandomState(3))) is kind
    assert scale.rvs(size=(2, 3), random_state=0).shape == (2, 3)
    assert scale.rvs(random_state=5) == scale.rvs(random_state=5)


@pytest.mark.parametrize(
    ("make", "better"), [(lambda: Uniform(1e-4, 1), "LogUniform"), (lambda: Int(1, 500), "LogInt")]
)
def test_a_linear_range_over_more_than_two_decades_warns(make, better):
    with pytest.warns(UserWarning, match=f"decades.*use {better}\\(") as caught:
        make()
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "make", [lambda: Uniform(0.01, 1), lambda: Uniform(-1, 1e9), lambda: Int(0, 500)]
)
def test_two_decades_or_a_zero_warn_of_nothing(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1, 1), r"Uniform\(1, 1\): expected low below high"),
        (lambda: LogUniform(0, 1), r"LogUniform\(low=0\): expected a finite number above 0"),
        (lambda: LogUniform("a", 1), "LogUniform"),
        (lambda: OneMinusLog(0.9, 1), r"high=1\): expected a number in \[0, 1\)"),
        (lambda: Int(1.5, 3), r"Int\(low=1.5\): expected a whole number"),
        (lambda: Int(True, 3), "expected a whole number"),
        (lambda: LogInt(0, 3), "of at least 1"),
        (lambda: Choice([]), "at least one option"),
        (lambda: Choice("abc"), "expected a list of options"),
        (lambda: Choice([1, (2, 3), [2, 3]]), "twice"),
        (lambda: Tuple(3, 2), r"Tuple\(3\): expected a scale"),
        (lambda: Tuple(Int(1, 2), 0), r"Tuple\(length=0\): expected a whole number"),
        (lambda: Space({}), "expected a dictionary of scales"),
        (lambda: Space([1]), "expected a dictionary of scales"),
        (lambda: Space({1: 2}), "expected a string"),
        (lambda: Space({"a": Choice({"x": {"a": 1}})}), 'two parameters named "a"'),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@numeric
def test_optuna_draws_from_the_same_distribution(scale):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    ask = {"x": scale.to_optuna()}
    drawn = np.sort([scale.from_optuna(study.ask(ask).params["x"]) for _ in range(600)])
    ranks = np.searchsorted(drawn, drawn, side="right") / len(drawn)
    assert np.abs(ranks - scale.cdf(drawn)).max() < 0.1
    assert drawn[0] >= scale.low
    assert drawn[-1] <= scale.high


@pytest.mark.parametrize("options", [["a", 1, None], [(8,), (8, 8)], [len, max]])
def test_optuna_takes_every_choice(options):
    pytest.importorskip("optuna")
    choice = Choice(options)
    known = choice.to_optuna().choices
    assert [choice.from_optuna(value) for value in known] == options
    assert [choice.from_label(label) for label in choice.labels] == options


def test_scikit_learn_draws_from_scales():
    selection = pytest.importorskip("sklearn.model_selection")
    space = {"a": LogUniform(1e-3, 1), "b": Choice(["x", "y"]), "c": Tuple(Int(2, 3), 2)}
    drawn = list(selection.ParameterSampler(space, 5, random_state=0))
    assert all(1e-3 <= point["a"] <= 1 and len(point["c"]) == 2 for point in drawn)
    assert {point["b"] for point in drawn} == {"x", "y"}


SPACE = Space(
    {
        "rate": LogUniform(1e-4, 1),
        "optimizer": Choice({"sgd": {"momentum": OneMinusLog(0.9, 0.999)}, "adam": {}}),
        "hidden": Tuple(Int(50, 100), Int(2, 4)),
        "batch_size": [16, 32],
        "epochs": 30,
        "noise": stats.norm(0, 1),
        "activation": Choice([len, max]),
    }
)


@given(st.integers(0, 10_000))
def test_points_keep_to_the_space_and_survive_json(seed):
    point = SPACE.draw(np.random.default_rng(seed))
    parameters = SPACE.parameters(point)
    assert ("momentum" in parameters) == (parameters["optimizer"] == "sgd")
    assert 2 <= len(parameters["hidden"]) <= 4
    assert all(50 <= n <= 100 and type(n) is int for n in parameters["hidden"])
    assert parameters["epochs"] == 30
    assert SPACE.point(SPACE.labels(point)) == point
    assert all(0 <= place <= 1 for place in SPACE.places(point).values())


@given(st.integers(0, 10_000))
def test_a_box_bounds_what_is_drawn(seed):
    box = SPACE.whole() | {"rate": (0.25, 0.5), "optimizer": ("adam",), "hidden.length": (0.4, 0.6)}
    parameters = SPACE.parameters(SPACE.draw(np.random.default_rng(seed), box))
    assert 1e-3 <= parameters["rate"] <= 1e-2
    assert parameters["optimizer"] == "adam"
    assert len(parameters["hidden"]) == 3


def test_a_grid_has_every_combination_that_exists():
    space = Space({"a": Uniform(0, 1), "b": Choice({"x": {"c": Int(1, 2)}, "y": {}})})
    points = [space.parameters(point) for point in space.grid(3)]
    assert len(points) == 3 * (2 + 1)
    assert {"a": 0.5, "b": "y"} in points
    assert {"a": 1.0, "b": "x", "c": 2} in points


def test_two_options_may_each_have_a_parameter_of_one_name():
    space = Space({"kind": Choice({"a": {"n": Int(1, 2)}, "b": {"n": Int(5, 6)}})})
    found = {space.parameters(space.draw(np.random.default_rng(k)))["n"] for k in range(40)}
    assert found == {1, 2, 5, 6}


def test_a_report_names_the_window_and_all_elements():
    point = SPACE.draw(np.random.default_rng(0))
    notes = SPACE.note(point)
    assert "window" in notes["momentum"]
    assert notes["hidden"] == ", ".join(map(str, SPACE.parameters(point)["hidden"]))


def test_spaces_travel_between_processes():
    assert pickle.loads(pickle.dumps(SPACE)).names() == SPACE.names()


@pytest.mark.parametrize("module", [scales, whole, choices, space])
def test_the_examples_in_the_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
