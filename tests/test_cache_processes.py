"""The engine's own kernels in new processes: compiled once, then loaded, the same bits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastnn.kernels.machine import cache

ROOT = Path(__file__).resolve().parents[1]

TRAIN = """
import sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastnn
    from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax
    X, y = fastnn.datasets.load_digits()
    model = Sequential([Dense(16), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    loss = model.fit(X, y, epochs=2, verbose=0)["loss"][-1]
    model.predict(X)
ours = [w for w in caught if "cache" in str(w.message)]
print(loss, int("numba" in sys.modules), len(ours))
"""


def start(folder):
    environment = os.environ | {"FASTNN_CACHE_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN], env=environment, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process):
    """Loss, whether Numba was imported, and number of warnings."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    loss, compiler, warned = out.split()
    return float(loss), int(compiler), int(warned)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder with the entries of this engine, and the loss that they lead to."""
    folder = tmp_path_factory.mktemp("warm")
    loss, _, warned = finish(start(cache.cache_directory()))
    assert warned == 0
    current = cache.sources_digest()[:16]
    shutil.copytree(cache.cache_directory() / current, folder / current)
    return folder, loss


def test_a_new_process_compiles_nothing_and_imports_no_compiler(warm):
    folder, expected = warm
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.bin")}
    assert finish(start(folder)) == (expected, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.bin")} == before


def test_a_cold_start_with_no_place_to_write(warm, tmp_path):
    """Also the proof that the cache changes no bit: compiled and loaded code agree."""
    (tmp_path / "file").write_text("no folder")
    assert finish(start(tmp_path / "file" / "cache")) == (warm[1], 1, 1)


@pytest.mark.nightly
def test_two_processes_start_cold_at_once(warm, tmp_path):
    processes = [start(tmp_path), start(tmp_path)]
    for process in processes:
        assert finish(process) == (warm[1], 1, 0)
    assert finish(start(tmp_path)) == (warm[1], 0, 0)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".bin"]


@pytest.mark.nightly
def test_damaged_entries_of_the_engine_are_replaced(warm, tmp_path):
    folder = shutil.copytree(warm[0], tmp_path / "damaged")
    for path in folder.rglob("*.bin"):
        path.write_bytes(path.read_bytes()[:-100])
    assert finish(start(folder)) == (warm[1], 1, 1)
    assert finish(start(folder)) == (warm[1], 0, 0)
