"""Builders, and the keys of their studies."""

from fastnn import Adam, Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_iris
from fastnn.tune.keys import seen_by, study_key
from fastnn.tune.space import Space
from fastnn.tune.splits import share_out
from fastnn.tune.subjects import make_subject

X, Y = load_iris()


def network(units, rate=0.01):
    model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()])
    model.compile(Adam(rate))
    return model


def parts(build, space=None, **fit):
    data = share_out(X, Y, None, 0, {})
    return make_subject(build, {"epochs": 1, **fit}), Space(space or {"rate": [1, 2]}), data


def key(build, space=None, **fit):
    return study_key(*parts(build, space, **fit), {"monitor": "val_loss"})


def sees(build, space=None, **fit):
    return seen_by(*parts(build, space, **fit))


def plain(rate, units=8, decay=-0.1):
    model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()])
    model.compile(Adam(rate))
    return model


class Maker:
    depth = 2
    calls = 0

    def __init__(self, width):
        self.width, self.unused, self.model = width, [], None

    def build(self, rate):
        self.calls += 1
        self.model = self.layers(rate)
        return self.model

    def layers(self, rate):
        return network(self.width * self.depth, rate)

    def __call__(self, rate):
        return self.layers(rate)


class Deeper(Maker):
    def layers(self, rate):
        return super().layers(rate)
