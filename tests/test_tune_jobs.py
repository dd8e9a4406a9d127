"""Jobs and what strategies are told: folds that stop early, failures, losses."""

from dataclasses import replace

import numpy as np
import pytest
from tune_study import SPACE, X, Y, build, study, table

from fastnn import tune
from fastnn.tune.jobs import Job, Watch, run
from fastnn.tune.plans import Plan
from fastnn.tune.splits import share_out
from fastnn.tune.subjects import Builder


def test_a_fold_that_has_stopped_early_is_not_trained_on():
    subject = Builder(build, {"epochs": 9, "callbacks": [lambda model, history: len(history) == 2]})
    data = share_out(X, Y, 2, 0, {})
    job = Job(subject, data, 0, 0, {"learning_rate": 0.01, "units": 4}, 0, 3, watch())
    outcome = run(job)
    assert (outcome.status, outcome.epochs) == ("done", 2)
    again = run(replace(job, member=outcome.member, target=9, watch=watch()))
    assert (again.status, again.epochs) == ("done", 2)


def late_failure(model, history):
    if len(history) == 5 and model.layers[0].units % 2:
        raise RuntimeError("an odd number of units")


def test_what_fails_in_a_later_round_does_not_change_the_earlier_ones(tmp_path):
    path = tmp_path / "study.db"
    first = study(path, "halving", 27, 27, callbacks=[late_failure])
    assert any(t.status == "failed" and t.epochs == 5 for t in first.trials)
    again = study(path, "halving", 27, 27, callbacks=[late_failure])
    assert table(again) == table(first)
    assert [t.seconds for t in again.trials] == [t.seconds for t in first.trials]


def test_a_failure_is_not_known_before_its_epoch():
    plan = Plan(tune.Space(SPACE), 1, 9, 0, "val_loss", 1.0)
    late = tune.Trial(0, {}, {}, 0, status="failed", curves={"val_loss": [3.0, 2.0, 1.0]})
    assert [plan.loss(late, epochs) for epochs in (1, 3, 4, None)] == [3.0, 1.0, np.inf, np.inf]


def watch():
    return Watch(None, float("inf"), [], "val_loss", 1.0)


def test_optuna_is_told_every_loss():
    optuna = pytest.importorskip("optuna")
    told = []

    class Noting(optuna.samplers.RandomSampler):
        def after_trial(self, study, trial, state, values):
            told.append((state.name, values))

    result = tune.search(
        failing_at_few, SPACE, X, Y, tune.bayesian(Noting(seed=0), batch=2), trials=8, epochs=6,
        storage=":memory:", verbose=0,
    )  # fmt: skip
    states = [t.status for t in result.trials]
    assert "failed" in states
    assert [name for name, _ in told] == ["FAIL" if s == "failed" else "COMPLETE" for s in states]
    assert [v[0] for _, v in told if v] == [t.value for t in result.trials if t.status == "done"]


def failing_at_few(learning_rate, units):
    if units < 14:
        raise RuntimeError("too few units")
    return build(learning_rate, units)
