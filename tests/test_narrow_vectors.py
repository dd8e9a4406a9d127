"""Processors with narrower vectors: other kernels, the same answers to rounding."""

import json
import os
import subprocess
import sys

import pytest

TRAIN = """
import json, sys
from fastnn.kernels.machine import target

if sys.argv[1] == "narrow":
    features = target.host().features.replace("+avx512f", "-avx512f").replace("+fma", "-fma")
    target.choose(target.host()._replace(features=features))
from fastnn import Adam, BatchNorm, Dense, ReLU, Sequential, Softmax, set_num_threads
from fastnn.kernels.machine import blocks
from fastnn.datasets import load_digits
X, y = load_digits()
found = []
for threads in (1, 2):
    set_num_threads(threads)
    for units in (64, 700):
        layers = [Dense(units), BatchNorm(), ReLU(), Dense(units), ReLU(), Dense(10), Softmax()]
        model = Sequential(layers, seed=0)
        model.compile(Adam(1e-3))
        found.append(model.fit(X, y, epochs=3, batch_size=64, verbose=0)["loss"])
print(json.dumps([blocks.VECTOR, blocks.MASKS, found]))
"""


def train(kind, cache):
    command = [sys.executable, "-c", TRAIN, kind]
    environment = {**os.environ, "FASTNN_CACHE_DIR": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout)


@pytest.mark.nightly
def test_narrow_vectors_train_alike(tmp_path):
    vector, masks, narrow = train("narrow", tmp_path / "narrow")
    assert vector <= 32
    assert not masks
    _, _, usual = train("usual", tmp_path / "usual")
    assert narrow[:2] == narrow[2:], "one thread and two leave the same bits"
    assert usual[:2] == usual[2:]
    for one, other in zip(narrow, usual, strict=True):
        assert one == pytest.approx(other, rel=0.02)
