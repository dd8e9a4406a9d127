"""Ctrl-C at any statement: what a model is, is old or new, and the next fit makes up for it."""

import gc
import signal
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastnn
from fastnn import LBFGS, Adam, BatchNorm, Dense, EarlyStopping, ReLU, Sequential, Standardize
from fastnn.training.interrupts import Interrupts

HOUSE = str(Path(fastnn.__file__).parent)
RNG = np.random.default_rng(0)
X = 1000 + RNG.normal(size=(48, 3))
Y = X[:, 0] - 1000
EPOCHS = 2


def network(optimizer=None):
    optimizer = optimizer or Adam(1e-2)
    model = Sequential([Standardize(), Dense(4), BatchNorm(), ReLU(), Dense(1)], seed=0)
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


def plain(model, epochs):
    model.fit(X, Y, epochs=epochs, batch_size=16, verbose=0, validation_split=0.25)


def stopping(model, epochs):
    watch = EarlyStopping("val_loss", patience=9, restore_best_weights=False)
    model.fit(X, Y, epochs, 16, verbose=0, validation_split=0.25, callbacks=[watch])


def full_batch(model, epochs):
    model.fit(X, Y, epochs=epochs, batch_size=None, verbose=0)


WAYS = {"plain": (plain, None), "stopping": (stopping, None), "full": (full_batch, LBFGS())}


class Statements:
    """Ctrl-C at the statement of fastnn number `at`, counted from 0."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __enter__(self):
        gc.disable()
        self.before = sys.gettrace()
        sys.settrace(self.enter)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)
        gc.enable()

    def enter(self, frame, event, arg):
        return self.line if frame.f_code.co_filename.startswith(HOUSE) else None

    def line(self, frame, event, arg):
        if event == "line":
            if self.count == self.at:
                signal.raise_signal(signal.SIGINT)
            self.count += 1
        return self.line


def broken_off(way, at):
    """A model whose fit Ctrl-C has met at a statement, gone on with; how many there were."""
    fit, optimizer = WAYS[way]
    model = network(optimizer)
    with Statements(at) as statements:
        with suppress(KeyboardInterrupt):
            fit(model, EPOCHS)
        count = statements.count
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(model.history) == model.epoch
    if model.epoch < EPOCHS:
        fit(model, EPOCHS - model.epoch)
    return model, count


def check(way, places):
    whole, _ = broken_off(way, -1)
    for at in places:
        model, _ = broken_off(way, at)
        assert (model.epoch, model.step) == (whole.epoch, whole.step), at
        for a, b in zip(model.get_weights(), whole.get_weights(), strict=True):
            assert_array_equal(a, b, f"Ctrl-C at statement {at}")
        for name, column in whole.history.history.items():
            if name != "seconds":
                assert model.history[name] == column, (at, name)


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_at_a_statement_loses_nothing(way):
    _, count = broken_off(way, -1)
    check(way, np.linspace(0, count - 1, 60).astype(int))


@pytest.mark.nightly
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_at_every_statement_loses_nothing(way):
    _, count = broken_off(way, -1)
    check(way, range(count))


CALLS = {
    "set_weights": lambda model, other: model.set_weights(other.get_weights()),
    "restore": lambda model, other: model.restore(other.snapshot()),
    "initialize_from": lambda model, other: model.initialize_from(other),
    "compile": lambda model, other: model.compile("sgd", "mse"),
}


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_leaves_old_or_new(call):
    def state(model):
        optimizer = model._setup.optimizer
        return (model._network.state.values.tobytes(), model.step, repr(optimizer))

    def pair():
        model, other = network().build(3), network().build(3)
        plain(model, 1)
        plain(other, 2)
        return model, other

    model, other = pair()
    old = state(model)
    with Statements(-1) as statements:
        CALLS[call](model, other)
        count = statements.count
    new = state(model)
    assert old != new
    for at in range(count):
        model, other = pair()
        with Statements(at), suppress(KeyboardInterrupt):
            CALLS[call](model, other)
        assert state(model) in (old, new), at


def ask_within(lets_go, seen):
    with Interrupts() as outer:
        if lets_go:
            outer.let_go()
        with Interrupts() as inner:
            signal.raise_signal(signal.SIGINT)
            inner.let_go()
            seen.append("inner")
        seen.append("outer")


@pytest.mark.parametrize(("lets_go", "expected"), [(False, ["inner", "outer"]), (True, [])])
def test_one_within_another_is_let_go_with_it(lets_go, expected):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        ask_within(lets_go, seen)
    assert seen == expected
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_users_code_can_be_broken_off_by_the_second_ctrl_c():
    with Interrupts() as interrupts:
        interrupts.hold(patient=False)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts._asked = False
