"""Early stopping: each rule against curves whose stopping epoch is known on paper."""

import math
import time

import numpy as np
import pytest

from fastnn import (
    SGD,
    Adam,
    Callback,
    Checkpoint,
    Dense,
    DivergenceError,
    EarlyStopping,
    ReduceOnPlateau,
    ReLU,
    Sequential,
    Softmax,
    load,
)
from fastnn.datasets import load_digits


class Model:
    """Stands for a model: its state is the number of the epoch."""

    def __init__(self):
        self.state = self.restored = None

    def snapshot(self):
        return self.state

    def restore(self, snapshot):
        self.restored = snapshot


def follow(stopping, curve, column="val_loss"):
    """Run a callback over a curve; the epoch it stops at (None: never)."""
    from fastnn import History

    model, history = Model(), History()
    stopping.on_train_begin(model, len(curve))
    stopped = None
    for epoch, value in enumerate(curve, start=1):
        model.state = epoch
        history.append(epoch, {column: value})
        if stopping.on_epoch_end(model, history):
            stopped = epoch
            break
    stopping.on_train_end(model, history)
    assert stopping.stopped_epoch == stopped
    return stopped, model.restored


NAN = math.nan


@pytest.mark.parametrize(
    ("settings", "curve", "stopped", "kept"),
    [
        ({"patience": 2}, [5, 4, 3, 4, 5, 6], 5, 3),
        ({"patience": 2}, [5, 4, 3, 3, 3, 1], 5, 3),
        ({"patience": 3}, [5, 4, 3, 4, 5, 1, 2, 2], None, 6),
        ({"patience": 1}, [5, 6], 2, 1),
        # 4.9 is no improvement by more than 0.5 on 5, 4.4 is one.
        ({"patience": 2, "min_delta": 0.5}, [5, 4.9, 4.4, 4.3, 4.2, 4.1], 5, 3),
        ({"patience": 2, "min_delta": 0.5}, [5, 4.5, 4.5], 3, 1),
        # The first two epochs count for nothing, though the first is the best of all.
        ({"patience": 2, "warmup": 2}, [1, 9, 5, 6, 7, 8], 5, 3),
        # Epochs without a validation are no epochs.
        ({"patience": 2}, [NAN, 5, NAN, 3, NAN, 4, NAN, 5, NAN, 6], 8, 4),
        ({"patience": 2, "mode": "max"}, [1, 2, 3, 2, 1], 5, 3),
        # 2 > 1 is the first value above the one three before it: the differences' sum is +1.
        ({"rule": "cumulative", "window": 3}, [5, 1, 4, 3, 2, 0], 5, 2),
        ({"rule": "cumulative", "window": 1}, [5, 4, 4, 3, 3.5], 5, 4),
        ({"rule": "cumulative", "window": 3, "warmup": 2}, [5, 1, 4, 3, 2, 1, 9], 7, 6),
        ({"rule": "cumulative", "window": 2}, [3, 2, 1, 0], None, 4),
        ({"patience": 2, "restore_best_weights": False}, [3, 4, 5], 3, None),
        ({"patience": 2}, [NAN, NAN, NAN], None, None),
    ],
)
def test_the_stopping_epoch_is_the_one_on_paper(settings, curve, stopped, kept):
    assert follow(EarlyStopping(**settings), curve) == (stopped, kept)


def test_it_begins_anew_with_each_fit():
    stopping = EarlyStopping(patience=2)
    assert follow(stopping, [1, 2, 3]) == (3, 1)
    assert follow(stopping, [9, 8, 9, 9]) == (4, 2)
    assert "epoch 2 for 2" in stopping.reason


def test_metrics_that_rise_are_known():
    stopping = EarlyStopping("val_accuracy", patience=1)
    assert follow(stopping, [0.5, 0.6, 0.55], "val_accuracy") == (3, 2)


def network(rate=3e-3, **settings):
    model = Sequential([Dense(30), ReLU(), Dense(10), Softmax()], seed=2)
    model.compile(Adam(rate), metrics=["accuracy"], **settings)
    return model


def test_a_fit_keeps_the_best_weights_to_the_bit():
    X, y = load_digits()
    held_out = np.arange(0, len(X), 4)
    kept = {}

    def remember(model, history):
        kept[history.epoch[-1]] = model.get_weights()

    model = network(0.02)
    stopping = EarlyStopping(patience=6)
    history = model.fit(
        X[::9], y[::9], 200, 8, validation_data=(X[held_out], y[held_out]),
        callbacks=[remember, stopping], verbose=0,
    )  # fmt: skip
    assert stopping.stopped_epoch == history.epoch[-1] < 200
    assert stopping.best_epoch == history.best_epoch == history.epoch[-1] - 6
    for now, then in zip(model.get_weights(), kept[stopping.best_epoch], strict=True):
        np.testing.assert_array_equal(now, then)
    score = model.evaluate(X[held_out], y[held_out])["loss"]
    assert score == history["val_loss"][stopping.best_epoch - 1]


