"""search: every strategy, the bits of a lone fit, resuming, stopping, failing, estimators."""

import os
import signal
import sqlite3

import numpy as np
import pytest

import fastnn
from fastnn import Adam, Dense, EarlyStopping, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_iris

X, Y = load_iris()
SPACE = {
    "learning_rate": tune.LogUniform(1e-4, 1),
    "units": tune.LogInt(4, 32),
    "batch_size": [16, 32],
}
STRATEGIES = ["random", "grid", "coarse_to_fine", "halving", "bayesian"]
QUICK = {"storage": ":memory:", "verbose": 0, "epochs": 6, "trials": 9}


def build(learning_rate, units):
    model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()])
    model.compile(Adam(learning_rate), metrics=["accuracy"])
    return model


def table(result):
    """What must not depend on threads, times or interruptions."""
    rows = (t for t in result.trials)
    return [
        (t.number, t.params, t.status, t.value, t.epoch, t.seed, t.curves["loss"]) for t in rows
    ]


def quick(strategy="random", space=SPACE, builder=build, **settings):
    if strategy == "bayesian":
        pytest.importorskip("optuna")
    return tune.search(builder, space, X, Y, strategy, **{**QUICK, **settings})


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_is_the_same_on_one_thread_and_on_several(strategy):
    one, several = quick(strategy, n_jobs=1), quick(strategy, n_jobs=3)
    assert table(one) == table(several)
    assert one.complete
    assert len(one.trials) == (8 if strategy == "grid" else 9)
    assert {t.status for t in one.trials} <= {"done", "pruned"}


def test_each_trial_has_the_bits_of_a_lone_fit():
    result = quick(n_jobs=2)
    held_out = result.data.held_out[0]
    learned = np.delete(np.arange(len(X)), held_out)
    for trial in result.trials[:4]:
        params = dict(trial.params)
        batch_size = params.pop("batch_size")
        lone = Sequential([Dense(params["units"]), ReLU(), Dense(3), Softmax()], seed=trial.seed)
        lone.compile(Adam(params["learning_rate"]), metrics=["accuracy"])
        history = lone.fit(
            X[learned], Y[learned], 6, batch_size, validation_data=(X[held_out], Y[held_out])
        )
        for column in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert history[column] == trial.curves[column]


def test_the_best_model_is_that_of_the_best_epoch():
    result = quick(space={**SPACE, "learning_rate": tune.LogUniform(0.1, 1)})
    held_out = result.data.held_out[0]
    scores = result.best_model.evaluate(X[held_out], Y[held_out])
    assert scores["loss"] == result.best_value == min(t.value for t in result.trials)
    assert len(result.best_model.history) == result.best.epoch
    assert result.best_params == result.best.params
    turned = next(t for t in result.trials if 0 < t.epoch < t.epochs)
    model = result.model(turned.number)
    assert len(model.history) == turned.epoch
    assert model.evaluate(X[held_out], Y[held_out])["loss"] == turned.value
    with pytest.raises(ValueError, match="there is no trial 99"):
        result.model(99)


def test_what_rises_is_maximised():
    result = quick(monitor="val_accuracy")
    assert result.best_value == max(t.value for t in result.trials)


def test_folds_are_members_and_their_curves_are_averaged():
    result = quick(cv=3)
    for trial in result.trials:
        assert len(trial.folds) == 3
        mean = np.mean([fold["val_loss"] for fold in trial.folds], axis=0)
        np.testing.assert_allclose(trial.curves["val_loss"], mean)
        assert trial.value == pytest.approx(mean.min())
    assert sorted(np.concatenate(result.data.held_out)) == list(range(len(X)))
    assert len(result.best_model.history) == result.best.epoch


def test_halving_goes_on_with_paused_networks():
    trained = []

    def builder(learning_rate, units):
        trained.append(learning_rate)
        return build(learning_rate, units)

    result = quick("halving", builder=builder, trials=9, epochs=9, n_jobs=2)
    assert sorted(t.epochs for t in result.trials) == [1] * 6 + [3] * 2 + [9]
    # One to look at before the start, then one a trial: none was built again for a later round.
    assert len(trained) == 1 + 9
    best = next(t for t in result.trials if t.epochs == 9)
    whole = quick(trials=9, epochs=9).trials[best.number]
    assert best.curves["val_loss"] == whole.curves["val_loss"]


def test_halving_over_folds():
    result = quick("halving", trials=9, epochs=9, cv=2)
    assert sorted(t.epochs for t in result.trials) == [1] * 6 + [3] * 2 + [9]
    whole = quick(trials=9, epochs=9, cv=2)
    best = max(result.trials, key=lambda t: t.epochs)
    assert best.folds[1]["val_loss"] == whole.trials[best.number].folds[1]["val_loss"]


def test_halving_with_early_stopping_comes_to_an_end():
    stopping = EarlyStopping(patience=1)
    result = quick("halving", trials=9, epochs=27, cv=2, callbacks=[stopping])
    assert result.complete
    assert stopping.best_epoch is None


