"""Training that is broken off, copied or watched goes on to the bit."""

import _thread
import os
import signal
import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn import Adam, BatchNorm, Callback, Dense, Dropout, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
from fastnn.engine.pace import BLOCK_STEPS
from fastnn.engine.steps import StepsRun
from fastnn.engine.threads import alone

X, y = load_digits()


def network(metrics=(), seed=3, rate=2e-3):
    layers = [Dense(40), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax()]
    model = Sequential(layers, seed=seed)
    model.compile(Adam(rate), metrics=metrics)
    return model


def assert_same(one, other):
    """Everything that training leaves, but for the seconds."""
    layout = one._network.layout
    values = [model._network.state.values for model in (one, other)]
    for tensor in (*layout.parameters, *layout.running):
        # The parameters and their two slots; what fills the gaps between arrays means nothing.
        for k in range(3 if tensor in layout.parameters else 1):
            a, b = (v[k * layout.n_parameters :][tensor.slice] for v in values)
            np.testing.assert_array_equal(a, b, err_msg=f"{tensor}, slot {k}")
    assert (one.epoch, one.step) == (other.epoch, other.step)
    assert one.history.epoch == other.history.epoch
    assert one.history.history.keys() == other.history.history.keys()
    for name in one.history.history.keys() - {"seconds"}:
        np.testing.assert_array_equal(one.history[name], other.history[name], err_msg=name)
    state = [m._shuffle_rng.bit_generator.state for m in (one, other)]
    assert state[0] == state[1]


class BreakOff(Callback):
    """Ctrl-C after so many steps."""

    def __init__(self, step):
        self.every_steps = self.step = step

    def on_steps_end(self, model, fraction):
        if model.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


@pytest.mark.parametrize("step", [1, 13, 57, 58, 170])
def test_an_epoch_that_was_broken_off_is_ended_first(step):
    model, whole = network(["accuracy"]), network(["accuracy"])
    settings = {"validation_split": 0.2, "verbose": 0}
    whole.fit(X, y, epochs=6, **settings)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=6, callbacks=[BreakOff(step)], **settings)
    assert model.step == step
    assert model.predict(X).shape == (len(X), 10)
    model.fit(X, y, epochs=6 - model.epoch, **settings)
    assert_same(model, whole)


def test_another_batch_size_or_new_weights_begin_a_new_epoch():
    for change in ("batch", "weights", "rows"):
        model = network()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y, callbacks=[BreakOff(20)], verbose=0)
        if change == "weights":
            model.set_weights(model.get_weights())
        rows = slice(None, 1000 if change == "rows" else None)
        size = 64 if change == "batch" else 32
        model.fit(X[rows], y[rows], batch_size=size, verbose=0)
        assert model.step == 20 + -(-len(X[rows]) // size)
        assert model.epoch == 1


def break_off_at_random(rng, watched, monkeypatch):
    """One long fit, a Ctrl-C somewhere in it; how many blocks of steps began after it."""
    model, begun, before = network(), [], []
    model.fit(X, y, verbose=0)

    def interrupt():
        # What it sets, the main thread looks at as soon as it is back from compiled code.
        _thread.interrupt_main()
        before.append(len(begun))

    timer, own = threading.Timer(rng.uniform(0, 0.2), interrupt), StepsRun.steps

    def steps(run, rows, order, bounds, rates, *others, **more):
        if not begun:
            timer.start()
        begun.append(len(rates))
        return own(run, rows, order, bounds, rates, *others, **more)

    callbacks = [lambda model, history: None] if watched else []
    with monkeypatch.context() as patch:
        patch.setattr(StepsRun, "steps", steps)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y, epochs=10**7, callbacks=callbacks, verbose=0)
    timer.join()
    assert max(begun) <= BLOCK_STEPS
    done, step = model.epoch, model.step
    assert model.history.epoch == list(range(1, done + 1))
    assert model.predict_classes(X).shape == (len(X),)
    model.fit(X, y, verbose=0)
    whole = network()
    whole.fit(X, y, epochs=done + 1, verbose=0)
    assert step <= whole.step
    assert_same(model, whole)
    return len(begun) - before[0]


@pytest.mark.parametrize("watched", [False, True])
def test_ctrl_c_ends_the_block_that_runs_and_loses_nothing(watched, monkeypatch):
    rng = np.random.default_rng(watched)
    assert max(break_off_at_random(rng, watched, monkeypatch) for _ in range(3)) <= 1


@pytest.mark.nightly
def test_ctrl_c_at_many_moments(monkeypatch):
    rng = np.random.default_rng(5)
    for watched in [False, True] * 50:
        assert break_off_at_random(rng, watched, monkeypatch) <= 1


def test_the_handler_of_ctrl_c_is_given_back():
    before = signal.getsignal(signal.SIGINT)
    network().fit(X, y, verbose=0)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_users_own_handler_stays_in_place():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        model = network()
        watch = BreakOff(5)
        watch.every_steps = 5
        model.fit(X[:200], y[:200], callbacks=[watch], verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1]
    assert model.epoch == 1


