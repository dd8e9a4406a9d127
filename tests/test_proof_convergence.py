"""Every optimizer on seven small problems, from many seeds: none outside its band.

A band is what a fit of so many epochs must reach on the rows that it was trained on: accuracy, or
R2 for diabetes. It lies below the worst that was seen, by a margin.
"""

import numpy as np
import pytest
from counts import SHARE

from fastnn import Dense, Sequential, Softmax, Standardize, Tanh
from fastnn.datasets import load_digits, load_iris
from fastnn.optimizers import LBFGS, SGD, Adam, AdamW, NAdam, RMSprop, Rprop

sklearn = pytest.importorskip("sklearn.datasets")


def xor():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def spirals():
    turn = np.sqrt(np.linspace(0.02, 1, 100)) * 1.5 * np.pi
    arm = np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=1)
    return np.concatenate([arm, -arm]), np.repeat([0, 1], 100)


def from_sklearn(name):
    return lambda: getattr(sklearn, f"load_{name}")(return_X_y=True)


PROBLEMS = {
    "xor": (xor, 200, 0.96), "spirals": (spirals, 400, 0.97), "iris": (load_iris, 100, 0.97),
    "digits": (load_digits, 12, 0.99), "wine": (from_sklearn("wine"), 60, 0.98),
    "breast_cancer": (from_sklearn("breast_cancer"), 40, 0.98),
    "diabetes": (from_sklearn("diabetes"), 60, 0.55),
}  # fmt: skip
OPTIMIZERS = {
    "sgd": SGD(0.1, momentum=0.9), "rmsprop": RMSprop(0.005), "adam": Adam(0.01),
    "adamw": AdamW(0.01, weight_decay=1e-4), "nadam": NAdam(0.01), "rprop": Rprop(),
    "lbfgs": LBFGS(),
}  # fmt: skip


def score(problem, optimizer, seed):
    load, epochs, _ = PROBLEMS[problem]
    X, y = load()
    numbers = problem == "diabetes"
    if numbers:
        y = (y - y.mean()) / y.std()
    head = [Dense(1)] if numbers else [Dense(int(y.max()) + 1), Softmax()]
    model = Sequential([Standardize(), Dense(24), Tanh(), *head], seed=seed)
    metric = "r2" if numbers else "accuracy"
    chosen = OPTIMIZERS[optimizer]
    if numbers and optimizer == "sgd":
        chosen = SGD(0.02, momentum=0.9)
    model.compile(chosen, "mse" if numbers else "cross_entropy", metrics=[metric])
    full = chosen.full_batch or optimizer == "lbfgs"
    model.fit(X, y, 5 * epochs if full else epochs, None if full else 32, verbose=0)
    return model.evaluate(X, y)[metric]


def check(problem, seeds):
    band = PROBLEMS[problem][2]
    scores = {(o, s): score(problem, o, s) for o in OPTIMIZERS for s in range(seeds)}
    assert {k: v for k, v in scores.items() if not v >= band} == {}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_optimizer_stays_within_its_band(problem):
    check(problem, 10)


@pytest.mark.nightly
@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_optimizer_stays_within_its_band_from_many_seeds(problem):
    check(problem, max(1, round(50 * SHARE)))
