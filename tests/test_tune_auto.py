"""auto and cross_validate: one model or many, and all folds at once."""

import copy
import doctest

import numpy as np
import pytest

from fastnn import SGD, Adam, BatchNorm, Dense, Dropout, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_digits, load_iris
from fastnn.training.divergence import DivergenceError
from fastnn.tune import automatic, crossval

X, Y = load_iris()


def iris_model(seed=3):
    model = Sequential(
        [Dense(8), BatchNorm(), ReLU(), Dropout(0.2), Dense(3), Softmax()], seed=seed
    )
    model.compile(Adam(0.01), metrics=["accuracy"])
    return model


def test_each_fold_has_the_bits_of_a_lone_fit():
    model = iris_model()
    result = tune.cross_validate(model, X, Y, cv=4, epochs=6, batch_size=16)
    assert len(model.history) == 0
    for fold, rows in enumerate(result.held_out):
        rest = np.delete(np.arange(len(X)), rows)
        lone = copy.deepcopy(model)
        lone.fit(X[rest], Y[rest], 6, 16, validation_data=(X[rows], Y[rows]))
        for column in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert result.histories[fold][column] == lone.history[column]
        np.testing.assert_array_equal(result.models[fold].predict(X), lone.predict(X))


def test_folds_differ_and_one_thread_gives_the_same():
    one = tune.cross_validate(iris_model(), X, Y, cv=3, epochs=3, n_jobs=1)
    many = tune.cross_validate(iris_model, X, Y, cv=3, epochs=3, n_jobs=3)
    assert [h["loss"] for h in one.histories] == [h["loss"] for h in many.histories]
    assert one.histories[0]["loss"] != one.histories[1]["loss"]


def test_mean_and_deviation_are_between_folds():
    result = tune.cross_validate(iris_model(), X, Y, cv=3, epochs=4)
    losses = np.array([h["val_loss"] for h in result.histories])
    np.testing.assert_allclose(result.mean["val_loss"], losses.mean(axis=0))
    np.testing.assert_allclose(result.deviation["val_loss"], losses.std(axis=0, ddof=1))
    assert result.best_epoch == losses.mean(axis=0).argmin() + 1
    assert result.overfit_epoch is None
    assert str(result).startswith(f"3 folds, at epoch {result.best_epoch}: val_loss ")


def test_the_mean_overfit_epoch_is_of_the_folds_that_turned():
    rng = np.random.default_rng(0)
    noise, labels = rng.normal(size=(60, 20)), rng.integers(0, 2, 60)
    model = Sequential([Dense(64), ReLU(), Dense(2), Softmax()], seed=0)
    model.compile(Adam(0.01))
    result = tune.cross_validate(model, noise, labels, cv=3, epochs=40)
    turns = [h.overfit_epoch for h in result.histories if h.overfit_epoch]
    assert result.overfit_epoch == np.mean(turns)
    assert "overfitting from epoch" in str(result)


def test_a_frame_has_a_row_an_epoch_of_a_fold():
    pytest.importorskip("pandas")
    frame = tune.cross_validate(iris_model(), X, Y, cv=2, epochs=3).to_frame()
    assert frame.index.names == ["fold", "epoch"]
    assert len(frame) == 6


def test_own_folds_and_callbacks():
    seen = []
    stop = tune.cross_validate(
        iris_model(), X, Y, cv=[np.arange(0, 150, 3), np.arange(1, 150, 3)], epochs=50,
        callbacks=[lambda model, history: seen.append(len(history)) or len(history) == 2],
    )  # fmt: skip
    assert [len(h) for h in stop.histories] == [2, 2]
    assert sorted(seen) == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cv": 1}, "cv is 1"),
        ({"epochs": 0}, "epochs is 0"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"validation_split": 0.2}, "the folds are the validation"),
        ({"model": 3}, "got 3; expected a compiled Sequential"),
        ({"model": Sequential([Dense(3), Softmax()])}, "the model is not compiled"),
        ({"y": Y[1:]}, "y has 149 rows but X has 150"),
        ({"y": Y + 1}, "pass y - 1"),
        ({"cv": [np.array([1, 200])]}, "row numbers from 1 to 200"),
    ],
)
def test_wrong_calls_of_cross_validate_are_refused(change, message):
    settings = {"model": iris_model(), "X": X, "y": Y, "epochs": 1, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        tune.cross_validate(**settings)


def test_a_trained_model_and_a_diverging_one():
    model = iris_model()
    model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="trained already, for 1 epochs"):
        tune.cross_validate(model, X, Y)
    wild = Sequential([Dense(4), ReLU(), Dense(1)], seed=0)
    wild.compile(SGD(1e9), "mse")
    with pytest.raises(DivergenceError):
        tune.cross_validate(wild, X, Y * 1.0, epochs=5)


def test_where_there_is_time_for_many_it_breeds(monkeypatch):
    digits = load_digits()
    monkeypatch.setattr(automatic, "measure", lambda *_: 1e-4)
    result = tune.auto(*digits, seconds=2, verbose=0)
    assert result.advice.startswith("breed many")
    assert len(result.trials) >= 1
    held_out = result.data.held_out[0]
    assert result.best_model.evaluate(digits[0][held_out], digits[1][held_out])["accuracy"] > 0.2


def test_where_there_is_time_for_few_it_babysits(monkeypatch):
    monkeypatch.setattr(automatic, "measure", lambda *_: 1.0)
    result = tune.auto(X, Y, seconds=1, verbose=0)
    assert result.advice.startswith("babysit one: an epoch takes 1 s, so ")
    assert len(result.trials) == 1
    held_out = result.data.held_out[0]
    assert result.best_model.evaluate(X[held_out], Y[held_out])["loss"] == result.best_value


def test_the_advice_follows_the_time_of_an_epoch():
    assert automatic.advise(10.0, 60, 2)[0] is None
    assert automatic.advise(0.3, 60, 2)[0].name == "halving"
    strategy, trials, why = automatic.advise(0.001, 60, 2)
    assert (strategy.name, trials) == ("coarse_to_fine", 256)
    assert "an epoch takes 1 ms" in why


def test_auto_refuses_a_time_below_zero():
    with pytest.raises(ValueError, match="seconds is 0"):
        tune.auto(X, Y, seconds=0)


@pytest.mark.parametrize("module", [automatic, crossval])
def test_the_examples_in_the_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
