"""The result of a search: tables, importance, pictures, retests, the model."""

import doctest
import importlib
import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_iris
from fastnn.tune import retesting
from fastnn.tune.importance import epsilon_squared
from fastnn.tune.zoom import interval

X, Y = load_iris()
SPACE = {
    "learning_rate": tune.LogUniform(1e-5, 0.1),
    "hidden": tune.Tuple(tune.LogInt(4, 32), tune.Int(1, 2)),
    "beta_1": tune.OneMinusLog(0.5, 0.99),
    "batch_size": [16, 32],
    "optimizer": "adam",
}


def build(learning_rate, hidden, beta_1, optimizer):
    layers = [layer for units in hidden for layer in (Dense(units), ReLU())]
    model = Sequential([*layers, Dense(3), Softmax()])
    model.compile(Adam(learning_rate, beta_1=beta_1))
    return model


@pytest.fixture(scope="module")
def result():
    return tune.search(
        build, SPACE, X, Y, "coarse_to_fine", trials=40, epochs=5, storage=":memory:", verbose=0
    )


def test_a_frame_holds_a_row_a_trial(result):
    pytest.importorskip("pandas")
    frame = result.to_frame()
    assert frame.index.tolist() == list(range(40))
    assert frame.loc[3, "hidden"] == result.trials[3].params["hidden"]
    assert frame["value"].min() == result.best_value
    assert {"status", "epoch", "seconds", "seed", "round", "reason"} <= set(frame.columns)


def test_the_learning_rate_mattered_most(result):
    found = result.importance()
    assert set(found) == {"learning_rate", "hidden", "beta_1", "batch_size"}
    assert next(iter(found)) == "learning_rate"
    assert found["learning_rate"] > 0.4


def test_a_summary_shows_the_window_and_the_tiers(result, capsys):
    result.summary()
    printed = capsys.readouterr().out
    assert "40 trials: 40 done" in printed
    assert "(window " in printed
    assert "learning_rate (tier 1): " in printed
    assert "widen it" not in printed


def test_the_end_of_a_scale_is_noticed(result, monkeypatch):
    monkeypatch.setitem(result.best.point, "learning_rate", 0.099)
    assert result.edges() == ["the best learning_rate lies at the high end of its scale; widen it"]
    monkeypatch.setitem(result.best.point, "learning_rate", 0.01)
    assert result.edges() == []


def test_epsilon_squared_of_known_groups():
    group = np.repeat([0, 1], 50)
    assert epsilon_squared(group.astype(float), group) == 1.0
    assert epsilon_squared(np.tile([1.0, 2.0], 50), group) == 0.0
    assert epsilon_squared(np.ones(100), group) == 0.0
    rng = np.random.default_rng(0)
    few = np.repeat(np.arange(5), 5)
    by_chance = [epsilon_squared(rng.random(25), few) for _ in range(300)]
    assert np.mean(by_chance) < 0.08


def test_too_few_trials_say_nothing():
    few = tune.search(build, SPACE, X, Y, trials=3, epochs=1, storage=":memory:", verbose=0)
    assert all(math.isnan(share) for share in few.importance().values())


def test_an_interval_keeps_its_length_within_its_bounds():
    assert interval(0.4, 0.6, (0.0, 1.0), 0.5) == pytest.approx((0.25, 0.75))
    assert interval(-0.2, 0.1, (0.0, 1.0), 0.5) == pytest.approx((0.0, 0.5))
    assert interval(-1, 2, (0.2, 0.9), 0.1) == (0.2, 0.9)


def test_pictures_show_every_trial_and_box(result):
    figure = pytest.importorskip("matplotlib.figure").Figure
    drawn = result.plot(axes=figure().subplots(1, 3))
    scatter, curves, parallel = drawn
    assert scatter.get_xlabel() == "learning_rate"
    other = scatter.get_ylabel()
    assert len(scatter.collections) == sum(other in t.point for t in result.trials)
    assert len(scatter.patches) == 2
    assert [t.get_text() for t in scatter.get_xticklabels()][-1] == "0.1"
    assert len(curves.lines) == 40 + 1
    assert len([line for line in parallel.lines if line.get_marker() == "o"]) == 40
    (alone,) = result.plot("curves", figure().subplots())
    assert alone.get_ylabel() == "val_loss"
    with pytest.raises(ValueError, match="kind is 'pie'; expected 'scatter', 'curves'"):
        result.plot("pie")


def test_one_parameter_is_drawn_against_the_loss():
    figure = pytest.importorskip("matplotlib.figure").Figure
    space = {**SPACE, "hidden": (8,), "beta_1": 0.9, "batch_size": 16}
    one = tune.search(build, space, X, Y, trials=4, epochs=1, storage=":memory:", verbose=0)
    (ax,) = one.plot("scatter", figure().subplots())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning_rate", "val_loss")


def test_a_retest_on_the_same_data_keeps_the_settings(result):
    found = result.retest(X, Y, k=2, neighbours=1, cv=3)
    assert found.values.shape == (4, 3)
    assert found.points[0] == result.best_params
    assert found.verdict == "keep"
    assert str(found).startswith("keep: none of 3 other settings")


