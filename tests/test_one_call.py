"""One call after the other: what a call leaves prepared for the next one never goes stale."""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Callback,
    Dense,
    Dropout,
    LeakyReLU,
    ReLU,
    Sequential,
    Softmax,
)
from fastnn.losses import Huber

FEATURES, CLASSES = 5, 3
ROWS = 14, 21, 42, 90
CALLS = 25


class Looking(Callback):
    """Looks at the model every three steps."""

    every_steps = 3

    def on_steps_end(self, model, fraction):
        assert 0 < fraction <= 1


def table(rng, n):
    """The same kind of rows, each time in another form."""
    X = (rng.random((n, 2 * FEATURES)) * 9).astype(
        rng.choice(["f4", "f8", "u1", ">f4"], p=[0.5, 0.2, 0.2, 0.1])
    )
    forms = [X[:, ::2], X[:, :FEATURES].copy(), X[::-1, FEATURES:], np.asfortranarray(X[:, ::2])]
    return forms[rng.integers(len(forms))]


def targets(rng, n):
    """Labels, or a distribution for each row."""
    if rng.integers(3):
        return rng.integers(0, CLASSES, n)
    parts = rng.random((n, CLASSES))
    return parts / parts.sum(axis=1, keepdims=True)


def fit(rng, model, kept):
    """A call of `fit` with whatever the generator says; at times with the rows of the last one."""
    n = int(rng.choice(ROWS))
    if not kept or rng.integers(2):
        kept[:] = table(rng, n), targets(rng, n), rng.random(n) + 0.1
    X, y, weight = kept
    if X.flags.writeable and rng.integers(3) == 0:
        X[0] = rng.integers(0, 9)
    settings = {
        "epochs": int(rng.integers(1, 4)),
        # Most often the same: a run is prepared for a batch size.
        "batch_size": 7 if rng.integers(5) else None,
        "shuffle": bool(rng.integers(4)),
        "sample_weight": weight if rng.integers(2) else None,
        "training_metrics": ["running", "running", "full"][rng.integers(3)],
        "validation_split": 0.3 if rng.integers(3) == 0 and y.ndim == 2 and len(y) > 9 else 0.0,
        "callbacks": [Looking()] if rng.integers(3) == 0 else (),
    }
    return model.fit(X, y, verbose=0, **settings)


def change(rng, model):
    """Something that another call may come upon."""
    way = rng.integers(12)
    if way == 0:
        model.set_weights([0.9 * np.abs(array) for array in model.get_weights()])
    elif way == 1:
        model.compile([Adam(1e-3), SGD(0.01)][rng.integers(2)], metrics=["accuracy"])
    elif way == 2:
        model.learning_rate_factor = 0.5
    elif way == 3:
        fastnn.set_num_threads(int(rng.integers(1, 3)))
    elif way == 4:
        model.predict(table(rng, 4))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(6))
