"""Divergence: back to the last weights whose loss was finite, to the bit, wherever it happens."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastnn
from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Dense,
    DivergenceError,
    Dropout,
    NAdam,
    ReLU,
    RMSprop,
    Sequential,
    Softmax,
    Standardize,
    schedules,
)
from fastnn.inputs import arrays
from fastnn.training import divergence
from fastnn.training.epochs import Epochs

SETTINGS = 200
SETTINGS_AT_NIGHT = 5_000
ROWS, FEATURES = 96, 5


@pytest.fixture(autouse=True)
def open_door(monkeypatch):
    """Lets through rows that overflow: what happens behind the door is tested here."""
    largest = arrays._largest
    monkeypatch.setattr(
        arrays, "_largest", lambda own, wanted, squares: largest(own, wanted, False)
    )


def rates(blow_up_at, rate=0.02):
    """A rate that is too large for any number at one step, counted from 1."""
    if blow_up_at == 1:
        return schedules.Piecewise((1,), (1e308, rate))
    return schedules.Piecewise((blow_up_at - 1, blow_up_at), (rate, 1e308, rate))


def full_state(model):
    return model._network.state.values.copy()


class Kept(Callback):
    """The state after each step, and what is to be changed on the way."""

    every_steps = 1

    def __init__(self, change=None):
        self.states, self.change = {}, change

    def on_train_begin(self, model, epochs):
        self.states[model.step] = full_state(model)

    def on_steps_end(self, model, fraction):
        self.states[model.step] = full_state(model)

    def on_epoch_end(self, model, history):
        if self.change is not None:
            self.change(model, history)


class Change(Callback):
    """The same change, by somebody who does not look at each step."""

    def __init__(self, change):
        self.change = change

    def on_epoch_end(self, model, history):
        self.change(model, history)


def drawn(rng):
    """A setting: a maker of models, arguments of fit, rows, and what changes between epochs."""
    optimizer = [SGD, Adam, RMSprop, NAdam, lambda r: SGD(r, momentum=0.9)][rng.integers(5)]
    layers = [
        *[[], [Standardize()]][rng.integers(2)], Dense(6),
        *[[], [BatchNorm()]][rng.integers(2)], ReLU(), *[[], [Dropout(0.2)]][rng.integers(2)],
        Dense(3), Softmax(),
    ]  # fmt: skip
    metrics, seed = [[], ["accuracy"]][rng.integers(2)], int(rng.integers(100))
    dtype = ["float32", "float64"][rng.integers(2)]
    clip = [None, 1.0][rng.integers(2)]

    def make(rate):
        model = Sequential(layers, seed=seed, dtype=dtype)
        model.compile(optimizer(rate), metrics=metrics, clip_norm=clip)
        return model

    settings = {"batch_size": int(rng.choice([7, 16, 32, 96])), "verbose": 0}
    settings["shuffle"] = bool(rng.integers(4))
    settings["validation_split"] = float(rng.choice([0.0, 0.25]))
    X = rng.normal(size=(ROWS, FEATURES))
    if dtype == "float32" and rng.integers(2):
        X = X.astype(np.float32)
    if rng.integers(4) == 0:
        X = np.asfortranarray(X)[::-1]
    y = rng.integers(0, 3, ROWS)
    changes = [None, None, slower, moved]
    return make, settings, X, y, changes[rng.integers(4)]


def slower(model, history):
    model.learning_rate_factor *= 0.5


def moved(model, history):
    if len(history) % 2:
        model.set_weights([array * 0.9 for array in model.get_weights()])


def wild(X, row):
    X = X.copy()
    X[row] = np.finfo(np.float32).max * 0.9
    return X


def check_exact(rng):
    """One fit that explodes, after none or some others, beside one that is watched step by step."""
    make, settings, X, y, change = drawn(rng)
    earlier = int(rng.integers(4))
    bounds = len(range(0, int(ROWS * (1 - settings["validation_split"])), settings["batch_size"]))
    epochs = int(rng.integers(1, 30))
    at = int(rng.integers(1, epochs * bounds + 1))
    by_row = rng.integers(3) == 0
    models = [make(0.02) for _ in range(2)]
    for model in models:
        if earlier:
            model.fit(X, y, epochs=earlier, **settings)
    start = models[0].step
    watcher = Kept(change)
    found = []
    for model, callbacks in zip(
        models, ([watcher], [] if change is None else [Change(change)]), strict=True
    ):
        if not by_row:
            model._setup = make(rates(start + at))._setup
        rows = wild(X, 11) if by_row else X
        try:
            model.fit(rows, y, epochs=epochs, callbacks=callbacks, **settings)
        except DivergenceError as error:
            found.append((error.step, error.epoch, len(model.history), model.step))
        else:
            found.append(None)
    watched, plain = models
    assert_array_equal(full_state(watched), full_state(plain))
    assert found[0] == found[1]
    assert watched._network.drawn == plain._network.drawn
    assert all(np.isfinite(array).all() for array in plain.get_weights())
    # A Standardize forgets rows with which nothing was learned: it has a test of its own.
    forgets = plain.step == 0 and isinstance(plain.layers[0], Standardize)
    known = found[0] is not None and found[0][3] in watcher.states
    if known and change is not moved and not forgets:
        assert_array_equal(full_state(plain), watcher.states[found[0][3]])
        assert found[0][3] == max(start, found[0][0] - 2)
    return found[0] is not None


def exploded(rng, count):
    return sum(check_exact(rng) for _ in range(count))


@pytest.fixture(params=["copies are cheap", "copies are dear"])
def share(request, monkeypatch):
    """As for small networks, and for those so large that a copy is due only now and then."""
    if request.param == "copies are dear":
        monkeypatch.setattr(divergence, "SHARE", 1e-9)


@pytest.mark.usefixtures("share")
def test_every_divergence_is_undone_to_the_bit():
    found = exploded(np.random.default_rng(0), SETTINGS // 2)
    assert found > 0.5 * SETTINGS // 2


@pytest.mark.nightly
# Rows that are wild enough for it are warned of; here they are drawn on purpose.
@pytest.mark.filterwarnings("ignore:the gradient is so large:UserWarning")
@pytest.mark.usefixtures("share")
def test_thousands_of_divergences_are_undone_to_the_bit():
    exploded(np.random.default_rng(), SETTINGS_AT_NIGHT // 2)


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize("earlier", [0, 1, 50])
def test_a_fit_that_fails_in_its_first_step_changes_nothing(batchnorm, earlier):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(320, 6)).astype(np.float32), rng.integers(0, 3, 320)
    middle = [BatchNorm()] if batchnorm else []
    model = Sequential([Dense(16), *middle, ReLU(), Dense(3), Softmax()], seed=0).build(6)
    model.compile(Adam(1e-2), metrics=["accuracy"])
    if earlier:
        model.fit(X, y, epochs=earlier, verbose=0)
    before, step = full_state(model), model.step
    with pytest.raises(DivergenceError, match="the loss is not finite at step"):
        model.fit(np.full_like(X, 1e38), y, batch_size=None, verbose=0)
    assert_array_equal(full_state(model), before)
    assert (model.step, model.epoch, len(model.history)) == (step, earlier, earlier)
    history = model.fit(X, y, epochs=3, validation_split=0.2, verbose=0)
    assert np.isfinite(history["val_loss"][-3:]).all()
    assert np.isfinite(model.predict(X)).all()


def test_standardize_forgets_rows_with_which_nothing_was_learned():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 3)), rng.normal(size=64)
    model, plain = (Sequential([Standardize(), Dense(1)], seed=0) for _ in range(2))
    for one in (model, plain):
        one.compile(SGD(0.1), "mse")
    with pytest.raises(DivergenceError):
        model.fit(X * 1e10, np.full(64, 3e38), verbose=0)
    generator = plain._shuffle_rng.bit_generator.state
    model._shuffle_rng.bit_generator.state = generator
    for one in (model, plain):
        one.fit(X, y, verbose=0)
    assert_array_equal(model.get_weights()[0], plain.get_weights()[0])


def test_an_update_that_no_loss_has_met_is_undone():
    """The last step of a fit: nothing measures its weights any more."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 3)), rng.normal(size=64)
    for epochs in (1, 5):
        model = Sequential([Dense(4), Dense(1)], seed=0)
        kept, last = Kept(), 2 * epochs
        model.compile(SGD(rates(last)), "mse")
        with pytest.raises(DivergenceError, match=rf"step {last + 1}") as caught:
            model.fit(X, y, epochs=epochs, callbacks=[kept], verbose=0)
        assert len(caught.value.history) == epochs
        assert_array_equal(full_state(model), kept.states[last - 1])
        assert model.step == last - 1


