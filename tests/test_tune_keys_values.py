"""The keys of studies: values of every kind, and whatever else decides the trials."""

import functools
import types
from enum import Enum

import numpy as np
import pytest
from tune_keys import Deeper, Maker, X, Y, key, network, plain

from fastnn import Adam, Dense, Sequential, tune
from fastnn.callbacks import Callback
from fastnn.tune.keys import study_key
from fastnn.tune.space import Space
from fastnn.tune.splits import share_out
from fastnn.tune.subjects import make_subject


class Size(Enum):
    SMALL = 4


class Settings:
    __slots__ = ("_hidden", "size")

    def __init__(self, hidden, size=Size.SMALL):
        self._hidden, self.size = hidden, size


def values():
    frame = pytest.importorskip("pandas").DataFrame({"a": np.arange(100.0), "b": 0.0})
    other = frame.copy()
    other.loc[50, "a"] = 7
    trained = network(4)
    trained.fit(X, Y, verbose=0)
    module, changed = types.ModuleType("mine"), types.ModuleType("mine")
    module.WIDTH, changed.WIDTH = 4, 5
    return {
        "array": (np.zeros(5000), np.eye(1, 5000)[0]),
        "scalar": (np.float32(1), np.float32(2)),
        "frame": (frame, other),
        "columns": (frame, frame.rename(columns={"a": "c"})),
        "object": (Settings(1), Settings(2)),
        "enum": (Settings(1, 4), Settings(1, 5)),
        "weights": (network(4), trained),
        "function": (plain, network),
        "partial": (functools.partial(network, 4), functools.partial(network, 5)),
        "set": ({"a", "b"}, {"a", "c"}),
        "module": (module, changed),
        "method": (Maker(4).layers, Maker(5).layers),
        "class": (Maker, Deeper),
        "layer": (Dense(4), Dense(5)),
    }


def test_values_of_every_kind_tell_their_difference():
    def with_(WIDTH):
        def build(rate):
            return network(WIDTH.WIDTH, rate)

        return build

    for name, (one, other) in values().items():
        assert key(with_(one)) == key(with_(one)), name
        assert key(with_(one)) != key(with_(other)), name
    circle = []
    circle.append(circle)
    assert key(with_(circle)) == key(with_(circle))


def stop_after(n):
    return lambda model, history: len(history) >= n


class Stop(Callback):
    epochs = 0

    def __init__(self, n):
        self.n, self._at = n, object()

    def __repr__(self):
        return "Stop()"

    def on_epoch_end(self, model, history):
        Stop.epochs += 1
        return len(history) >= self.n


def test_functions_and_classes_count_wherever_they_are_passed(monkeypatch):
    for make in (stop_after, Stop):
        assert key(plain, callbacks=[make(1)]) == key(plain, callbacks=[make(1)])
        if make is stop_after:
            assert key(plain, callbacks=[make(1)]) != key(plain, callbacks=[make(2)])
    before = key(plain, callbacks=[Stop(1)])
    monkeypatch.setattr(Stop, "epochs", 5)
    assert key(plain, callbacks=[Stop(1)]) == before
    monkeypatch.setattr(Stop, "on_epoch_end", lambda self, model, history: False)
    assert key(plain, callbacks=[Stop(1)]) != before
    options = [{"rate": [1], "stop": [stop_after(n)]} for n in (1, 1, 2)]
    one, same, other = (key(lambda rate, stop: plain(rate), space) for space in options)
    assert one == same != other


def test_own_losses_are_seen():
    numba = pytest.importorskip("numba")

    def loss_of(text):
        namespace = {}
        exec(f"def loss(y, p):\n    return {text}", namespace)
        loss = numba.njit(namespace["loss"])

        def build(rate):
            model = Sequential([Dense(1)])
            model.compile(Adam(rate), loss)
            return model

        return build

    assert key(loss_of("y - p")) == key(loss_of("y - p")) != key(loss_of("p - y"))


def test_an_estimator_is_its_parameters_its_scorer_and_its_columns():
    pandas = pytest.importorskip("pandas")
    linear_model = pytest.importorskip("sklearn.linear_model")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    def key_of(estimator, monitor=None, x=X):
        subject = make_subject(estimator, {"epochs": 1})
        subject.monitor(monitor, "auto", None)
        space = Space({"alpha": [1]})
        return study_key(subject, space, share_out(x, Y, 3, 0, {}), {"monitor": "score"})

    ridge = linear_model.RidgeClassifier()
    assert key_of(ridge) == key_of(ridge) == key_of(ridge, "score")
    scorers = ["accuracy", "f1_macro", None, lambda e, X, y: 1.0, lambda e, X, y: 2.0]
    assert len({key_of(ridge, s) for s in scorers}) == 5
    frame = pandas.DataFrame(X, columns=list("abcd"))
    keys = {
        key_of(ridge, x=f)
        for f in (frame, frame[list("abcd")], frame.set_axis(list("abdc"), axis=1))
    }
    assert len(keys) == 2

    def scaled(by):
        return make_pipeline(FunctionTransformer(lambda x: x * by), ridge)

    assert key_of(scaled(2)) == key_of(scaled(2)) != key_of(scaled(3))

    class Own(linear_model.RidgeClassifier):
        def predict(self, X):
            return super().predict(X)

    before = key_of(Own())
    Own.predict = lambda self, X: np.zeros(len(X))
    assert key_of(Own()) != before


def test_trials_of_another_scorer_are_not_taken(tmp_path):
    linear_model = pytest.importorskip("sklearn.linear_model")
    found = [
        tune.search(
            linear_model.RidgeClassifier(), {"alpha": [1.0]}, X, Y, "grid", 1, verbose=0,
            monitor=lambda e, X, y, value=value: value, storage=tmp_path / "study.db",
        ).best_value
        for value in (1.0, 2.0)
    ]  # fmt: skip
    assert found == [1.0, 2.0]


def test_trials_of_another_self_are_not_taken(tmp_path):
    def found(width, storage):
        result = tune.search(
            Maker(width).build, {"rate": [0.01, 0.1]}, X, Y, "grid", 2, epochs=2, verbose=0,
            storage=storage,
        )  # fmt: skip
        return [t.value for t in result.trials], result.best_model.layers[0]

    for width in (2, 16):
        assert found(width, tmp_path / "study.db") == found(width, ":memory:")
