"""Other systems, simulated: whole fits, files that are held, small stacks, other processors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn
from fastnn.kernels.machine import target

TESTS = Path(__file__).parent
linux = pytest.mark.skipif(sys.platform != "linux", reason="a simulation, on Linux")


def run(script, **environment):
    """What a script prints that may import `simulated`."""
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": paths} | environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


# --- the processor --------------------------------------------------------------------------

NUMBAS = """
import sys
from fastnn.kernels.machine import blocks, cache, target
here = target.current()
name = cache.entry_name("float32")
assert "numba" not in sys.modules
from numba.core.registry import cpu_target
numba = cpu_target.target_context.codegen()
assert here.cpu == numba._get_host_cpu_name(), here.cpu
assert here.features == numba._get_host_cpu_features(), here.features
print(blocks.VECTOR, len(target.levels_here()), name)
"""


@pytest.mark.skipif(target.machine() != "x86_64", reason="by x86's features")
def test_vectors_code_and_cache_follow_numbas_target():
    outside = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CPU")}
    found = {}
    for cpu, features in [(None, None), ("generic", None), ("haswell", "+avx,+avx2,+fma")]:
        given = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
        given = {k: v for k, v in given.items() if v is not None}
        found[cpu] = run(NUMBAS, **outside, **given)[0].split()
    assert found["generic"][:2] == ["16", "0"]
    assert found["haswell"][:2] == ["32", "0"]
    assert len({name for _, _, name in found.values()}) == 3


@pytest.mark.parametrize("name", target.LEVELS)
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_levels_are_of_the_system_that_is_asked_for(name, system):
    if (target.LEVELS[name].machine, system) in target.TRIPLES:
        assert target.level(name, system).system == system


FAR = """
from numba import types
from fastnn.kernels.machine import objects, target
from fastnn.kernels.machine.jit import kernel, object_code
from fastnn.kernels.machine.processors import leave_processor
from ctypes import CFUNCTYPE, c_int64

@kernel
def leave(number):
    leave_processor(number)

code = object_code({"leave": (leave, (types.int64,))}, target.current())
call = CFUNCTYPE(None, c_int64)(*objects.load([code], ["leave"]))
for number in (0, 1023, 1024, 2**20, 2**40, -1):
    call(number)
print("alive")
"""


@linux
def test_a_processor_beyond_the_mask_is_not_left():
    assert run(FAR) == ["alive"]


def test_counters_lie_on_lines_of_their_own():
    """Apple's processors have lines of 128 bytes."""
    from fastnn.engine.context import COUNTERS

    lines = [8 * at // 128 for at in COUNTERS.values()]
    assert len(set(lines)) == len(lines)
    assert all(8 * at % 128 == 0 for at in COUNTERS.values())


# --- whole fits -----------------------------------------------------------------------------

TRAIN = """
import threading
import numpy as np
import fastnn
from fastnn import LBFGS, Dense, ReLU, Sequential, Softmax
from fastnn.engine import threads
X, y = fastnn.datasets.load_digits()
def train(optimizer="adam", n=2):
    fastnn.set_num_threads(n)
    model = Sequential([Dense(256), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(optimizer)
    batch = 256 if optimizer == "adam" else None
    return model.fit(X, y, epochs=1, verbose=0, batch_size=batch)["loss"][0]
"""
AS_USUAL = TRAIN + "print(train(), train(LBFGS()))"


@pytest.fixture(scope="module")
def usual():
    """Losses on this system as it is."""
    return run(AS_USUAL, NUMBA_NUM_THREADS="2")


@linux
@pytest.mark.parametrize("system", ["windows", "macos"])
def test_training_gives_the_same_bits_where_the_system_has_less(system, usual):
    found = run(f"import simulated; simulated.{system}()\n" + AS_USUAL, NUMBA_NUM_THREADS="2")
    assert found == usual


def test_training_gives_the_same_bits_in_numbas_plainest_threads(usual):
    """After pip alone, Numba on macOS has no threading layer but its own queue."""
    layer = "\nimport numba\nassert numba.config.THREADING_LAYER == 'workqueue'"
    found = run(AS_USUAL + layer, NUMBA_NUM_THREADS="2", NUMBA_THREADING_LAYER="workqueue")
    assert found == usual


def test_training_needs_no_blas_to_hold(usual):
    script = "threads._Blas.libraries = staticmethod(lambda: [])\nprint(train(), train(LBFGS()))"
    assert run(TRAIN + script, NUMBA_NUM_THREADS="2") == usual


def test_a_thread_with_a_small_stack_trains(usual):
    """macOS gives the threads that a program starts 512 KiB."""
    fastnn.warmup()
    small = """
threading.stack_size(512 * 1024)
done = []
thread = threading.Thread(target=lambda: done.extend([train(), train(LBFGS())]))
thread.start(); thread.join()
print(*done)
"""
    assert run(TRAIN + small, NUMBA_NUM_THREADS="2") == usual


# --- files ----------------------------------------------------------------------------------

USE = """
import simulated
simulated.windows()
import os
import numpy as np
import fastnn
from fastnn import Checkpoint, CSVLog, Dense, JSONLog, Sequential, Session, Softmax
from fastnn.kernels.machine import cache

X, y = np.eye(2), [0, 1]
def network():
    model = Sequential([Dense(2), Softmax()], seed=0)
    model.compile("adam")
    return model

model = network()
logs = [JSONLog("log.jsonl"), CSVLog("log.csv"), Checkpoint("checkpoints", keep=1)]
model.fit(X, y, epochs=3, verbose=0, callbacks=logs)
weights = model.get_weights()
for times in range(2):
    model.save("model.safetensors")
    again = fastnn.load("model.safetensors")
    assert all(map(np.array_equal, weights, again.get_weights()))
fastnn.load(Checkpoint.latest("checkpoints"))
model.history.to_jsonl("history.jsonl")
for name in ("log.jsonl", "history.jsonl"):
    with open(name, "rb") as file:
        assert b"\\r" not in file.read()

# As many bytes 10 as can be: a cache entry of them comes back whole.
os.environ["FASTNN_CACHE_DIR"] = os.path.join(os.getcwd(), "cache")
cache.write("float32", b"\\n" * 1000)
assert cache.read("float32") == b"\\n" * 1000
# Another process reads it while this one writes the same.
with open(cache.current_directory() / cache.entry_name("float32"), "rb"):
    cache.write("float32", b"\\n" * 1000)
assert len(os.listdir(cache.current_directory())) == 1

session = Session(network(), X, y, directory="session", batch_size=2)
session.run(2)
try:
    Session.resume("session", X, y)
except RuntimeError as error:
    assert "open already" in str(error)
else:
    raise SystemExit("two hold one session")
session.close()
Session.resume("session", X, y).close()

fastnn.tune.search(
    network, {"batch_size": [1, 2]}, X, y, validation_data=(X, y), storage="ledger.db", epochs=1
)
held = [f for f in simulated.opened_files() if f.startswith(os.getcwd())]
assert not held, f"still open: {held}"
with open("model.safetensors", "rb"):
    try:
        model.save("model.safetensors")
    except PermissionError as error:
        print(error.strerror)
assert os.path.exists("model.safetensors")
assert not [name for name in os.listdir() if name.endswith(".tmp")]
"""


@linux
def test_files_are_whole_where_windows_would_change_or_hold_them(tmp_path):
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    (said,) = run(f"import os; os.chdir({str(tmp_path)!r}); exec(open('use.py').read())")
    assert said.startswith("a program has it open, and Windows replaces no open file: close")
