"""A team of threads in one run: the same bits, late ones sent away, nobody left behind."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
from fastnn.engine import team, threads
from fastnn.engine.buffers import address
from fastnn.engine.compilation import ensure
from fastnn.kernels.codes import CLOSED, WAITING

ROOT = Path(__file__).resolve().parents[1]
X, Y = load_digits()
pytestmark = pytest.mark.skipif(threads._maximum() < 2, reason="one processor only")


@pytest.fixture(autouse=True)
def two(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 2)


def kernels():
    return ensure(np.dtype(np.float32))


def trained(epochs=2):
    model = Sequential([Dense(256), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    model.fit(X, Y, epochs=epochs, batch_size=256, verbose=0)
    return model


@pytest.mark.parametrize("by_numba", [False, True])
def test_a_team_and_numbas_region_leave_the_same_bits(by_numba, monkeypatch):
    calls = []
    run = team.run
    monkeypatch.setattr(team, "_by_numba", lambda kernels: by_numba)
    monkeypatch.setattr(team, "run", lambda *given: (calls.append(given[2]), run(*given)))
    several = trained()
    assert set(calls) == {2}
    fastnn.set_num_threads(1)
    for one, other in zip(trained().get_weights(), several.get_weights(), strict=True):
        assert_array_equal(one, other)


def job(inside):
    return np.array([kernels().nothing, 0, 0, 0, inside, -1], np.int64)


def test_who_comes_after_the_end_is_sent_away():
    record = job(CLOSED)
    record[0] = 1  # no function: calling it would end the process
    kernels().assist(address(record), 1)
    assert record[4] == CLOSED


def test_who_waits_for_a_run_that_never_begins_goes():
    record = job(WAITING)
    record[0] = 1
    kernels().assist(address(record), 1)
    assert record[4] == WAITING


def test_the_leader_leaves_a_closed_job():
    record = job(WAITING)
    kernels().lead(address(record))
    assert record[4] == CLOSED


def test_an_interrupt_before_the_run_closes_it(monkeypatch):
    class Interrupted:
        def put(self, call):
            self.job = call[1]
            raise KeyboardInterrupt

    inbox = Interrupted()
    monkeypatch.setattr(team, "_inbox", lambda helper: inbox)
    with pytest.raises(KeyboardInterrupt):
        team.run(kernels()._replace(origin="cache"), (1, 0, 0, 0), 2)
    assert inbox.job[4] == CLOSED


def test_helpers_are_started_once():
    trained()
    before = threading.active_count()
    for _ in range(20):
        trained(1)
    assert threading.active_count() == before


FORK = """
import os, sys
import numba, numpy as np
@numba.njit(parallel=True)
def total(values):
    result = 0.0
    for i in numba.prange(len(values)):
        result += values[i]
    return result
if sys.argv[1] == "foreign":
    total(np.ones(1000))
import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
X, y = fastnn.datasets.load_digits()
def train():
    model = Sequential([Dense(256), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    return model.fit(X, y, epochs=1, batch_size=256, verbose=0)["loss"][0]
fastnn.set_num_threads(2)
if sys.argv[1] == "ours":
    train()
if sys.argv[1] == "built":
    model = Sequential([Dense(256), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    model.build(64)
for _ in range(2):
    child = os.fork()
    if child == 0:
        print(train(), flush=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(train())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("before", ["nothing", "ours", "built", "foreign"])
def test_a_forked_child_has_a_team_of_its_own(before):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, before], cwd=ROOT, capture_output=True,
        text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    losses = done.stdout.split()
    assert len(losses) == 3
    assert len(set(losses)) == 1
