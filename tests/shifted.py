"""Models and moved rows for the tests of `fastnn.diagnostics.shift`."""

import numpy as np

from fastnn import Adam, BatchNorm, Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

X, Y = load_digits()
ORDER = np.random.default_rng(0).permutation(len(X))
TRAIN, NEW = X[ORDER[:1000]], X[ORDER[1000:]]
PIXEL = 27


def trained(
    *first, data=TRAIN, labels=Y[ORDER[:1000]], seed=0, epochs=10, rate=1e-3, batch_size=32
):
    hidden = [Dense(32), BatchNorm(), ReLU()]
    classes = int(labels.max()) + 1
    model = Sequential([*first, *hidden, Dense(classes), Softmax()], seed=seed)
    model.compile(Adam(rate))
    model.fit(data, labels, epochs=epochs, batch_size=batch_size, verbose=0)
    return model


def moved(by, data=NEW):
    """One pixel moved by so many deviations."""
    return data + by * X[:, PIXEL].std() * (np.arange(64) == PIXEL)
