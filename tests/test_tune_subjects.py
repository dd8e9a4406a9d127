"""What search takes: builders, estimators, folds; and what it refuses."""

import numpy as np
import pytest

from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_iris

X, Y = load_iris()
SPACE = {"learning_rate": tune.LogUniform(1e-4, 1), "units": tune.LogInt(4, 32)}
QUICK = {"storage": ":memory:", "verbose": 0, "epochs": 6, "trials": 9}


def build(learning_rate, units):
    model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()])
    model.compile(Adam(learning_rate), metrics=["accuracy"])
    return model


def quick(builder=build, space=SPACE, strategy="random", **settings):
    return tune.search(builder, space, X, Y, strategy, **{**QUICK, **settings})


def curves(result):
    return [t.curves["loss"] for t in result.trials]


def test_estimators_are_tuned_by_their_score():
    linear_model = pytest.importorskip("sklearn.linear_model")
    estimator = linear_model.RidgeClassifier()
    space = {"alpha": tune.LogUniform(1e-3, 1e3)}
    result = tune.search(estimator, space, X, Y, cv=3, trials=6, storage=":memory:", verbose=0)
    assert result.best_value == max(t.value for t in result.trials) > 0.7
    assert result.best_model.score(X, Y) > 0.7
    assert result.best_model.alpha == result.best_params["alpha"]
    assert estimator.alpha == 1.0
    named = tune.search(
        estimator, space, X, Y, trials=3, storage=":memory:", verbose=0, monitor="f1_macro"
    )
    assert 0 < named.best_value <= 1
    own = tune.search(
        estimator, space, X, Y, trials=3, storage=":memory:", verbose=0,
        monitor=lambda e, X, y: -e.alpha,
    )  # fmt: skip
    assert own.best_params["alpha"] == min(t.params["alpha"] for t in own.trials)


def test_a_builder_may_take_the_seed_and_settings_of_fit():
    seen = []

    def builder(units, epochs, batch_size, seed, learning_rate=0.01):
        seen.append((epochs, batch_size))
        model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()], seed=seed)
        model.compile(Adam(learning_rate))
        return model, {"shuffle": False}

    space = {**SPACE, "batch_size": 16}
    assert curves(quick(builder, space)) == curves(quick(builder, space))
    assert set(seen) == {(6, 16)}


def test_a_model_keeps_the_seed_it_was_given():
    def builder(units, learning_rate):
        model = Sequential([Dense(3), Softmax()], seed=7)
        model.compile(Adam(0.01))
        return model

    losses = curves(quick(builder))
    assert losses == [losses[0]] * 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"rate": 1}}, 'unknown parameter "rate"; Known: learning_rate, units'),
        ({"space": {"units": 4}}, "build needs learning_rate, which the space lacks"),
        ({"strategy": "randon"}, 'unknown strategy "randon"; did you mean "random"'),
        ({"epoch": 3}, 'unknown argument of fit "epoch"; did you mean "epochs"'),
        ({"trials": 0}, "trials is 0; expected a whole number of at least 1"),
        ({"trials": None}, "trials and seconds are both None"),
        ({"trials": None, "seconds": 1, "strategy": "halving"}, "shares out a number of trials"),
        ({"seconds": -1}, "seconds is -1"),
        ({"monitor": "val_acuracy"}, 'unknown monitor "val_acuracy"; did you mean "val_accuracy"'),
        ({"mode": "up"}, "mode is 'up'"),
        ({"cv": 1}, "cv is 1; expected a whole number of at least 2"),
        ({"cv": 1000}, "cv is 1000, but there are 150 rows"),
        ({"cv": 3, "prune": True}, "prune=True watches single networks"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"builder": 3}, "got 3 to tune; expected a function"),
        ({"builder": Sequential([Dense(1)])}, "got a model; expected a function"),
        ({"verbose": 7}, "verbose is 7"),
        ({"strategy": "halving", "space": {**SPACE, "epochs": tune.Int(2, 5)}}, 'take "epochs"'),
        ({"storage": "/nowhere/study.db"}, "cannot be opened"),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_trained(change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        quick(**change)


def test_rows_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="y has 149 rows but X has 150"):
        tune.search(build, SPACE, X, Y[1:], **QUICK)


def test_folds_hold_each_class_in_proportion():
    for rows in tune.folds(Y, 5):
        assert np.bincount(Y[rows]).tolist() == [10, 10, 10]
    sizes = [len(rows) for rows in tune.folds(np.zeros(11), 3)]
    assert sorted(sizes) == [3, 4, 4]
    one_hot = np.eye(3)[Y]
    assert [r.tolist() for r in tune.folds(one_hot, 5)] == [r.tolist() for r in tune.folds(Y, 5)]


def test_a_model_that_is_built_once_is_refused():
    model = build(0.01, 8)
    with pytest.raises(ValueError, match="returned one model twice; it must make a new one"):
        quick(lambda learning_rate, units: model, trials=2)


def test_weights_of_rows_and_own_validation_rows_are_passed_on():
    weight = np.where(Y == 0, 0.5, 1.0)
    plain, weighted = quick(), quick(sample_weight=weight)
    assert curves(plain) != curves(weighted)
    own = quick(validation_data=(X[::5], Y[::5]))
    best = own.best_model
    assert best.evaluate(X[::5], Y[::5])["loss"] == own.best_value
    with pytest.raises(ValueError, match="validation_data and cv"):
        quick(validation_data=(X, Y), cv=3)
    held_out = np.arange(0, 150, 2)
    given = quick(validation_split=held_out)
    assert given.data.held_out[0].tolist() == held_out.tolist()


def test_frames_are_taken():
    pandas = pytest.importorskip("pandas")
    frame = tune.search(build, SPACE, pandas.DataFrame(X), pandas.Series(Y), **QUICK)
    assert curves(frame) == curves(quick())