def test_a_retest_sees_that_settings_have_gone_stale(monkeypatch):
    space = {**SPACE, "learning_rate": tune.LogUniform(1e-5, 0.03), "hidden": (8,)}
    poor = tune.search(build, space, X, Y, trials=16, epochs=20, storage=":memory:", verbose=0)
    # As if what is worst here had been the best when it was tuned.
    monkeypatch.setattr(poor, "ranked", poor.ranked()[::-1].copy)
    found = poor.retest(X, Y, k=16, neighbours=0, cv=10)
    assert found.verdict == "tune again"
    assert "are better by" in found.reason
    assert found.p_value < 0.05


def test_the_judgement_is_a_paired_test_for_the_number_of_challengers():
    rng = np.random.default_rng(0)
    losses = rng.random((3, 6))
    losses[2] = losses[0] - 0.1 - 0.02 * rng.random(6)
    verdict, _, p = retesting.judge(losses, [{}, {}, {"a": 1}], "val_loss")
    assert verdict == "tune again"
    assert p == pytest.approx(2 * ttest_rel(losses[0], losses[2], alternative="greater").pvalue)
    same = retesting.judge(np.ones((2, 4)), [{}, {}], "val_loss")
    assert same[0] == "keep"
    losses[0, 0] = np.nan
    assert (
        retesting.judge(losses, [{}] * 3, "val_loss")[1]
        == "the settings in use fail on the new data"
    )
    assert retesting.judge(losses[[1, 0]], [{}] * 2, "val_loss")[0] == "keep"


def test_where_nothing_has_changed_tune_again_is_rare():
    rng = np.random.default_rng(1)
    verdicts = [
        retesting.judge(rng.normal(size=(5, 5)), [{}] * 5, "val_loss")[0] for _ in range(400)
    ]
    assert verdicts.count("tune again") / 400 < 0.08


def test_without_a_trial_there_is_no_best():
    empty = tune.search(
        build, SPACE, X, Y, trials=None, seconds=1e-9, epochs=1, storage=":memory:", verbose=0
    )
    assert "none done" in repr(empty)
    with pytest.raises(ValueError, match="no trial is done yet"):
        _ = empty.best_params
    with pytest.raises(ValueError, match="nothing to draw"):
        empty.plot()


def test_default_spaces_go_by_tier():
    assert list(tune.default_space(tiers=1)) == ["learning_rate"]
    assert "momentum" in tune.default_space("sgd", tiers=2)
    assert "momentum" not in tune.default_space()
    assert not {"beta_1", "beta_2", "epsilon"} & set(tune.default_space())
    assert {"beta_1", "beta_2", "epsilon"} <= set(tune.default_space(tiers=4))
    with pytest.raises(ValueError, match='expected "adam" or "sgd"'):
        tune.default_space("rmsprop")
    with pytest.raises(ValueError, match="expected 1 to 4"):
        tune.default_space(tiers=5)


@pytest.mark.filterwarnings("ignore:the gradient is so large")
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(
    "y", [Y, Y == 1, Y * 1.5, np.eye(3)[Y], np.eye(3)[Y] + np.eye(3)[0] * (Y == 1)[:, None]],
    ids=["classes", "two classes", "numbers", "one-hot", "labels"],
)  # fmt: skip
def test_the_default_network_suits_the_targets(y, optimizer):
    space = tune.default_space(optimizer, tiers=4)
    found = tune.search(
        tune.default_build(y, optimizer), space, X, y, trials=2, epochs=2, storage=":memory:",
        verbose=0,
    )  # fmt: skip
    # At the high end of its scale SGD may diverge.
    assert {"done"} <= {t.status for t in found.trials} <= {"done", "diverged"}


def test_targets_by_name_are_refused():
    with pytest.raises(ValueError, match="classes by name"):
        tune.default_build(["a", "b"])


NAMES = ["bayesian", "defaults", "search", "splits", "strategies", "zoom"]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_in_the_docstrings(name):
    module = importlib.import_module(f"fastnn.tune.{name}")
    failed, _ = doctest.testmod(module)
    assert failed == 0


def test_pictures_name_what_they_show():
    pytest.importorskip("matplotlib")
    linear_model = pytest.importorskip("sklearn.linear_model")
    settings = {"trials": 5, "storage": None, "verbose": 0}
    space = {"alpha": tune.LogUniform(1e-3, 1e3)}
    for monitor, name in ((None, "accuracy"), ("f1_macro", "f1_macro")):
        found = tune.search(
            linear_model.RidgeClassifier(), space, X, Y, monitor=monitor, **settings
        )
        scatter, curves, parallel = found.plot()
        assert scatter.get_ylabel() == curves.get_ylabel() == name
        assert parallel.get_xticklabels()[-1].get_text() == f"rank by\n{name}"
        assert [t for t in curves.get_xticks() if 0.9 < t < 1.1] == [1]
        bar = scatter.figure.axes[-1]
        assert [t.get_text() for t in bar.get_yticklabels()] == ["best", "worst"]
        legend, top = curves.get_legend().get_window_extent(), found.best_value
        assert legend.y0 > curves.transData.transform((1, top))[1]
