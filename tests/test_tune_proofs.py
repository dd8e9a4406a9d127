"""Searches that are killed, shared and sent away lose nothing; coarse to fine is worth it."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tune_study import SPACE, study, table

from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_digits, load_iris

PROGRAM = str(Path(__file__).with_name("tune_study.py"))
posix = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")


def start(*arguments):
    """A search in a process of its own, which has begun."""
    command = [sys.executable, PROGRAM, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def rows(path):
    """The trials of the only study of a ledger; none before it is there."""
    if not Path(path).exists():
        return []
    ledger = tune.Ledger(path)
    try:
        return ledger.trials(1, tune.Space(SPACE))
    finally:
        ledger.close()


def finished(path):
    return {t.number: t for t in rows(path) if t.status in ("done", "pruned", "diverged")}


def survive(path, settings, delays):
    """Kill a search after each delay until it is complete; how often it was killed."""
    kills = 0
    for delay in delays:
        before = finished(path)
        process = start(path, *settings)
        time.sleep(delay)
        process.kill()
        out = process.communicate(timeout=900)[0]
        kills += "complete" not in out
        after = finished(path)
        # No finished trial is lost, and none was run again: its seconds are the same.
        assert {number: after.get(number) for number in before} == before
        if "complete" in out:
            break
    return kills


def check_survivor(path, settings):
    last = study(path, *settings)
    assert last.complete
    assert {t.status for t in last.trials} <= {"done", "pruned", "diverged"}
    assert table(last) == table(study(":memory:", *settings))


@posix
def test_a_killed_search_goes_on_and_ends_as_if_nothing_had_been(tmp_path):
    settings = ("halving", 27, 162, 0)
    assert survive(tmp_path / "study.db", settings, [0.15, 0.3]) > 0
    check_survivor(tmp_path / "study.db", settings)


@posix
@pytest.mark.nightly
def test_fifty_kills_in_random_places(tmp_path):
    draw, kills, seed = random.Random(0), 0, 0
    while kills < 50:
        strategy = ["random", "coarse_to_fine", "halving", "grid"][seed % 4]
        settings = (strategy, 54, 243, seed)
        path = tmp_path / f"{seed}.db"
        kills += survive(path, settings, [draw.uniform(0, 0.6) for _ in range(50 - kills)])
        check_survivor(path, settings)
        seed += 1


def share(path, settings):
    """Two processes at one study; how many trials each has run, and the result."""
    both = [start(path, *settings) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert said == ["complete\n"] * 2
    return study(path, *settings)


def test_two_processes_share_a_study(tmp_path):
    settings = ("halving", 36, 27, 0)
    result = share(tmp_path / "study.db", settings)
    assert [t.number for t in result.trials] == list(range(36))
    assert table(result) == table(study(":memory:", *settings))


@pytest.mark.nightly
def test_two_processes_share_500_trials(tmp_path):
    settings = ("random", 500, 10, 0)
    result = share(tmp_path / "study.db", settings)
    assert [t.number for t in result.trials] == list(range(500))
    assert table(result) == table(study(":memory:", *settings))


class Surface:
    """An estimator whose score is a known function of its parameters."""

    def __init__(self, function, **params):
        self.function, self.params = function, params

    def get_params(self):
        return {"function": self.function, **self.params}

    def set_params(self, **params):
        self.params.update(params)

    def fit(self, X, y):
        return self

    def score(self, X, y):
        return -self.function(**self.params)


def bowl(a, b, c):
    return (np.log10(a) + 2.3) ** 2 + 0.1 * (np.log10(1 - b) + 1.8) ** 2 + 0.001 * (c - 40) ** 2


def valley(a, b, c):
    return abs(np.log10(a) + 1.2 - 2 * (b - 0.95)) + 0.2 * (np.log2(c) - 5) ** 2


def cliff(a, b, c):
    return 5.0 if a > 0.1 else (np.log10(a) + 1.3) ** 2 + 0.1 * b


def one_matters(a, b, c):
    return np.exp(-np.exp(-((np.log10(a) + 3) ** 2)))


def two_holes(a, b, c):
    x = np.log10(a)
    return 2 - np.exp(-2 * (x + 1) ** 2) - 1.2 * np.exp(-((x + 3) ** 2)) + 0.05 * np.log2(c)


AXES = {"a": tune.LogUniform(1e-5, 1), "b": tune.OneMinusLog(0.5, 0.999), "c": tune.LogInt(4, 256)}


def best_of(strategy, function, seed):
    start = Surface(function, a=1e-3, b=0.9, c=16)
    found = tune.search(
        start, AXES, *load_iris(), strategy, trials=30, storage=":memory:", verbose=0, seed=seed,
        n_jobs=1,
    )  # fmt: skip
    return -found.best_value


def test_coarse_to_fine_finds_lower_places_than_random_draws():
    won = 0
    for function in (bowl, valley, cliff, one_matters, two_holes):
        fine, coarse = (
            np.median([best_of(strategy, function, seed) for seed in range(12)])
            for strategy in ("coarse_to_fine", "random")
        )
        won += fine <= coarse
    assert won >= 4


def spirals(rng):
    turn = rng.uniform(0.2, 1, 300) * 3 * np.pi
    label = rng.integers(0, 2, 300)
    angle = turn + np.pi * label
    return np.column_stack([turn * np.cos(angle), turn * np.sin(angle)]) / 10, label


def friedman(rng):
    """Friedman 1991, "Multivariate adaptive regression splines": its first test function."""
    X = rng.random((300, 10))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2
    y += 10 * X[:, 3] + 5 * X[:, 4] + rng.normal(size=300)
    return X, (y - y.mean()) / y.std()


def wave(rng):
    X = rng.uniform(-1, 1, (200, 1))
    return X, np.sin(6 * X[:, 0]) + 0.1 * rng.normal(size=200)


TASKS = {
    "iris": lambda rng: load_iris(),
    "digits": lambda rng: tuple(part[:500] for part in load_digits()),
    "spirals": spirals,
    "friedman": friedman,
    "wave": wave,
}


def classifier(n_out):
    def build(learning_rate, units, momentum):
        model = Sequential(
            [Dense(units), ReLU(), Dense(n_out), *([Softmax()] if n_out > 1 else [])]
        )
        loss = "cross_entropy" if n_out > 1 else "mse"
        model.compile(Adam(learning_rate, beta_1=momentum), loss)
        return model

    return build


@pytest.mark.nightly
def test_coarse_to_fine_is_no_worse_than_random_on_four_of_five_tasks():
    space = {
        "learning_rate": tune.LogUniform(1e-5, 1), "units": tune.LogInt(4, 64),
        "momentum": tune.OneMinusLog(0.5, 0.99), "batch_size": tune.LogInt(8, 128),
    }  # fmt: skip
    medians = {}
    for name, make in TASKS.items():
        X, y = make(np.random.default_rng(0))
        build = classifier(int(y.max()) + 1 if y.dtype.kind == "i" else 1)
        best = {"coarse_to_fine": [], "random": []}
        for seed in range(20):
            for strategy, found in best.items():
                result = tune.search(
                    build, space, X, y, strategy, trials=30, epochs=15, storage=":memory:",
                    verbose=0, seed=seed,
                )  # fmt: skip
                found.append(result.best_value)
        medians[name] = {strategy: float(np.median(found)) for strategy, found in best.items()}
    print(medians)
    won = [name for name, m in medians.items() if m["coarse_to_fine"] <= m["random"]]
    assert len(won) >= 4, medians
