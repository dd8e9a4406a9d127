"""The disk cache of compiled kernels: never wrong, never fatal, at most one warning.

Failures are tried on a small function of its own, compiled in a moment; the engine itself is
compiled by new processes, as few as possible.
"""

import errno
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from numba import njit, types
from numba.core import event

from fastnn.kernels.machine import cache
from fastnn.kernels.machine.cache import KernelCache

ROOT = Path(__file__).resolve().parents[1]


def compiled(factor=2):
    """A small entry point, through the cache."""

    def scaled(x):
        return factor * x

    entry = njit(scaled)
    entry._cache = KernelCache("scaled")
    with event.install_recorder("numba:compile") as recorder:
        entry.compile((types.float64,))
    assert entry(4.0) == 4 * factor
    return "compiled" if recorder.buffer else "loaded"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, in a process that has not warned yet."""
    monkeypatch.setenv("FASTNN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", False)
    return tmp_path / "cache"


def entries(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def the_entry(folder):
    (path,) = entries(folder)
    return path


@pytest.fixture
def one_warning():
    """Exactly one, whatever goes wrong how often."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = [str(w.message) for w in caught]
    assert len(texts) == 1, texts
    assert "it compiles without the cache" in texts[0]
    assert "Set FASTNN_CACHE_DIR to a folder" in texts[0]


# --- one entry ------------------------------------------------------------------------------


def test_an_entry_is_written_once_and_read_again(folder):
    assert compiled() == "compiled"
    written = the_entry(folder).stat().st_mtime_ns
    assert compiled() == "loaded"
    assert the_entry(folder).stat().st_mtime_ns == written


def test_other_sources_are_another_entry(folder, monkeypatch):
    compiled()
    monkeypatch.setattr(cache, "sources_digest", lambda: "0" * 64)
    assert compiled(factor=3) == "compiled"
    assert len(entries(folder)) == 2


def test_the_digest_reads_every_kernel_source(tmp_path, monkeypatch):
    copy = shutil.copytree(Path(cache.__file__).parent, tmp_path / "kernels")
    monkeypatch.setattr(cache, "__file__", str(copy / "cache.py"))
    digest = cache.sources_digest.__wrapped__
    before = digest()
    for path in sorted(copy.glob("*.py")):
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        after = digest()
        assert after != before, path.name
        before = after


@pytest.mark.parametrize("keep", [0, 10, 32, 40, -1])
@pytest.mark.usefixtures("one_warning")
def test_a_truncated_entry_is_replaced(folder, keep):
    compiled()
    path = the_entry(folder)
    path.write_bytes(path.read_bytes()[:keep])
    assert compiled() == "compiled"
    assert compiled() == "loaded"


@pytest.mark.parametrize("at", [0, 33, -1])
@pytest.mark.usefixtures("one_warning")
def test_a_flipped_bit_is_noticed(folder, at):
    compiled()
    path = the_entry(folder)
    blob = bytearray(path.read_bytes())
    blob[at] ^= 1
    path.write_bytes(blob)
    assert compiled() == "compiled"
    assert compiled() == "loaded"


@pytest.mark.usefixtures("one_warning")
def test_a_folder_in_place_of_an_entry(folder):
    compiled()
    path = the_entry(folder)
    path.unlink()
    path.mkdir()
    assert compiled() == "compiled"
    assert compiled() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_a_place_that_cannot_be_a_folder(folder):
    folder.write_text("a file is here")
    assert compiled() == "compiled"
    assert compiled() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_no_home(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("FASTNN_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cache, "_warned", False)
    monkeypatch.setattr(Path, "home", no_home)
    assert compiled() == "compiled"


@pytest.mark.usefixtures("one_warning")
def test_a_full_disk_leaves_nothing_half_written(folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert compiled() == "compiled"
    assert entries(folder) == []
    assert compiled() == "compiled"
    assert compiled() == "loaded"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_the_right_to_write(folder):
    compiled()
    inner = the_entry(folder).parent
    inner.chmod(0o555)
    try:
        assert compiled() == "loaded"
    finally:
        inner.chmod(0o755)


# --- the engine, in new processes -----------------------------------------------------------

TRAIN = """
import time, warnings
start = time.perf_counter()
from numba.core import event
with event.install_recorder("numba:compile") as recorder, \\
     warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import fastnn
    from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax
    X, y = fastnn.datasets.load_digits()
    model = Sequential([Dense(16), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    loss = model.fit(X, y, epochs=2, verbose=0)["loss"][-1]
    model.predict(X)
ours = [w for w in caught if "cache" in str(w.message)]
print(loss, len(recorder.buffer), len(ours), time.perf_counter() - start)
"""


def start(folder):
    environment = os.environ | {"FASTNN_CACHE_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN], env=environment, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process):
    """Loss, number of compilations, of warnings, and seconds."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    loss, compilations, warned, seconds = out.split()
    return float(loss), int(compilations), int(warned), float(seconds)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder with the entries of this engine, and the loss that they lead to."""
    folder = tmp_path_factory.mktemp("warm")
    loss, _, warned, _ = finish(start(cache.cache_directory()))
    assert warned == 0
    current = cache.sources_digest()[:16]
    shutil.copytree(cache.cache_directory() / current, folder / current)
    return folder, loss


def test_a_new_process_compiles_nothing(warm):
    folder, expected = warm
    before = {path: path.stat().st_mtime_ns for path in entries(folder)}
    loss, compilations, warned, seconds = finish(start(folder))
    assert (loss, compilations, warned) == (expected, 0, 0)
    assert seconds < 5  # about 0.6; a compilation takes 9
    assert {path: path.stat().st_mtime_ns for path in entries(folder)} == before


def test_a_cold_start_with_no_place_to_write(warm, tmp_path):
    """Also the proof that the cache changes no bit: compiled and loaded code agree."""
    (tmp_path / "file").write_text("no folder")
    loss, compilations, warned, _ = finish(start(tmp_path / "file" / "cache"))
    assert loss == warm[1]
    assert compilations > 0
    assert warned == 1


@pytest.mark.nightly
def test_two_processes_start_cold_at_once(warm, tmp_path):
    processes = [start(tmp_path), start(tmp_path)]
    for process in processes:
        loss, compilations, warned, _ = finish(process)
        assert loss == warm[1]
        assert compilations > 0
        assert warned == 0
    assert finish(start(tmp_path))[:3] == (warm[1], 0, 0)
    assert all(path.suffix == ".bin" for path in entries(tmp_path))


@pytest.mark.nightly
def test_damaged_entries_of_the_engine_are_replaced(warm, tmp_path):
    folder = shutil.copytree(warm[0], tmp_path / "damaged")
    for path in entries(folder):
        path.write_bytes(path.read_bytes()[:-100])
    loss, compilations, warned, _ = finish(start(folder))
    assert (loss, warned) == (warm[1], 1)
    assert compilations > 0
    assert finish(start(folder))[:3] == (warm[1], 0, 0)
