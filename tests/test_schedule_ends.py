"""Schedules begin anew where they are set anew, and say so where they are over."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastnn
from fastnn import SGD, Adam, AdamW, Dense, Sequential, Session
from fastnn.schedules import Cosine, CosineRestarts, OneCycle, Piecewise, Polynomial

X = np.linspace(-1, 1, 40)[:, None]
y = np.sign(X)
STEPS = 4
"""Steps of an epoch."""


def model_of(optimizer):
    model = Sequential([Dense(3), Dense(1)], seed=0)
    model.compile(optimizer, loss="mse")
    return model


def fit(model, epochs=1):
    """Train; the learning rates of the epochs' last steps."""
    before = len(model.history)
    model.fit(X, y, epochs=epochs, batch_size=10, verbose=0)
    return model.history["learning_rate"][before:]


def rates(optimizer, epochs):
    return optimizer.rates(0, epochs * STEPS)[STEPS - 1 :: STEPS].tolist()


@pytest.mark.parametrize("first", [Adam(1e-4), AdamW(Cosine(0.1, 99)), SGD(0.1)], ids=repr)
@pytest.mark.parametrize("schedule", [Cosine(1e-3, 12), OneCycle(1e-2, 12)], ids=repr)
def test_a_new_schedule_starts_at_its_step_0(first, schedule):
    model = model_of(first)
    fit(model, 5)
    model.compile(Adam(schedule), loss="mse")
    weights = model.get_weights()[0]
    assert fit(model, 3) == rates(Adam(schedule), 3)
    assert np.abs(model.get_weights()[0] - weights).max() > 0


def test_an_equal_schedule_goes_on_and_one_that_is_over_begins_anew():
    def again(model):
        model.compile(Adam(Cosine(1e-3, 12)), loss="mse", metrics=["mae"])

    expected = rates(Adam(Cosine(1e-3, 12)), 3)
    model = model_of(Adam(Cosine(1e-3, 12)))
    found = fit(model, 2)
    again(model)
    found += fit(model)
    assert found == expected
    again(model)
    assert fit(model, 3) == expected


def test_a_new_rate_counts_as_it_is():
    model = model_of(Adam(1e-3))
    fit(model)
    model.learning_rate_factor = 0.01
    model.compile(Adam(1e-3), loss="mae")
    assert model.learning_rate_factor == 0.01
    model.compile(Adam(2e-3), loss="mae")
    assert fit(model) == [2e-3]


def test_a_file_and_a_snapshot_know_where_the_schedule_began(tmp_path):
    model = model_of(Adam(1e-3))
    fit(model, 2)
    before = model.snapshot()
    model.compile(Adam(Cosine(1e-3, 12)), loss="mse")
    expected = rates(Adam(Cosine(1e-3, 12)), 3)
    assert fit(model) == expected[:1]
    model.save(tmp_path / "model.safetensors")
    assert fit(fastnn.load(tmp_path / "model.safetensors"), 2) == expected[1:]
    after = model.snapshot()
    fit(model)
    model.restore(after)
    assert fit(model) == expected[1:2]
    model.restore(before)
    assert fit(model, 3) == expected


def test_a_schedule_set_in_the_middle_of_an_epoch_starts_there():
    class Stop(fastnn.Callback):
        every_steps = 6

        def on_steps_end(self, model, fraction):
            if model.step == 6:
                raise KeyboardInterrupt

    model, asked = model_of(Adam(1e-3)), []
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=3, batch_size=10, callbacks=[Stop()], verbose=0)
    model.compile(Adam(lambda t: asked.append(t.min()) or 1e-3 / (1 + t)), loss="mse")
    # Two steps of the epoch are left, then four more.
    assert fit(model, 2) == [1e-3 / 2, 1e-3 / 6]
    assert min(asked) == 0


def test_a_session_starts_a_schedule_where_it_is_set(tmp_path):
    model = model_of(Adam(1e-3))
    session = Session(model, X, y, directory=tmp_path, batch_size=10)
    session.run(5, verbose=0)
    session.set(learning_rate=Cosine(1e-3, 12))
    session.run(3, verbose=0)
    assert session.model.history["learning_rate"][5:] == rates(Adam(Cosine(1e-3, 12)), 3)
    session.close()


OVER = [
    Cosine(0.1, 8),
    OneCycle(0.1, 8),
    Polynomial(0.1, 8),
    Piecewise((8,), (0.1, 0.0)),
    lambda t: np.where(t < 8, 0.1, 0.0),
]


@pytest.mark.parametrize("schedule", OVER, ids=lambda s: type(s).__name__)
def test_a_schedule_that_is_over_is_said(schedule):
    model = model_of(SGD(schedule))
    with pytest.warns(UserWarning, match=r"from epoch 3 of this fit on.*is over.*fewer epochs"):
        fit(model, 9)
    with pytest.warns(UserWarning, match=r"in each epoch of this fit.*compile it, or another"):
        fit(model, 4)
    model.compile(SGD(schedule), loss="mse")
    assert fit(model, 2)[0] > 1e-3


def short_table(t):
    return np.full(12, 0.1)[t]


@pytest.mark.parametrize(
    "schedule",
    [Cosine(0.1, 8, 1e-4), CosineRestarts(0.1, 8), 0.1, 0.0, short_table, Cosine(0.1, 12)],
    ids=repr,
)
def test_nothing_is_said_of_a_schedule_that_goes_on(schedule):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model_of(SGD(schedule)), 3)


def test_the_optimizers_averages_go_on():
    model = model_of(Adam(1e-3))
    fit(model, 2)
    n = model._network.layout.n_parameters
    averages = model._network.state.values[n : 3 * n].copy()
    model.compile(Adam(Cosine(1e-3, 12)), loss="mse")
    assert_array_equal(model._network.state.values[n : 3 * n], averages)
    fit(model)
    assert model.step == 3 * STEPS
