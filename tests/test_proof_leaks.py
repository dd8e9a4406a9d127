"""A thousand fits, errors, saves, trials later: memory, files and threads are as before."""

import gc
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from counts import counts

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax

psutil = pytest.importorskip("psutil")
MEBIBYTE = 2**20
X = np.random.default_rng(0).normal(size=(40, 3)).astype("f4")
Y = np.arange(40) % 3


def network():
    model = Sequential([Dense(8), ReLU(), Dense(3), Softmax()], seed=0)
    model.compile(metrics=["accuracy"])
    return model


def fits(folder):
    network().fit(X, Y, epochs=2, validation_split=0.2, verbose=0)


def errors(folder):
    model = network()
    for wrong in (X[:, :0], X[:5], X * np.nan, "X", None):
        with suppress(ValueError, TypeError):
            model.fit(wrong, Y, verbose=0)
    with suppress(fastnn.DivergenceError):
        model.compile(fastnn.SGD(1e30), "cross_entropy")
        model.fit(X, Y, epochs=3, verbose=0)


def saves(folder):
    model = network().build(3)
    model.save(folder / "m.safetensors")
    fastnn.load(folder / "m.safetensors").predict(X)
    with suppress(fastnn.ModelFileError):
        (folder / "bad").write_bytes(b"\0" * 99)
        fastnn.load(folder / "bad")


def trials(folder):
    def build(trial_rate):
        model = Sequential([Dense(4), ReLU(), Dense(3), Softmax()], seed=0)
        model.compile(fastnn.Adam(trial_rate))
        return model

    for rate in (0.01, 0.1):
        build(rate).fit(X, Y, verbose=0)


WAYS = {way.__name__: way for way in (fits, errors, saves, trials)}


def state():
    gc.collect()
    process = psutil.Process()
    return process.memory_info().rss, process.num_fds(), threading.active_count()


@counts(1_000, 20_000)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_behind(way, count, tmp_path):
    for _ in range(100):
        WAYS[way](Path(tmp_path))
    memory, files, threads = state()
    for _ in range(count // len(WAYS)):
        WAYS[way](Path(tmp_path))
    more, files_now, threads_now = state()
    # Fewer is no leak: what other tests left is collected at any time
    assert files_now <= files
    assert threads_now <= threads
    assert more - memory <= 5 * MEBIBYTE
