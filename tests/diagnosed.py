"""Networks, sound and sick, for the tests of `fastnn.diagnostics.check`."""

import numpy as np

from fastnn import (
    GELU,
    SELU,
    BatchNorm,
    Dense,
    Dropout,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Standardize,
    Tanh,
)
from fastnn.datasets import load_digits, load_iris

X, Y = load_digits()
FLOWERS, SPECIES = load_iris()
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(1000, 8))
VALUES = np.sin(TABLE[:, 0]) + TABLE[:, 1] * TABLE[:, 2] + 0.3 * RNG.normal(size=1000)
COUNTS = RNG.poisson(np.exp(0.3 * TABLE[:, 0]))
CLASSES = [Dense(10), Softmax()]


def hidden(units, activation, depth, init=None):
    return [x for _ in range(depth) for x in (Dense(units, init=init), activation())]


def normal(deviation):
    return lambda rng, fan_in, fan_out: rng.normal(0, deviation, (fan_in, fan_out))


def network(layers, loss="cross_entropy", optimizer="adam", seed=0, **limits):
    model = Sequential(layers, seed=seed)
    model.compile(optimizer, loss, **limits)
    return model


def found(report, subject):
    (finding,) = [f for f in report.findings if f.subject == subject and f.severity != "info"]
    return finding


def subjects(report):
    return {f.subject for f in report.findings if f.severity != "info"}


SOUND = {
    "digits": ([*hidden(64, ReLU, 2), *CLASSES], "cross_entropy", X, Y),
    "digits, batch norm": (
        [Dense(64), BatchNorm(), ReLU(), Dropout(0.3), *CLASSES],
        "cross_entropy", X, Y,
    ),
    "iris": ([Standardize(), Dense(16), ReLU(), Dense(3), Softmax()], "cross_entropy",
             FLOWERS, SPECIES),
    "iris, one of them": (
        [Standardize(), *hidden(32, Tanh, 2), Dense(1), Sigmoid()],
        "binary_cross_entropy", FLOWERS, SPECIES == 1,
    ),
    "table": ([Standardize(), *hidden(64, GELU, 2), Dense(1)], "mse", TABLE, VALUES),
    "table, absolute": ([*hidden(32, SELU, 3), Dense(1)], "mae", TABLE, VALUES),
}  # fmt: skip
