"""Kernels on the disk: flipped, cut, swapped and half-written entries are never run."""

import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from counts import counts

from fastnn.kernels.machine import cache

ROOT = Path(__file__).resolve().parents[1]
NAMES = "float32", "float64"


def damage(rng, entries):
    """Entries changed in one of many ways; each is the bytes of a file, or None for no file."""
    name, other = rng.permutation(NAMES)
    blob = bytearray(entries[name])
    way = rng.integers(7)
    if way == 0:
        blob[rng.integers(len(blob))] ^= 1 << rng.integers(8)
    elif way == 1:
        del blob[rng.integers(len(blob)) :]
    elif way == 2:
        blob = bytearray(entries[other])
    elif way == 3:
        blob += rng.bytes(rng.integers(1, 100))
    elif way == 4:
        at = rng.integers(len(blob))
        blob[at : at + rng.integers(1, 500)] = rng.bytes(rng.integers(1, 500))
    elif way == 5:
        blob = bytearray(len(blob))
    else:
        half = rng.integers(1, len(blob))
        blob = bytearray(entries[other][:half]) + blob[half:]
    return {**entries, name: bytes(blob)}


@counts(200, 5_000)
def test_damaged_entries_are_never_run(count, tmp_path, monkeypatch):
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path))
    rng = np.random.default_rng(count)
    codes = {name: rng.bytes(4096) for name in NAMES}
    for name, code in codes.items():
        cache.write(name, code)
    paths = {name: cache.current_directory() / cache.entry_name(name) for name in NAMES}
    entries = {name: path.read_bytes() for name, path in paths.items()}
    refused = 0
    for _ in range(count):
        changed = damage(rng, entries)
        for name, path in paths.items():
            path.write_bytes(changed[name])
        for name in NAMES:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = cache.read(name)
            assert found in (None, codes[name])
            assert found is not None or changed[name] != entries[name]
            refused += found is None
    assert refused > 0.9 * count


TRAIN = """
import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
X, y = fastnn.datasets.load_iris()
model = Sequential([Dense(8), ReLU(), Dense(3), Softmax()], seed=0)
model.compile()
print(repr(model.fit(X, y, epochs=2, verbose=0)["loss"][-1]))
"""


@pytest.mark.nightly
def test_eight_processes_that_start_cold_at_once(tmp_path):
    def start(_):
        return subprocess.run(
            [sys.executable, "-c", TRAIN], cwd=ROOT, capture_output=True, text=True, timeout=900,
            env=os.environ | {"FASTNN_CACHE_DIR": str(tmp_path)},
        )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(start, range(8)))
    assert [one.returncode for one in done] == [0] * 8, [one.stderr for one in done]
    assert len({one.stdout for one in done}) == 1
    assert not [p for p in Path(tmp_path).rglob("*.bin.*")]