def test_the_boxes_are_nested_and_bound_their_rounds():
    result = quick("coarse_to_fine", trials=30, epochs=3)
    assert len(result.boxes) == 3
    for outer, inner in zip(result.boxes, result.boxes[1:], strict=False):
        for name in ("learning_rate", "units"):
            assert outer[name][0] <= inner[name][0] < inner[name][1] <= outer[name][1]
        assert set(inner["batch_size"]) <= set(outer["batch_size"])
    assert result.boxes[2]["learning_rate"] != (0.0, 1.0)
    for trial in result.trials:
        box = result.boxes[trial.round]
        place = result.space["learning_rate"].place(trial.params["learning_rate"])
        assert box["learning_rate"][0] - 1e-9 <= place <= box["learning_rate"][1] + 1e-9


def test_a_grid_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="the grid has 18 points, trials is 9; pass trials=18"):
        quick(tune.grid(3))


def test_bad_trials_are_pruned():
    space = {**SPACE, "learning_rate": [1e-5, 0.03]}
    result = quick(space=space, trials=32, epochs=30, prune=True)
    pruned = [t for t in result.trials if t.status == "pruned"]
    assert pruned
    assert all(
        t.round > 0 and t.epochs < 30 and "worse than the median" in t.reason for t in pruned
    )
    assert {t.params["learning_rate"] for t in pruned} == {1e-5}
    assert table(result) == table(quick(space=space, trials=32, epochs=30, prune=True, n_jobs=1))


def test_failing_and_diverging_trials_stop_nothing():
    def builder(units, learning_rate):
        if units < 8:
            raise RuntimeError("too few units")
        model = Sequential([Dense(units), ReLU(), Dense(1)])
        model.compile(fastnn.SGD(1e9 if units > 16 else 1e-3), "mse")
        return model

    result = quick(builder=builder, trials=16)
    states = {t.status for t in result.trials}
    assert states == {"done", "failed", "diverged"}
    for trial in result.trials:
        if trial.status == "failed":
            assert trial.reason == "RuntimeError: too few units"
        if trial.status == "diverged":
            assert "the loss is not finite at step" in trial.reason
    assert result.best.status == "done"
    assert 8 <= result.best_params["units"] <= 16


def test_where_nothing_succeeds_the_first_reason_is_told():
    def builder(units, learning_rate):
        raise RuntimeError(f"no network of {units} units")

    with pytest.raises(ValueError, match=r"none of 9 trials.*RuntimeError: no network"):
        quick(builder=builder)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_call_goes_on_where_time_was_out(strategy, tmp_path):
    settings = {"trials": 9, "epochs": 81}
    whole = quick(strategy, **settings)
    path = tmp_path / "study.db"
    for calls in range(1, 100):
        result = quick(strategy, storage=path, seconds=0.005 * calls, **settings)
        if result.complete:
            break
    assert table(result) == table(whole)
    assert 1 < calls < 99
    again = quick(strategy, storage=path, **settings)
    assert table(again) == table(whole)


def test_what_is_done_is_not_run_again(tmp_path):
    path = tmp_path / "study.db"
    first = quick(trials=4, storage=path)
    more = quick(trials=6, storage=path)
    assert table(more)[:4] == table(first)
    assert [t.seconds for t in more.trials[:4]] == [t.seconds for t in first.trials]
    assert len(quick(trials=4, storage=path).trials) == 4


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"epochs": 2}, {"monitor": "val_accuracy"}, {"cv": 2}]
)
def test_another_call_is_another_study(other, tmp_path):
    path = tmp_path / "study.db"
    quick(trials=2, storage=path)
    quick(trials=2, storage=path, **other)
    tune.search(build, SPACE, X, Y[::-1], **{**QUICK, "trials": 2, "storage": path})
    tune.search(build, SPACE, X + 1, Y, **{**QUICK, "trials": 2, "storage": path})
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM studies").fetchone() == (4,)
        assert db.execute("SELECT count(*) FROM trials WHERE status = 'done'").fetchone() == (8,)
    db.close()


class Interrupt:
    """A callback that sends Ctrl-C, once, after some epochs of all networks together."""

    armed = False
    epochs = 0

    def __call__(self, model, history):
        Interrupt.epochs += 1
        if Interrupt.armed and Interrupt.epochs > 30:
            Interrupt.armed = False
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to oneself")
def test_ctrl_c_keeps_what_is_done(tmp_path):
    settings = {"trials": 8, "epochs": 40, "n_jobs": 2, "callbacks": [Interrupt()]}
    Interrupt.armed, Interrupt.epochs = True, 0
    result = quick(storage=tmp_path / "study.db", **settings)
    assert not Interrupt.armed
    assert not result.complete
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert {t.status for t in result.trials} <= {"done", "paused", "waiting"}
    again = quick(storage=tmp_path / "study.db", **settings)
    # No epoch was trained twice: what was interrupted has gone on.
    assert Interrupt.epochs == 8 * 40
    assert table(again) == table(quick(**settings))


def test_a_limit_of_time_alone():
    result = quick(trials=None, seconds=0.3, epochs=2)
    assert not result.complete
    assert len(result.ranked()) > 3
    assert result.seconds < 3
