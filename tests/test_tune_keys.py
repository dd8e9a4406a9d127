"""A study is found again by all that decides its trials: what a builder sees is part of it."""

import functools
import os
import subprocess
import sys

import pytest
from tune_keys import Deeper, Maker, key, network, plain, sees

from fastnn import Dense, EarlyStopping, ReLU, Sequential, Tanh, tune

WIDTH = 4
LAYERS = {"units": [8], "kind": ReLU}
COUNT = 0
LOG: list = []
Act = ReLU


def test_who_sees_only_fastnn_has_the_key_of_his_text():
    assert sees(plain) == []
    assert sees(functools.partial(plain, units=4)) == []
    assert key(functools.partial(plain, units=4)) != key(functools.partial(plain, units=5))
    assert sees(plain, {"kind": [ReLU, Tanh, ReLU()]}, callbacks=[EarlyStopping()]) == []


def reads_a_global(rate):
    return network(WIDTH, rate)


def reads_into_a_global(rate):
    return Sequential([Dense(LAYERS["units"][0])])


def reads_by_another_name(rate):
    return Sequential([Dense(4), Act()])


def calls_a_helper(rate):
    return through(rate)


def through(rate):
    return reads_a_global(rate)


@pytest.mark.parametrize(
    ("build", "name", "value"),
    [
        (reads_a_global, "WIDTH", 5),
        (reads_into_a_global, "LAYERS", {"units": [9], "kind": ReLU}),
        (reads_by_another_name, "Act", Tanh),
        (calls_a_helper, "WIDTH", 5),
        (calls_a_helper, "through", plain),
        (lambda rate: network(WIDTH), "WIDTH", 5),
        (lambda rate: max((network(WIDTH) for _ in range(1)), key=id), "WIDTH", 5),
    ],
)
def test_globals_are_seen_also_by_helpers(build, name, value, monkeypatch):
    before = key(build)
    assert key(build) == before
    monkeypatch.setitem(globals(), name, value)
    assert key(build) != before


def test_closures_and_defaults_are_seen():
    def closed(units):
        def build(rate):
            return network(units, rate)

        return build

    def by_default(units):
        def build(rate, units=units, *, further=units):
            return network(units, rate)

        return build

    for make in (closed, by_default, tune.default_build):
        one, two = ([0, 1], [0, 1, 2]) if make is tune.default_build else (4, 8)
        assert key(make(one)) == key(make(one)) != key(make(two))


@pytest.mark.parametrize("kind", [Maker, Deeper])
@pytest.mark.parametrize("name", ["build", "__call__"])
def test_what_a_method_reads_of_self_is_seen(kind, name, monkeypatch):
    def of(maker):
        return key(maker if name == "__call__" else maker.build)

    maker = kind(4)
    before = of(maker)
    assert of(kind(4)) == before != of(kind(8))
    monkeypatch.setattr(Maker, "depth", 3)
    assert of(maker) != before
    monkeypatch.undo()
    monkeypatch.setattr(Maker, "layers", lambda self, rate: network(8))
    assert of(kind(4)) != before


def test_what_a_method_writes_and_does_not_read_is_no_setting():
    maker = Maker(4)
    before = key(maker.build)
    maker.build(0.1)
    maker.unused.append(1)
    assert key(maker.build) == before


def test_self_that_goes_elsewhere_counts_as_a_whole():
    class Handed:
        def __init__(self, width):
            self.width, self.other = width, 0

        def build(self, rate):
            return make(self, rate)

    def make(given, rate):
        return network(given.width, rate)

    handed = Handed(4)
    before = key(handed.build)
    assert key(Handed(4).build) == before != key(Handed(5).build)
    handed.other = 1
    assert key(handed.build) != before


def test_counters_and_logs_are_no_settings():
    here = 0

    def build(rate):
        global COUNT
        nonlocal here
        COUNT += 1
        here = COUNT
        LOG.append(rate)
        LAYERS["seen"] = rate
        return network(4, rate)

    before = key(build)
    build(0.1)
    assert key(build) == before
    assert LOG.pop() == LAYERS.pop("seen")


PROGRAM = """
import tune_keys as t
from test_tune_keys_values import Stop
def outer(names={"a", "bb", "ccc"}):
    return lambda rate: t.network(len(names)) if rate in {"a", "bb", "ccc"} else 0
print(t.key(outer()), t.key(t.Maker(3).build), t.key(t.plain, callbacks=[Stop(2)]))
"""


def test_another_process_finds_the_same_keys():
    keys = set()
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        )
        keys.add(done.stdout)
    assert len(keys) == 1
