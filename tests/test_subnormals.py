"""Numbers too small for full precision: zeros in training, and kept by everything else."""

import numpy as np
import pytest

from fastnn import Adam, Dense, Sequential, set_num_threads
from fastnn.kernels.machine.target import current

SMALL = np.float32(1e-40)

only_x86 = pytest.mark.skipif(not current().intel, reason="other processors are not slowed by them")


def trained(threads, width=1, batch_size=16):
    """A model two thirds of whose inputs are 0 from the second batch on, so that moments fade."""
    set_num_threads(threads)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16 * batch_size, 48)).astype(np.float32)
    X[batch_size:, 16:] = 0
    model = Sequential([Dense(width), Dense(1)], seed=0)
    model.compile(Adam(1e-3), loss="mse")
    model.fit(X[:batch_size], X[:batch_size, :1], epochs=1, batch_size=batch_size, verbose=0)
    model.fit(X[batch_size:], X[batch_size:, :1], epochs=80, batch_size=batch_size, verbose=0)
    return model


@only_x86
@pytest.mark.parametrize(("threads", "width", "batch_size"), [(1, 1, 16), (2, 512, 256)])
def test_moments_that_no_gradient_reaches_become_zeros(threads, width, batch_size):
    try:
        state = trained(threads, width, batch_size)._network.state.values
    finally:
        set_num_threads(None)
    # 0.9^1200 of a first moment is far below the smallest normal number.
    assert not ((state != 0) & (np.abs(state) < np.finfo(np.float32).tiny)).any()
    assert (state == 0).sum() >= 32


def test_who_trains_keeps_subnormal_numbers():
    before = SMALL * np.float32(1)
    trained(1)
    assert SMALL * np.float32(1) == before
    assert before != 0


def test_predictions_keep_subnormal_numbers():
    model = trained(1)
    one, none = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    model.set_weights([np.full((48, 1), SMALL), none, one, none])
    answer = model.predict(np.eye(48, dtype=np.float32))
    assert (answer == SMALL).all()
    assert SMALL != 0
