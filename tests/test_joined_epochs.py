"""Epochs that are taken in one go are those that are taken one by one, to the bit."""

import numpy as np
import pytest
from test_continue import assert_same, network

import fastnn
from fastnn import SGD, BatchNorm, Callback, Dense, Dropout, ReLU, Sequential, Softmax, Tanh
from fastnn.datasets import load_digits
from fastnn.engine.pace import Pace
from fastnn.engine.threads import alone
from fastnn.losses import CrossEntropy
from fastnn.training.epochs import Epochs

X, y = load_digits()


@pytest.fixture(autouse=True)
def seven_at_a_time(monkeypatch):
    """On one thread, however busy the machine is."""
    monkeypatch.setattr(Pace, "together", lambda self, steps, rows, left: min(left, 7))
    with alone():
        yield


def test_epochs_taken_together_are_those_taken_one_by_one():
    together, singly = network(), network()
    together.fit(X, y, epochs=60, verbose=0)
    for _ in range(60):
        singly.fit(X, y, epochs=1, verbose=0)
    assert_same(together, singly)


JOINED = {
    "validation": {"validation_split": 0.2},
    "metrics": {"metrics": ["accuracy"]},
    "both": {"validation_split": 0.3, "metrics": ["accuracy", "f1"]},
    "other rows": {"validation_data": (X[:40], y[:40])},
    "weights": {"sample_weight": np.linspace(0, 2, len(X)), "validation_split": 0.2},
    "sum": {"validation_split": 0.2, "loss": CrossEntropy(reduction="sum")},
    "in sequence": {"validation_split": 0.2, "shuffle": False},
    "float64": {"validation_split": 0.2, "dtype": "float64"},
    "seldom": {"validation_split": 0.2, "validation_freq": 3},
    "penalties": {"validation_split": 0.2, "l2": 1e-3},
}


@pytest.mark.parametrize("case", JOINED)
def test_watched_epochs_are_those_taken_together(case, monkeypatch):
    taken, take = [], Epochs.take
    monkeypatch.setattr(Epochs, "take", lambda self, n: (taken.append(n), take(self, n))[1])
    fit = dict(JOINED[case])
    metrics, loss = fit.pop("metrics", []), fit.pop("loss", "cross_entropy")
    l2, dtype = fit.pop("l2", 0.0), fit.pop("dtype", "float32")
    models = []
    for callbacks in ([], [lambda model, history: None]):
        layers = [Dense(16, l2=l2), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax()]
        model = Sequential(layers, seed=0, dtype=dtype)
        model.compile(SGD(0.05), loss=loss, metrics=metrics)
        model.fit(X, y, epochs=30, callbacks=callbacks, verbose=0, **fit)
        models.append(model)
        joined = not callbacks and case not in ("seldom", "penalties")
        assert max(taken) == (7 if joined else 1)
        taken.clear()
    assert_same(*models)


def test_a_callback_that_need_not_see_each_epoch_sees_the_last():
    class Seldom(Callback):
        every_epoch = False
        seen = ()

        def on_epoch_end(self, model, history):
            assert len(history) == model.epoch
            self.seen = (*self.seen, model.epoch)
            return model.epoch >= 40

    model, watch = network(), Seldom()
    model.fit(X, y, epochs=200, callbacks=[watch], validation_split=0.2, verbose=0)
    assert watch.seen == (1, 8, 15, 22, 29, 36, 43)


@pytest.mark.parametrize("fatal", [50, 90, 91, 320, 1000])
def test_divergence_between_validations(fatal):
    models = []
    for callbacks in ([], [lambda model, history: None]):
        model = Sequential([Dense(10)], seed=0)
        model.compile(SGD(lambda s: np.where(s == fatal - 2, 1e30, 0.01)), loss="mse")
        with pytest.raises(fastnn.DivergenceError) as caught:
            model.fit(
                X, np.eye(10)[y], epochs=30, callbacks=callbacks, validation_split=0.2, verbose=0
            )  # fmt: skip
        assert caught.value.step == fatal
        assert len(caught.value.history["val_loss"]) == (fatal - 1) // 45
        models.append(model)
    assert_same(*models)


@pytest.mark.parametrize("fatal", [60, 114, 115, 400, 1000])
def test_divergence_leaves_the_same_however_epochs_are_taken(fatal):
    models = []
    for callbacks in ([], [lambda model, history: None]):
        model = Sequential([Dense(10)], seed=0)
        model.compile(SGD(lambda s: np.where(s == fatal - 2, 1e30, 0.01)), loss="mse")
        with pytest.raises(fastnn.DivergenceError) as caught:
            model.fit(X, np.eye(10)[y], epochs=30, callbacks=callbacks, verbose=0)
        assert caught.value.step == fatal
        assert caught.value.epoch == (fatal - 1) // 57 + 1
        assert len(caught.value.history) == (fatal - 1) // 57
        models.append(model)
    assert models[0].step == fatal - 2
    assert_same(*models)
    for model in models:
        model.compile(SGD(0.01), loss="mse")
        model.fit(X, np.eye(10)[y], epochs=2, verbose=0)
    assert_same(*models)


@pytest.mark.parametrize("validation", [False, True])
@pytest.mark.parametrize(
    ("layers", "rate", "scale"),
    [
        ([Dense(6), BatchNorm(), Dropout(0.3), Tanh(), Dense(1)], 1.0, 1e10),
        ([Dense(8), BatchNorm(), ReLU(), Dense(1)], 0.01, 3e18),
        ([Dense(5), ReLU(), Dense(1)], 1e15, 1e17),
        ([Dense(1), BatchNorm()], 1e25, 1e17),
    ],
    ids=["statistics, then a loss", "statistics", "weights", "last layer"],
)
def test_a_state_that_is_not_finite_before_its_loss_is(layers, rate, scale, validation):
    rng, found = np.random.default_rng(0), []
    rows, targets = (rng.normal(size=(33, 3)) * scale).astype("f4"), rng.normal(size=33)
    held = (rows[:5], targets[:5]) if validation else None
    for callbacks in ([], [lambda model, history: None]):
        model = Sequential(layers, seed=1)
        model.compile(SGD(rate), loss="mse", metrics=["mae"])
        told = []
        for _ in range(4):
            try:
                model.fit(rows, targets, 6, 8, validation_data=held, callbacks=callbacks, verbose=0)
            except fastnn.DivergenceError as error:
                told.append((error.epoch, error.step, str(error)))
            assert all(np.isfinite(array).all() for array in model.get_weights())
        assert told
        measured = {k: v for k, v in model.history.history.items() if k != "seconds"}
        found.append((told, model.step, model.epoch, model._network.drawn, repr(measured)))
        found[-1] += tuple(array.tobytes() for array in model.get_weights())
    assert found[0] == found[1]
