"""Threads: how many, the same bits on any number, BLAS left alone, and nothing that aborts."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import ThreadpoolController

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
from fastnn.engine.threads import alone as on_its_own
from fastnn.engine.threads import workers

ROOT = Path(__file__).resolve().parents[1]
X, Y = load_digits()
MANY = numba.config.NUMBA_NUM_THREADS
two_threads = pytest.mark.skipif(MANY < 2, reason="Numba was given one thread")


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """The default number of threads, before and after."""
    monkeypatch.delenv("FASTNN_NUM_THREADS", raising=False)
    fastnn.set_num_threads(None)
    yield
    fastnn.set_num_threads(None)


def trained(seed=0, callbacks=()):
    """A network whose steps are cut into several tasks, after a few of them."""
    model = Sequential([Dense(256), ReLU(), Dense(10), Softmax()], seed=seed)
    model.compile()
    model.fit(X, Y, epochs=1, batch_size=256, verbose=0, callbacks=callbacks)
    return model


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


# --- how many -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_a_number_of_threads_is_refused(n):
    before = fastnn.get_num_threads()
    with pytest.raises((TypeError, ValueError), match="threads; expected a whole number of at le"):
        fastnn.set_num_threads(n)
    assert fastnn.get_num_threads() == before


def test_more_threads_than_processors_are_refused():
    with pytest.raises(ValueError, match=rf"at most {MANY}, the number of pro.* NUMBA_NUM_THREADS"):
        fastnn.set_num_threads(MANY + 1)


def test_what_is_set_counts_and_none_is_the_default(monkeypatch):
    default = fastnn.get_num_threads()
    assert 1 <= default <= MANY
    monkeypatch.setenv("FASTNN_NUM_THREADS", "1")
    fastnn.set_num_threads(None)
    assert fastnn.get_num_threads() == 1
    fastnn.set_num_threads(MANY)
    assert fastnn.get_num_threads() == MANY
    fastnn.set_num_threads(None)
    assert fastnn.get_num_threads() == 1
    monkeypatch.delenv("FASTNN_NUM_THREADS")
    fastnn.set_num_threads(None)
    assert fastnn.get_num_threads() == default


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", ""])
def test_the_environment_is_refused(given, monkeypatch):
    monkeypatch.setenv("FASTNN_NUM_THREADS", given)
    fastnn.set_num_threads(None)
    with pytest.raises(ValueError, match=f"FASTNN_NUM_THREADS is '{given}'; expected a whole numb"):
        fastnn.get_num_threads()


def test_the_environment_cannot_ask_for_more_than_there_are(monkeypatch):
    monkeypatch.setenv("FASTNN_NUM_THREADS", str(100 * MANY))
    fastnn.set_num_threads(None)
    assert fastnn.get_num_threads() == MANY


def in_a_process(script, **environment):
    """What a script prints in a new process."""
    held = {"OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "FASTNN_NUM_THREADS"}
    inherited = {k: v for k, v in os.environ.items() if k not in held}
    done = subprocess.run(
        [sys.executable, "-c", script], env=inherited | environment, cwd=ROOT,
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("name", ["FASTNN_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"])
def test_the_limit_of_a_worker_process_is_kept(name):
    script = "import fastnn; print(fastnn.get_num_threads())"
    assert in_a_process(script, **{name: "1"}) == ["1"]


def test_a_search_uses_all_processors_as_joblib_does():
    script = """
import joblib
from fastnn import get_num_threads
from fastnn.engine.threads import workers
print(get_num_threads(), joblib.cpu_count(), workers(-1), workers(-2), workers(-100), workers(3))
"""
    pytest.importorskip("joblib")
    one, count, every, but_one, least, three = in_a_process(script, OMP_NUM_THREADS="1")
    assert (one, least, three) == ("1", "1", "3")
    # A container's share of a processor counts as one there.
    assert int(count) - 1 <= int(every) <= int(count)
    assert int(but_one) == max(1, int(every) - 1)
    assert in_a_process(script, LOKY_MAX_CPU_COUNT="1")[2] == "1"
    assert in_a_process(script, FASTNN_NUM_THREADS="1")[2] == "1"


def test_a_search_uses_no_more_than_fastnn_was_told():
    fastnn.set_num_threads(1)
    assert workers(-1) == 1
    fastnn.set_num_threads(None)
    with on_its_own():
        assert workers(-1) == 1
    for wrong in (0, True, 1.5, "2", None):
        with pytest.raises((TypeError, ValueError), match="n_jobs is"):
            workers(wrong)


# --- the same bits --------------------------------------------------------------------------


@two_threads
def test_one_and_many_threads_leave_the_same_bits():
    fastnn.set_num_threads(1)
    one = trained()
    scores = one.evaluate(X, Y)
    fastnn.set_num_threads(MANY)
    many = trained()
    same(one, many)
    assert_array_equal(one.predict(X), many.predict(X))
    assert many.evaluate(X, Y) == scores


@two_threads
def test_the_number_may_change_between_fits():
    plain = trained()
    plain.fit(X, Y, epochs=1, batch_size=256, verbose=0)
    fastnn.set_num_threads(1)
    changing = trained()
    fastnn.set_num_threads(2)
    changing.fit(X, Y, epochs=1, batch_size=256, verbose=0)
    same(plain, changing)


@two_threads
def test_python_threads_train_at_once():
    expected = [trained(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(trained, range(4)))
    for model, alone in zip(models, expected, strict=True):
        same(model, alone)


FORK = """
import os, fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
X, y = fastnn.datasets.load_digits()
def train():
    model = Sequential([Dense(256), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile()
    return model.fit(X, y, epochs=1, batch_size=256, verbose=0)["loss"][0]
fastnn.set_num_threads(2)
print(train(), flush=True)
child = os.fork()
if child == 0:
    print(train(), flush=True)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(train())
"""


@two_threads
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_trains_and_so_does_its_parent():
    losses = in_a_process(FORK)
    assert len(losses) == 3
    assert len(set(losses)) == 1


# --- BLAS is left alone ----------------------------------------------------------------------


def blas_threads():
    return [
        lib.num_threads for lib in ThreadpoolController().select(user_api="blas").lib_controllers
    ]


def test_training_leaves_blas_to_its_user():
    import scipy.linalg.cython_blas  # noqa: F401  (loads the library)

    for number in (1, 2):
        with ThreadpoolController().limit(limits=number, user_api="blas"):
            before, seen = blas_threads(), []
            trained(callbacks=[lambda model, history: seen.append(blas_threads())])  # noqa: B023
            assert [*seen, blas_threads()] == [before, before]


def test_a_thread_that_asks_for_numbas_threads_keeps_them():
    before = numba.get_num_threads()
    trained()
    assert numba.get_num_threads() == before


def test_threads_of_numba_beside_ours():
    """A user's own parallel function runs before, between and after."""

    @numba.njit(parallel=True)
    def total(values):
        result = 0.0
        for i in numba.prange(len(values)):
            result += values[i]
        return result

    values = np.ones(1000)
    assert total(values) == 1000
    trained()
    assert total(values) == 1000