class Count(Callback):
    def __init__(self, every):
        self.every_steps, self.steps, self.fractions = every, [], []

    def on_steps_end(self, model, fraction):
        self.steps.append(model.step)
        self.fractions.append(fraction)


def test_callbacks_are_called_at_the_steps_they_ask_for():
    model, plain = network(), network()
    watch = Count(25)
    model.fit(X, y, epochs=3, callbacks=[watch], verbose=0)
    plain.fit(X, y, epochs=3, verbose=0)
    assert {*range(25, 172, 25), 57, 114, 171} <= set(watch.steps)
    assert watch.steps == sorted(watch.steps)
    ends = [f for s, f in zip(watch.steps, watch.fractions, strict=True) if s % 57 == 0]
    assert ends == [1, 1, 1]
    assert_same(model, plain)


def test_snapshots_bring_back_the_same_bits():
    model = network()
    model.fit(X, y, epochs=2, verbose=0)
    before, predicted = model.snapshot(), model.predict(X)
    model.fit(X, y, epochs=2, verbose=0)
    assert not np.array_equal(model.predict(X), predicted)
    model.restore(before)
    np.testing.assert_array_equal(model.predict(X), predicted)
    assert (model.epoch, model.step) == (4, 114)
    with pytest.raises(ValueError, match="take a snapshot of the same model"):
        Sequential([Dense(2)], seed=0).build(64).restore(before)


def test_the_learning_rate_factor_multiplies_the_rate():
    model, twin = network(rate=2e-3), network(rate=1e-3)
    model.build(64)
    model.learning_rate_factor = 0.5
    for m in (model, twin):
        m.fit(X, y, verbose=0)
    assert model.history["learning_rate"] == [1e-3]
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    with pytest.raises(ValueError, match="learning_rate_factor is -1"):
        model.learning_rate_factor = -1


def test_chosen_rows_can_be_held_out():
    rng = np.random.default_rng(0)
    held_out = rng.permutation(len(X))[:300]
    model, twin = network(), network()
    model.fit(X, y, epochs=3, validation_split=held_out, verbose=0)
    learned = np.setdiff1d(np.arange(len(X)), held_out)
    data = X[held_out], y[held_out]
    twin.fit(X[learned], y[learned], epochs=3, validation_data=data, verbose=0)
    assert_same(model, twin)


@pytest.mark.parametrize(
    "pair",
    [
        (np.arange(900), np.arange(900, 1200)),
        [list(range(900)), list(range(900, 1200))],
        (slice(0, 900), np.isin(np.arange(len(X)), np.arange(900, 1200))),
    ],
)
def test_a_pair_of_row_numbers_is_taken_as_given(pair):
    model, twin = network(), network()
    model.fit(X, y, epochs=3, validation_split=pair, verbose=0)
    data = X[900:1200], y[900:1200]
    twin.fit(X[:900], y[:900], epochs=3, validation_data=data, verbose=0)
    assert_same(model, twin)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (np.array([0, 1797]), "from 0 to 1797"),
        (np.array([3, 3]), "1 of them different"),
        (np.arange(1797), "some of the 1797 rows"),
        (np.zeros(1797, bool), "holds no rows"),
        (np.zeros(5, bool), "bool of shape"),
        ([0.5], "share in"),
        (np.array([], int), "share in"),
        (([0, 1], [1, 2]), "1 rows on both sides, such as row 1"),
        ((slice(0, 0), [1, 2]), "holds no rows"),
        (([0, 1], [-1]), "from -1 to -1; expected a share"),
    ],
)
def test_wrong_row_numbers_are_refused(rows, match):
    model = network()
    with pytest.raises(ValueError, match=match):
        model.fit(X, y, validation_split=rows, verbose=0)
    assert model.epoch == 0


def test_a_thread_that_trains_alone_asks_for_one_thread():
    before = fastnn.get_num_threads()
    seen = []
    with alone(), alone():
        assert fastnn.get_num_threads() == 1
        other = threading.Thread(target=lambda: seen.append(fastnn.get_num_threads()))
        other.start()
        other.join()
    assert seen == [before] == [fastnn.get_num_threads()]


def test_callbacks_that_save_come_after_those_that_change():
    class Save(Callback):
        saves = True

        def on_epoch_end(self, model, history):
            factors.append(model.learning_rate_factor)

    class Halve(Callback):
        def on_epoch_end(self, model, history):
            model.learning_rate_factor /= 2

    factors = []
    network().fit(X, y, epochs=2, callbacks=[Save(), Halve()], verbose=0)
    assert factors == [0.5, 0.25]


def test_ctrl_c_in_a_callback_waits_for_it_and_a_second_one_does_not():
    seen = []

    def slow(model, history):
        os.kill(os.getpid(), signal.SIGINT)
        seen.append("waited")
        if len(history) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            seen.append("went on")

    model = network()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y, epochs=5, callbacks=[slow], verbose=0)
    assert seen == ["waited", "waited"]
    assert model.epoch == 2