def test_the_best_weights_are_kept_when_the_loss_diverges():
    X, y = load_digits()
    model = Sequential([Dense(10)], seed=0)
    rates = lambda steps: np.where(steps < 90, 0.01, 1e9)  # noqa: E731
    model.compile(SGD(rates), loss="mse")
    stopping = EarlyStopping("loss")
    targets = np.eye(10)[y]
    with pytest.raises(DivergenceError):
        model.fit(X, targets, epochs=20, batch_size=60, callbacks=[stopping], verbose=0)
    assert stopping.best_epoch == 3
    assert model.step == 90
    twin = Sequential([Dense(10)], seed=0)
    twin.compile(SGD(0.01), loss="mse")
    twin.fit(X, targets, epochs=3, batch_size=60, verbose=0)
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))


def test_the_best_weights_are_kept_when_a_callback_fails():
    X, y = load_digits()
    model = network()
    stopping = EarlyStopping("loss", mode="max")

    def fail(model, history):
        if len(history) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=9, callbacks=[stopping, fail], verbose=0)
    assert stopping.best_epoch == 1
    assert model.epoch == 4


def test_it_stops_when_the_time_is_over():
    X, y = load_digits()
    model = network()
    stopping = EarlyStopping("loss", patience=10**6, max_time=0.2)
    start = time.perf_counter()
    model.fit(X, y, epochs=10**6, callbacks=[stopping], verbose=0)
    assert 0.2 <= time.perf_counter() - start < 2
    assert "of 0.2" in stopping.reason


def test_a_stopped_model_trains_on_from_its_best_epoch():
    X, y = load_digits()
    model, twin = network(), network()
    stopping = EarlyStopping("loss", mode="max", patience=3)
    model.fit(X, y, epochs=9, callbacks=[stopping], verbose=0)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 4)
    assert model.step == 57
    twin.fit(X, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    model.fit(X, y, epochs=1, verbose=0)
    assert model.history.epoch == [1, 2, 3, 4, 5]


class Note(Callback):
    """Notes who is called when."""

    def __init__(self, calls, name, saves=False, fails=False):
        self.calls, self.name, self.saves, self.fails = calls, name, saves, fails

    def on_train_begin(self, model, epochs):
        self.calls.append(f"begin {self.name}")

    def on_train_end(self, model, history):
        self.calls.append(f"end {self.name}")
        if self.fails:
            raise KeyError(self.name)


def test_callbacks_end_in_the_sequence_in_which_they_begin():
    X, y = load_digits()
    calls = []
    notes = [Note(calls, "saver", saves=True), Note(calls, "one", fails=True), Note(calls, "two")]
    with pytest.raises(KeyError):
        network().fit(X, y, callbacks=notes, verbose=0)
    order = ["one", "two", "saver"]
    assert calls == [f"{when} {name}" for when in ("begin", "end") for name in order]


@pytest.mark.parametrize("every", [1, 1000])
@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_file_is_the_restored_model(tmp_path, every, turned):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 10)), rng.integers(0, 2, 120)
    model = Sequential([Dense(64), ReLU(), Dense(2), Softmax()], seed=0)
    model.compile(Adam(1e-2))
    stopping = EarlyStopping(patience=5)
    callbacks = [
        stopping, ReduceOnPlateau("val_loss", patience=2), Checkpoint(tmp_path, every=every)
    ]  # fmt: skip
    callbacks = callbacks[::-1] if turned else callbacks
    model.fit(X, y, epochs=60, validation_split=0.3, callbacks=callbacks, verbose=0)
    assert model.epoch == stopping.best_epoch + 5 < 60
    assert (model.step, model.learning_rate_factor) == (3 * stopping.best_epoch, 1.0)
    twin = load(Checkpoint.latest(tmp_path))
    assert (twin.step, twin.learning_rate_factor) == (model.step, 1.0)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_a_snapshot_goes_on_under_what_was_compiled_since():
    X, y = load_digits()
    model = network()
    model.fit(X, y, 2, verbose=0)
    model.learning_rate_factor = 0.5
    before = model.snapshot()
    model.fit(X, y, verbose=0)
    model.learning_rate_factor = 0.25
    model.restore(before)
    assert (model.step, model.learning_rate_factor) == (before.step, 0.5)
    weights = model.get_weights()
    model.compile(SGD(0.1, momentum=0.9))
    model.fit(X, y, verbose=0)
    model.restore(before)
    # Adam's averages are no momentum.
    n = model._network.layout.n_parameters
    assert not model._network.state.values[n : 3 * n].any()
    assert (model.step, model.learning_rate_factor) == (0, 1.0)
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])


def test_a_column_that_is_not_recorded_is_refused_before_training():
    X, y = load_digits()
    model = network()
    with pytest.raises(ValueError, match=r'watches "val_loss".*loss, accuracy.*validation_split'):
        model.fit(X, y, callbacks=[EarlyStopping()], verbose=0)
    with pytest.raises(ValueError, match=r'watches "val_f1".*metrics='):
        model.fit(X, y, validation_split=0.2, callbacks=[EarlyStopping("val_f1")], verbose=0)
    assert model.epoch == 0


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"patience": 0}, "patience=0"),
        ({"window": 1.5}, "window=1.5"),
        ({"warmup": -1}, "whole number of at least 0"),
        ({"min_delta": -1}, "min_delta=-1"),
        ({"rule": "sum"}, '"patience" or "cumulative"'),
        ({"max_time": 0}, "number above 0 or None"),
        ({"mode": "up"}, 'mode="min"'),
        ({"monitor": "val_profit"}, 'pass mode="min" or mode="max"'),
        ({"restore_best_weights": 1}, "True or False"),
    ],
)
def test_wrong_settings_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        EarlyStopping(**settings)
