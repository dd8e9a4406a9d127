"""Object code that a wheel brings: the best level that the processor has, made of these sources."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from outside import undefined

import fastnn
from fastnn.kernels.loop import door, entries
from fastnn.kernels.machine import cache, objects, target

ROOT = Path(__file__).resolve().parents[1]
FLOAT32 = np.dtype(np.float32)
OWN = set(entries.functions("apart", FLOAT32))
HERE = [name for name, level in target.LEVELS.items() if level.machine == target.machine()]


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Put some bytes where a wheel's object code lies."""
    monkeypatch.setattr(cache, "SHIPPED", tmp_path)

    def put(level, code, dtype="float32"):
        name = cache.shipped_name(level, dtype)
        (tmp_path / name).write_bytes(objects.sealed(cache.bound_name(name), code))
        return tmp_path / name

    return put


def having(monkeypatch, levels):
    monkeypatch.setattr(target, "levels_here", lambda: levels)


def test_the_best_level_is_taken(shipped, monkeypatch):
    shipped("x86-64-v3", b"wide")
    shipped("x86-64-v4", b"wider")
    having(monkeypatch, ["x86-64-v4", "x86-64-v3"])
    assert door._shipped(FLOAT32) == b"wider"
    having(monkeypatch, ["x86-64-v3"])
    assert door._shipped(FLOAT32) == b"wide"
    having(monkeypatch, [])
    assert door._shipped(FLOAT32) is None


def test_a_worse_level_serves_where_the_best_is_damaged(shipped, monkeypatch):
    shipped("x86-64-v3", b"wide")
    shipped("x86-64-v4", b"wider").write_bytes(b"torn")
    having(monkeypatch, ["x86-64-v4", "x86-64-v3"])
    assert door._shipped(FLOAT32) == b"wide"


def test_code_of_other_sources_or_numbers_is_not_taken(shipped, monkeypatch):
    file = shipped("x86-64-v3", b"wide")
    having(monkeypatch, ["x86-64-v3"])
    assert door._shipped(np.dtype(np.float64)) is None
    file.rename(file.with_name(cache.shipped_name("x86-64-v3", "float64")))
    assert door._shipped(np.dtype(np.float64)) is None
    shipped("x86-64-v3", b"wide")
    monkeypatch.setattr(cache, "sources_digest", lambda: "0" * 64)
    assert door._shipped(FLOAT32) is None


def test_a_processor_has_a_level_where_it_has_all_of_it(monkeypatch):
    all_of_it = target.LEVELS["x86-64-v4"].features
    monkeypatch.setattr(target, "machine", lambda: "x86_64")
    for features, expected in [
        (all_of_it, ["x86-64-v4", "x86-64-v3"]),
        (all_of_it.replace("+avx512bw", "-avx512bw"), ["x86-64-v3"]),
        (all_of_it.replace("+fma", "-fma"), []),
    ]:
        host = target.Target("x86_64", "x86_64-unknown-linux-gnu", "some", features)
        monkeypatch.setattr(target, "host", lambda host=host: host)
        assert target.levels_here() == expected


@pytest.mark.parametrize("name", target.LEVELS)
def test_a_levels_vectors_are_those_of_the_processors_that_have_it(name):
    """What is laid out for a processor must fit code that was compiled for its level."""
    level = target.level(name)
    assert (level.vector, level.registers, level.fuses) == {
        "x86-64-v4": (64, 32, True), "x86-64-v3": (32, 16, True), "aarch64": (16, 32, True),
    }[name]  # fmt: skip
    if name in target.levels_here()[:1]:
        here = target.host()
        assert (here.vector, here.registers, here.fuses) == (
            level.vector, level.registers, level.fuses,
        )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_code_asks_little_of_the_system(dtype):
    fastnn.warmup(dtype)
    code = door._shipped(np.dtype(dtype)) or cache.read(dtype)
    asked = set().union(*map(undefined, objects.parts(code)))
    assert asked >= OWN
    assert asked - OWN <= set(objects.OUTSIDE[target.system()])


