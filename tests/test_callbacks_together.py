"""Several callbacks in one fit: one sequence, one model at the end, and what NaN tells them."""

import numpy as np
import pytest

from fastnn import (
    SGD,
    Adam,
    Callback,
    Checkpoint,
    Dense,
    EarlyStopping,
    ReduceOnPlateau,
    ReLU,
    Sequential,
    Softmax,
    load,
)
from fastnn.datasets import load_digits


def network():
    model = Sequential([Dense(30), ReLU(), Dense(10), Softmax()], seed=2)
    model.compile(Adam(3e-3), metrics=["accuracy"])
    return model


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


def one_class_held_out(callbacks, epochs=8):
    """A fit whose validation rows are of one class: they have no ROC curve."""
    X, y = load_digits()
    X, y = X[:200], (y[:200] == 1).astype(int)
    model = Sequential([Dense(2), Softmax()], seed=0)
    model.compile(Adam(1e-2), metrics=["roc_auc"])
    held_out = np.flatnonzero(y == 0)[:40]
    model.fit(X, y, epochs, validation_split=held_out, callbacks=callbacks, verbose=0)
    return model


def test_a_curve_without_a_class_is_said_by_all_who_watch_it(tmp_path):
    column = "val_roc_auc"
    stopping = EarlyStopping(column, patience=5)
    with pytest.warns(UserWarning, match='EarlyStopping watches "val_roc_auc", which is NaN'):
        model = one_class_held_out([stopping])
    assert model.epoch == 5
    assert model.step == 5 * 5
    with pytest.warns(UserWarning, match="ReduceOnPlateau watches.*nothing to reduce the rate by"):
        one_class_held_out([ReduceOnPlateau(column, patience=2)])
    with pytest.warns(UserWarning, match='Checkpoint watches.*none was saved as "best'):
        one_class_held_out([Checkpoint(tmp_path, best=column)])
