"""A model in any sequence of calls equals a plain NumPy model that is written down beside it."""

import copy
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from counts import SHARE
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

import fastnn
from fastnn import SGD, Callback, Dense, Sequential, Tanh

ROWS, FEATURES, HIDDEN, RATE = 24, 3, 4, 0.1
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, FEATURES))
Y = np.sin(X[:, :1]) + 0.1 * RNG.normal(size=(ROWS, 1))


class Plain:
    """tanh(X W1 + b1) W2 + b2 by plain SGD, in NumPy alone."""

    def __init__(self, arrays):
        self.arrays = [a.copy() for a in arrays]

    def hidden(self, X):
        W, b, *_ = self.arrays
        return np.tanh(X @ W + b)

    def predict(self, X):
        *_, V, c = self.arrays
        return self.hidden(X) @ V + c

    def loss(self, X, y):
        return float(((self.predict(X) - y) ** 2).mean())

    def step(self, X, y):
        *_, V, c = self.arrays
        h = self.hidden(X)
        dz = 2 * (h @ V + c - y) / y.size
        dh = (dz @ V.T) * (1 - h**2)
        steps = X.T @ dh, dh.sum(axis=0), h.T @ dz, dz.sum(axis=0)
        self.arrays = [a - RATE * g for a, g in zip(self.arrays, steps, strict=True)]


class Ask(Callback):
    """Ctrl-C after so many steps of a fit."""

    every_steps = 1

    def __init__(self, after):
        self.after = after

    def on_steps_end(self, model, fraction):
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt


class Machine(RuleBasedStateMachine):
    """The rules: all that a user may call, in any sequence."""

    def __init__(self):
        super().__init__()
        self.model = self.plain = self.kept = None
        self.steps = self.epochs = 0
        self.within = None
        """Of an epoch that Ctrl-C has broken off: its batch size, and how many steps are done."""

    @initialize(seed=st.integers(0, 9), built=st.booleans())
    def begin(self, seed, built):
        self.model = Sequential([Dense(HIDDEN), Tanh(), Dense(1)], seed=seed, dtype="float64")
        self.model.compile(SGD(RATE), loss="mse")
        twin = copy.deepcopy(self.model).build(FEATURES)
        if built:
            self.model.build(FEATURES)
        self.plain = Plain(twin.get_weights())

    def train(self, epochs, size, stop=None):
        """What the plain model makes of a fit that ends after `stop` steps."""
        count = -(-ROWS // size)
        done = self.within[1] if self.within and self.within[0] == size else 0
        self.within, taken = None, 0
        for _ in range(epochs):
            for k in range(done, count):
                self.plain.step(X[k * size : (k + 1) * size], Y[k * size : (k + 1) * size])
                self.steps += 1
                taken += 1
                if taken == stop:
                    self.within = size, k + 1
                    return
            self.epochs, done = self.epochs + 1, 0

    @rule(epochs=st.integers(1, 3), size=st.sampled_from([6, 8, 24]))
    def fit(self, epochs, size):
        self.model.fit(X, Y, epochs, size, shuffle=False, verbose=0)
        self.train(epochs, size)

    @rule(after=st.integers(1, 5), size=st.sampled_from([6, 8]))
    def interrupted(self, after, size):
        count = -(-ROWS // size)
        done = self.within[1] if self.within and self.within[0] == size else 0
        after = min(after, 2 * count - done)
        with pytest.raises(KeyboardInterrupt):
            self.model.fit(X, Y, 2, size, shuffle=False, verbose=0, callbacks=[Ask(after)])
        self.train(2, size, after)

    @rule(at=st.integers(0, 3))
    def diverging(self, at):
        bad = Y.copy()
        bad[at * 6 : at * 6 + 6] = 1e200
        with pytest.raises(fastnn.DivergenceError):
            self.model.fit(X, bad, 2, 6, shuffle=False, verbose=0)
        count = self.model.step - self.steps
        # The step whose update the loss did not survive is not counted.
        assert 0 <= count <= 4
        done = self.within[1] if self.within and self.within[0] == 6 else 0
        for k in range(done, done + count):
            rows = slice(k % 4 * 6, k % 4 * 6 + 6)
            self.plain.step(X[rows], bad[rows])
        self.steps, self.within = self.model.step, None
        self.epochs = self.model.epoch

    @rule(factor=st.sampled_from([0.5, -1.0, 1.0]))
    def set_weights(self, factor):
        arrays = [factor * a for a in self.plain.arrays]
        self.model.set_weights(arrays)
        self.plain, self.within = Plain(arrays), None

    @precondition(lambda self: self.model._network is not None)
    @rule(way=st.sampled_from(["copy", "pickle", "file"]))
    def hand_on(self, way):
        if way == "copy":
            self.model = copy.deepcopy(self.model)
        elif way == "pickle":
            self.model = pickle.loads(pickle.dumps(self.model))
        else:
            with tempfile.TemporaryDirectory() as folder:
                self.model.save(Path(folder) / "m.safetensors")
                self.model = fastnn.load(Path(folder) / "m.safetensors")
        self.kept = None

    @precondition(lambda self: self.model._network is not None)
    @rule()
    def keep(self):
        self.kept = self.model.snapshot(), copy.deepcopy(self.plain), self.steps

    @precondition(lambda self: self.kept is not None)
    @rule()
    def go_back(self):
        snapshot, plain, steps = self.kept
        unchanged = self.steps == steps and all(
            np.array_equal(a, b) for a, b in zip(plain.arrays, self.plain.arrays, strict=True)
        )
        self.model.restore(snapshot)
        self.plain, self.steps = copy.deepcopy(plain), steps
        if not unchanged:
            self.within = None

    @rule(wrong=st.sampled_from(["X", "y", "epochs", "weights"]))
    def refused(self, wrong):
        calls = {
            "X": lambda: self.model.fit(X[:, :0], Y),
            "y": lambda: self.model.fit(X, Y[:3]),
            "epochs": lambda: self.model.fit(X, Y, 0),
            "weights": lambda: self.model.set_weights([np.full((FEATURES, HIDDEN), np.nan)] * 4),
        }
        with pytest.raises(ValueError, match=r"expected|no features|rows"):
            calls[wrong]()

    @invariant()
    def equal(self):
        if self.model is None or self.model._network is None:
            return
        assert (self.model.step, self.model.epoch) == (self.steps, self.epochs)
        for ours, theirs in zip(self.model.get_weights(), self.plain.arrays, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(
            self.model.predict(X), self.plain.predict(X), rtol=1e-8, atol=1e-9
        )
        loss = self.model.evaluate(X, Y)["loss"]
        assert loss == pytest.approx(self.plain.loss(X, Y), rel=1e-7, abs=1e-12)


def steps(count, length):
    """About `count` steps, in sequences of `length`; the same ones each time but at night."""
    return settings(
        max_examples=max(1, count // length), stateful_step_count=length, deadline=None,
        derandomize=count < 1000, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def test_a_model_is_the_plain_model_after_any_calls():
    run(Machine, settings=steps(500, 25))


@pytest.mark.nightly
def test_a_model_is_the_plain_model_after_thousands_of_calls():
    run(Machine, settings=steps(round(50_000 * SHARE), 50))