OTHERS = [(level, system) for level in target.LEVELS for system in ("darwin", "win32")
          if (target.LEVELS[level].machine, system) in target.TRIPLES]  # fmt: skip
QUICK = [("aarch64", "darwin"), ("aarch64", "win32"), ("x86-64-v3", "win32")]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Object code for other systems, compiled at once."""
    return compiled(tmp_path_factory.mktemp("elsewhere"), QUICK, "float32")


def compiled(folder, targets, *dtypes):
    command = [sys.executable, "-m", "fastnn.kernels.shipping", str(folder)]
    started = [subprocess.Popen([*command, *t, *dtypes], cwd=ROOT) for t in targets]
    assert not any([process.wait() for process in started])
    return folder


def check(file):
    """Nothing is asked for that its system is not known to have; it has the functions' names."""
    code = file.read_bytes()[objects.DIGEST :]
    found = set().union(*map(undefined, objects.parts(code)))
    assert "sched_yield" in found or "SwitchToThread" in found, "the reader of symbols sees none"
    assert found >= OWN
    assert found - OWN <= set(objects.OUTSIDE[file.stem.rsplit("-", 1)[1]])
    assert b"fastnn_loop" in code


@pytest.mark.parametrize(("level", "system"), QUICK)
def test_code_for_other_systems_asks_for_what_they_have(elsewhere, level, system):
    check(elsewhere / f"float32-{level}-{system}.bin")


@pytest.mark.nightly
def test_all_code_for_other_systems_asks_for_what_they_have(tmp_path):
    files = list(compiled(tmp_path, OTHERS).iterdir())
    assert len(files) == 2 * len(OTHERS)
    for file in files:
        check(file)


# --- whole wheels -----------------------------------------------------------------------------

TRAIN = """
import sys
import fastnn
from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax
X, y = fastnn.datasets.load_digits()
layers = [Dense(16), BatchNorm(), ReLU(), Dense(10), Softmax()]
model = Sequential(layers, seed=0, dtype=sys.argv[1])
model.compile()
model.fit(X, y, epochs=2, verbose=0)
from fastnn.kernels.loop import door
print(*sorted({k.origin for k in door._ready.values()}), "numba" in sys.modules)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of this platform, unpacked."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = os.environ | {"FASTNN_WHEEL_FOR": target.machine()}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    (path,) = folder.glob("*.whl")
    assert path.name.endswith(("_x86_64.whl", "_aarch64.whl", "_arm64.whl", "_amd64.whl"))
    zipfile.ZipFile(path).extractall(folder / "site")
    return folder / "site"


@pytest.mark.nightly
@pytest.mark.skipif(not target.levels_here(), reason="no wheel is made for this processor")
def test_a_wheels_kernels_are_loaded_without_a_compiler_or_a_place_to_write(wheel, tmp_path):
    (tmp_path / "file").write_text("no folder")
    environment = {"PYTHONPATH": str(wheel), "FASTNN_CACHE_DIR": str(tmp_path / "file" / "cache")}
    for dtype in ("float32", "float64"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", TRAIN, dtype], cwd=tmp_path, env=environment,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == ["wheel", "False"]
        assert done.stderr == ""


@pytest.mark.nightly
@pytest.mark.skipif(not HERE, reason="no wheel is made for this processor")
def test_a_wheels_kernels_are_few_megabytes(wheel):
    files = sorted((wheel / "fastnn/kernels/shipped").iterdir())
    assert len(files) == 2 * len(HERE)
    assert sum(path.stat().st_size for path in files) <= 6e6
    for file in files:
        check(file)


def test_the_build_knows_the_levels():
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {level for levels in module.LEVELS.values() for level in levels}
    assert found == set(target.LEVELS)