def test_calls_in_any_form_one_after_the_other(seed, dtype, monkeypatch):
    monkeypatch.setattr("fastnn.engine.threads._maximum", lambda: 2)
    layers = [Dense(8), BatchNorm(), ReLU(), Dropout(0.1), Dense(CLASSES), Softmax()]
    prepared = Sequential(layers, seed=seed, dtype=dtype)
    prepared.compile("adam", metrics=["accuracy"])
    prepared.build(FEATURES)
    anew = copy.deepcopy(prepared)
    rng, again, kept, kept_too = *(np.random.default_rng(seed) for _ in range(2)), [], []
    try:
        for _ in range(CALLS):
            # The twin starts each call without anything that an earlier one has prepared.
            anew = pickle.loads(pickle.dumps(anew))
            ours, theirs = fit(rng, prepared, kept), fit(again, anew, kept_too)
            for name in ("loss", "accuracy", "gradient_norm", "learning_rate"):
                assert ours[name] == theirs[name]
            np.testing.assert_array_equal(
                prepared._network.state.values, anew._network.state.values
            )
            change(rng, prepared)
            change(again, anew)
    finally:
        fastnn.set_num_threads(None)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": True}, {"epochs": 1.0}, {"batch_size": 7.0}, {"shuffle": 1},
     {"validation_freq": True}, {"training_metrics": "none"}, {"callbacks": 0},
     {"validation_split": 1.5}, {"verbose": 2}],
    ids=str,
)  # fmt: skip
def test_settings_that_only_look_like_those_of_the_last_call_are_refused(wrong):
    X, y = np.random.default_rng(0).random((14, FEATURES)), np.arange(14) % CLASSES
    model = Sequential([Dense(CLASSES), Softmax()], seed=0)
    model.compile("adam")
    for _ in range(3):
        model.fit(X, y, batch_size=7, verbose=0)
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError)):
        model.fit(X, y, **{"batch_size": 7, "verbose": 0, **wrong})
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_callbacks_that_a_list_gains_between_calls_are_called():
    X, y = np.random.default_rng(0).random((14, FEATURES)), np.arange(14) % CLASSES
    model, callbacks, seen = Sequential([Dense(CLASSES), Softmax()], seed=0), [], []
    model.compile("adam")
    for _ in range(3):
        model.fit(X, y, batch_size=7, verbose=0, callbacks=callbacks)
    callbacks.append(lambda model, history: seen.append(model.epoch))
    model.fit(X, y, batch_size=7, verbose=0, callbacks=callbacks)
    assert seen == [4]


class Count:
    """A count that its owner may change."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


@pytest.mark.parametrize("count", [np.array(1), Count(1)], ids=["array", "own"])
def test_counts_that_may_change_are_read_at_each_call_and_never_written(count):
    X, y = np.random.default_rng(0).random((14, FEATURES)), np.arange(14) % CLASSES
    model = Sequential([Dense(CLASSES), Softmax()], seed=0)
    model.compile("adam")

    def made(value, **settings):
        if isinstance(count, Count):
            count.value = value
        else:
            count[...] = value
        before = model.epoch, model.step
        model.fit(X, y, verbose=0, **settings)
        assert count.__index__() == value
        return model.epoch - before[0], model.step - before[1]

    for value in (1, 1, 3, 1):
        assert made(value, epochs=count, batch_size=7) == (value, 2 * value)
    for value in (7, 7, 14, 2):
        assert made(value, batch_size=count) == (1, 14 // value)
    made(2, epochs=4, validation_data=(X, y), validation_freq=count)
    assert np.isnan(model.history["val_loss"][-4:]).tolist() == [True, False, True, False]


class Slope(LeakyReLU):
    """A number of its own, of which the comparison of layers knows nothing."""

    def __init__(self, own):
        super().__init__(0.5)
        object.__setattr__(self, "own", own)

    @property
    def alpha(self):
        return self.own


class Threshold(Huber):
    """The same of a loss."""

    def __init__(self, own):
        super().__init__(1.0)
        object.__setattr__(self, "own", own)

    def settings(self):
        return {"delta": self.own}


class Ones(Dense):
    """A constructor of its own."""

    def __init__(self, n_in, units):
        super().__init__(units, init=np.ones((n_in, units)))


def own(layers, loss):
    model = Sequential(layers, dtype="float64")
    model.compile(SGD(0.0625), loss)
    model.build(1)
    return model


def test_layers_of_an_own_class_that_compare_equal_are_not_taken_for_each_other():
    for slope in (0.25, 0.125):
        model = own([Slope(slope), Ones(1, 1)], "mse")
        assert model.predict(np.array([[-1.0]])).item() == -slope


def test_so_are_losses_also_of_one_model():
    model = own([Ones(1, 1)], Threshold(1.0))
    for delta in (1.0, 0.25):
        model.compile(SGD(0.0625), Threshold(delta))
        # Of an error e above delta: delta (|e| - delta / 2), and its gradient is delta.
        assert model.evaluate([[4.0]], [[0.0]])["loss"] == delta * (4 - delta / 2)
        model.set_weights([np.ones((1, 1)), np.zeros(1)])
        model.fit([[4.0]], [[0.0]], verbose=0)
        assert model.get_weights()[0].item() == 1 - 0.0625 * 4 * delta
        model.set_weights([np.ones((1, 1)), np.zeros(1)])
