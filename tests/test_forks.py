"""Forks while other threads train, load kernels, or run parallel code of somebody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from counts import counts

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

START = """
import os, signal, sys, threading
import numpy as np
import fastnn
from fastnn import Callback, Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
X, y = load_digits()
def network(units=32):
    model = Sequential([Dense(units), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(metrics=["accuracy"])
    return model
def fit(model, epochs, size=32):
    model.fit(X, y, epochs=epochs, batch_size=size, verbose=0, validation_split=0.2)
def weights(model):
    return b"".join(w.tobytes() for w in model.get_weights())
def in_child(act):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        try:
            act()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid
def check(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""

SAME_MODEL = (
    START
    + """
EPOCHS, model = 60, network()
model.build(64)
whole = network()
fit(whole, EPOCHS)
whole = weights(whole)
def go_on():
    # Whatever step it has come to, it is between two steps, and the next fit goes on from there.
    model.predict(X)
    model.snapshot()
    left = EPOCHS - model.epoch
    if left:
        fit(model, left)
    assert weights(model) == whole
begun = threading.Event()
class Begin(Callback):
    every_epoch = False
    def on_steps_end(self, model, fraction):
        begun.set()
def train():
    model.fit(X, y, epochs=EPOCHS, batch_size=32, verbose=0, validation_split=0.2,
              callbacks=[Begin()])
thread = threading.Thread(target=train)
thread.start()
begun.wait()
children = []
while thread.is_alive() and len(children) < int(sys.argv[1]):
    if model.epoch < EPOCHS - 1:
        children.append(in_child(go_on))
for child in children:
    check(child)
thread.join()
assert weights(model) == whole
print(len(children))
"""
)

FIRST_FIT = (
    START
    + """
# Forks while another thread imports what its first fit needs.
names, reached = sys.argv[1].split(","), threading.Event()
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in names and threading.current_thread() is not threading.main_thread():
            reached.set()
            threading.Event().wait(0.2)
        return None
sys.meta_path.insert(0, Watch())
def first():
    model = network()
    fit(model, 1)
    model.save(sys.argv[2] + str(os.getpid()))
thread = threading.Thread(target=first)
thread.start()
assert reached.wait(60)
children = [in_child(first) for _ in range(3)]
for child in children:
    check(child)
thread.join()
print("ok")
"""
)

FOREIGN = (
    START
    + """
import numba
@numba.njit(parallel=True)
def total(values):
    result = 0.0
    for i in numba.prange(len(values)):
        result += values[i]
    return result
fastnn.set_num_threads(2)
if "compiled" in sys.argv[1]:
    # As if this process had compiled them: only then does it enter a region of Numba's.
    from fastnn.engine.compilation import ensure
    from fastnn.kernels.loop import door
    ours = np.dtype("f4")
    door._ready[ours] = ensure(ours)._replace(origin=door.COMPILED)
def expected():
    model = network(256)
    fit(model, 2, 256)
    return weights(model)
def same():
    assert expected() == whole
if "before" in sys.argv[1]:
    total(np.ones(1000))
whole = expected()
if "after" in sys.argv[1]:
    total(np.ones(1000))
over = threading.Event()
def keep_on():
    while not over.is_set():
        total(np.ones(1000))
thread = threading.Thread(target=keep_on)
if "beside" in sys.argv[1]:
    thread.start()
    for _ in range(3):
        same()
for child in [in_child(same) for _ in range(2)]:
    check(child)
over.set()
same()
print(numba.threading_layer() if sys.argv[1] != "without" else "")
"""
)


def run(script, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments], cwd=ROOT,
        env=os.environ | environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.split()


def test_a_child_goes_on_with_the_model_that_another_thread_fits():
    assert run(SAME_MODEL, "5")[0] >= "1"


@pytest.mark.nightly
def test_children_go_on_with_the_model_that_another_thread_fits():
    assert sum(int(run(SAME_MODEL, "50")[0]) for _ in range(5)) >= 50


@pytest.mark.parametrize("modules", ["safetensors", "safetensors.numpy"])
def test_a_fork_while_another_thread_imports_for_its_first_fit(modules, tmp_path):
    assert run(FIRST_FIT, modules, str(tmp_path / "model")) == ["ok"]


@pytest.mark.parametrize("when", ["without", "after", "before beside"])
def test_parallel_code_of_somebody_elses(when):
    run(FOREIGN, when)


@pytest.mark.parametrize("layer", ["omp", "workqueue", "tbb"])
def test_parallel_code_on_each_threading_layer(layer):
    # GNU OpenMP lets no child of such a process enter a region; ours does without one.
    try:
        found = run(FOREIGN, "before after", NUMBA_THREADING_LAYER=layer)
    except AssertionError as error:
        if "No threading layer could be loaded" in str(error):
            pytest.skip(f"Numba has no layer {layer} here")
        raise
    assert found == [layer]


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_parallel_code_beside_a_region_of_ours(layer):
    run(FOREIGN, "before beside compiled", NUMBA_THREADING_LAYER=layer)


@counts(1, 50)
@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver", "loky", "dask"])
def test_processes_of_every_kind_beside_a_fit(kind, count):
    pytest.importorskip({"loky": "joblib", "dask": "distributed"}.get(kind, "os"))
    path = Path(__file__).with_name("pools.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path), kind, str(count)], cwd=ROOT,
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["same"]