def test_statistics_that_overflow_are_undone_with_their_step():
    """The loss stays finite: 1 / deviation is 0 there."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 3)).astype(np.float32), rng.normal(size=64)
    X[40] = 3e25
    states = {}
    for watched in (True, False):
        model, kept = Sequential([Dense(4), BatchNorm(), Dense(1)], seed=0), Kept()
        model.compile(SGD(1e-3), "mse")
        given = {"batch_size": 8, "shuffle": False, "verbose": 0}
        with pytest.raises(DivergenceError, match="step 7"):
            model.fit(X, y, epochs=3, callbacks=[kept] if watched else [], **given)
        assert model.step == 5
        states |= kept.states if watched else {}
        assert_array_equal(full_state(model), states[5])


def test_lbfgs_keeps_statistics_of_points_that_it_has_left():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 3)).astype(np.float32), rng.normal(size=64)
    model = Sequential([Dense(4), BatchNorm(), Dense(1)], seed=0).build(3)
    model.compile("lbfgs", "mse")
    before = full_state(model)
    with pytest.raises(DivergenceError):
        model.fit(np.full_like(X, 1e38), y, batch_size=None, verbose=0)
    assert_array_equal(full_state(model), before)
    model.fit(X, y, epochs=3, batch_size=None, verbose=0)
    assert np.isfinite(model.predict(X)).all()


def test_predictions_that_are_nan_are_told():
    model = Sequential([Dense(8), ReLU(), Dense(3), Softmax()], seed=0).build(3)
    few, many = np.ones((4, 3), np.float32), np.ones((3000, 3), np.float32)
    for rows in (few, many, few.astype(np.float64)):
        assert np.isfinite(model.predict(rows)).all()
        rows[2] = 3e38
        with pytest.warns(RuntimeWarning, match=r"NaN in row 2: in X, .*; scale"):
            outputs = model.predict(rows)
        assert np.flatnonzero(np.isnan(outputs).any(axis=1)).tolist() == [2]


class Nobody(Callback):
    """Takes a fit from the short way of single epochs."""


@pytest.mark.parametrize("blow_up_at", [17, 20, 23, 24])
def test_a_single_epoch_that_fails_ends_as_one_that_is_watched(blow_up_at):
    X, y = np.random.default_rng(0).normal(size=(ROWS, FEATURES)), np.arange(ROWS) % 3
    kept = []
    for callbacks in ([], [Nobody()]):
        layers = [Dense(6), BatchNorm(), ReLU(), Dropout(0.2), Dense(3), Softmax()]
        model = Sequential(layers, seed=1)
        model.compile(SGD(rates(blow_up_at)), metrics=["accuracy"])

        def fit(model=model, callbacks=callbacks):
            model.fit(X, y, batch_size=12, verbose=0, callbacks=callbacks)

        fit(), fit()
        with pytest.raises(DivergenceError) as caught:
            fit()
        found = caught.value
        after = model._network.drawn["state"], model.step, model.epoch, found.step, found.epoch
        kept.append((str(found), after, full_state(model), model.history["loss"]))
    (text, after, state, losses), others = kept
    assert (text, after, losses) == (others[0], others[1], others[3])
    assert_array_equal(state, others[2])


def test_what_does_not_diverge_is_left_alone():
    """Large losses and weights are no divergence."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 3)), 1e18 * rng.normal(size=64)
    model = Sequential([Dense(4), ReLU(), Dense(1)], seed=0)
    model.compile(fastnn.Adam(1e3), "mae")
    history = model.fit(X, y, epochs=40, verbose=0)
    assert len(history) == 40


def test_steps_that_cannot_be_taken_again_end_the_way_back(monkeypatch):
    monkeypatch.setattr(divergence, "SHARE", 1e-9)
    monkeypatch.setattr(Epochs, "_again", lambda *_: None)
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    model = Sequential([Dense(6), ReLU(), Dense(3), Softmax()], seed=0)
    model.compile(SGD(rates(40)))
    with pytest.raises(DivergenceError):
        model.fit(X, y, epochs=30, batch_size=20, verbose=0)
    assert all(np.isfinite(array).all() for array in model.get_weights())
    assert model.step < 40
