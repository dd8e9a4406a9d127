"""Early stopping: each rule against curves whose stopping epoch is known on paper."""

import math
import time

import numpy as np
import pytest

from fastnn import SGD, Adam, Dense, DivergenceError, EarlyStopping, ReLU, Sequential, Softmax
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
        ({"patience": 2}, [math.inf, math.inf, 1], 2, None),
        # The best yet, but not below the baseline.
        ({"patience": 3, "baseline": 2}, [5, 4, 3, 2.5, 1], 3, 3),
        ({"patience": 3, "baseline": 2}, [5, 4, 1, 2, 1.5, 1.2], 6, 3),
        ({"patience": 3, "baseline": 2, "min_delta": 1}, [5, 1.2, 0.9, 0.8, 0.7, 0.6], 3, 2),
        ({"patience": 2, "baseline": 3, "mode": "max"}, [1, 4, 3, 2], 4, 2),
    ],
)
def test_the_stopping_epoch_is_the_one_on_paper(settings, curve, stopped, kept):
    assert follow(EarlyStopping(**settings), curve) == (stopped, kept)


def test_it_begins_anew_with_each_fit():
    stopping = EarlyStopping(patience=2)
    assert follow(stopping, [1, 2, 3]) == (3, 1)
    assert follow(stopping, [9, 8, 9, 9]) == (4, 2)
    assert "epoch 2 for 2" in stopping.reason


def test_a_baseline_that_was_not_met_is_the_reason():
    stopping = EarlyStopping(patience=2, baseline=3)
    assert follow(stopping, [5, 4]) == (2, 2)
    assert stopping.reason == "val_loss has not improved on the baseline, 3, for 2 values"
    with pytest.raises(ValueError, match=r"baseline='low'\): expected .*or None"):
        EarlyStopping(baseline="low")


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
    assert time.perf_counter() - start >= 0.2
    assert model.epoch < 10**6
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


@pytest.mark.parametrize(
    ("settings", "curve", "stopped", "kept"),
    [
        ({"patience": 2}, [5, 4, NAN, 4.5, 1], 4, 2),
        ({"patience": 2}, [NAN, 5, NAN, 4, 5, NAN, 1], 6, 4),
        ({"rule": "cumulative", "window": 2}, [NAN, 3, 2, 4, NAN, 1], 4, 3),
        ({"rule": "cumulative", "window": 2}, [5, 4, 3, NAN, 1], 4, 3),
    ],
)
def test_a_value_that_is_not_a_number_is_no_improvement(settings, curve, stopped, kept):
    stopping = EarlyStopping("loss", **settings)
    assert follow(stopping, curve, "loss") == (stopped, kept)


@pytest.mark.parametrize("rule", ["patience", "cumulative"])
def test_where_no_value_is_a_number_the_last_weights_stay(rule):
    stopping = EarlyStopping("loss", rule=rule, patience=3, window=2)
    with pytest.warns(UserWarning, match=r'"loss", which is NaN in each of the 3 epochs.*stay'):
        assert follow(stopping, [NAN] * 9, "loss") == (3, None)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (None, 3)


def test_a_validation_loss_that_is_no_number_is_a_measurement():
    model = Sequential([Dense(4), ReLU(), Dense(1)], seed=0)
    model.compile(SGD(1e-3), "mse")
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    far = np.full_like(X, 3e38), X[:, 0]
    stopping = EarlyStopping(patience=3)
    for callbacks in ([stopping], []):
        model.fit(X, X[:, 0], 9, validation_data=far, callbacks=callbacks, verbose=0)
    assert (stopping.stopped_epoch, stopping.best_epoch) == (3, None)
    assert stopping.reason == "val_loss has not improved for 3 values"
    assert model.history["val_loss"] == [math.inf] * 12


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
