"""What a network keeps, whoever computes it: over threads, and over files and copies."""

import copy
import pickle

import numba
import numpy as np
from numpy.testing import assert_array_equal

import fastnn
from fastnn import AdamW, Sequential


def same_bits_on_any_number_of_threads(layers, threads, metrics=()):
    """Train `layers` on so many threads as there are, one more at a time; `threads` sets them."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(300, 20)).astype("f4"), rng.integers(0, 3, 300)
    X[:, 0] = y
    found = []
    for n in range(1, 1 + min(4, numba.config.NUMBA_NUM_THREADS)):
        threads(n)
        model = Sequential(layers, seed=0)
        model.compile(AdamW(1e-2), metrics=metrics)
        model.fit(X, y, epochs=2, batch_size=128, validation_split=0.2, verbose=0)
        bits = [a.tobytes() for a in (*model.get_weights(), model.predict(X))]
        columns = ["loss", "val_loss", *(f"val_{name}" for name in metrics)]
        found.append((bits, [model.history[name] for name in columns]))
    assert model._network._runs["train"][1].program.n_chunks > 1
    assert all(one == found[0] for one in found[1:])


def goes_on_as_itself(model, X, y, path):
    """A trained model's file, copy and pickle learn on with its bits."""
    model.save(path)
    twins = [fastnn.load(path), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    model.fit(X, y, epochs=2, batch_size=16, verbose=0)
    for twin in twins:
        assert twin.layers == model.layers
        twin.fit(X, y, epochs=2, batch_size=16, verbose=0)
        for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
            assert_array_equal(a, b)
