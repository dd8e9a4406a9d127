"""The same seed gives the same bits: whatever the threads, the company, the cache, the layer."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from counts import counts

import fastnn
from fastnn import BatchNorm, Dense, Dropout, Sequential, Softmax, Standardize
from fastnn.optimizers import OPTIMIZERS

ROOT = Path(__file__).resolve().parents[1]


def setting(rng):
    """A network, its rows, and how it is fitted."""
    n, n_in = int(rng.integers(40, 700)), int(rng.integers(1, 40))
    X = rng.normal(size=(n, n_in)).astype(rng.choice(["f4", "f8"]))
    y = rng.integers(0, 3, n)
    layers = [Standardize()] if rng.integers(2) else []
    for _ in range(rng.integers(1, 3)):
        layers.append(Dense(int(rng.choice([3, 17, 64, 256, 400]))))
        layers += [BatchNorm()] if rng.integers(2) else []
        layers.append(rng.choice(["relu", "tanh", "gelu", "elu"]).item())
        layers += [Dropout(0.2)] if rng.integers(3) == 0 else []
    layers += [Dense(3), Softmax()]
    name = rng.choice(sorted(OPTIMIZERS)).item()
    full = OPTIMIZERS[name].full_batch or name == "lbfgs"
    fit = {"batch_size": None if full else int(rng.choice([16, 64, 512])), "verbose": 0,
           "epochs": 2, "validation_split": float(rng.choice([0.0, 0.2]))}  # fmt: skip
    seed, dtype = int(rng.integers(999)), rng.choice(["float32", "float64"]).item()

    def make():
        model = Sequential(layers, seed=seed, dtype=dtype)
        model.compile(name)
        return model

    return make, X, y, fit


def digest(given):
    make, X, y, fit = given
    model = make()
    model.fit(X, y, **fit)
    arrays = [*model.get_weights(), model.predict(X), np.array(model.history["loss"])]
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def digests(seed, count):
    rng = np.random.default_rng(seed)
    return [digest(setting(rng)) for _ in range(count)]


WAYS = """
import os, sys
sys.path.insert(0, "tests")
import numpy as np
import fastnn, test_proof_bits as proof
seed, count, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if way == "threads":
    found = {}
    for threads in (1, 2, 3, 8):
        fastnn.set_num_threads(threads)
        found[threads] = proof.digests(seed, count)
    assert all(f == found[1] for f in found.values())
    found = found[1]
elif way == "fork":
    before, (receive, send) = proof.digests(seed, count), os.pipe()
    if os.fork() == 0:
        os.write(send, " ".join(proof.digests(seed, count)).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        assert pipe.read().split() == before
    os.wait()
    found = proof.digests(seed, count)
    assert found == before
else:
    # The layer is asked for where kernels are compiled by this process.
    from fastnn.engine import team
    team._by_numba = lambda kernels: not team._forked
    fastnn.set_num_threads(2)
    found = proof.digests(seed, count)
print(*found)
"""


def elsewhere(seed, count, way, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WAYS, str(seed), str(count), way], cwd=ROOT,
        env=os.environ | {"NUMBA_NUM_THREADS": "8"} | environment, capture_output=True, text=True,
    )  # fmt: skip
    if "No threading layer could be loaded" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()


@counts(60, 1_000)
def test_bits_are_the_same_in_company_and_in_other_processes(count):
    expected = digests(count, count)
    ways = ["threads"] + ["fork"] * hasattr(os, "fork")
    for way in ways:
        assert elsewhere(count, count, way) == expected, way
    found = [elsewhere(count, count, "layer", NUMBA_THREADING_LAYER=layer)
             for layer in ("omp", "workqueue", "tbb")]  # fmt: skip
    assert any(found)
    assert all(layer in (None, expected) for layer in found)
    rng = np.random.default_rng(count)
    given = [setting(rng) for _ in range(count)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(digest, given)) == expected


@pytest.mark.parametrize("n", [1, 2, 7, 31, 257])
def test_a_row_alone_has_the_bits_that_it_has_in_a_batch(n):
    rng = np.random.default_rng(n)
    make, X, y, fit = setting(rng)
    model = make()
    model.fit(X, y, **fit)
    whole = model.predict(X)
    for start in range(0, len(X) - n, max(n, 50)):
        part = model.predict(X[start : start + n])
        assert part.tobytes() == whole[start : start + n].tobytes()
    assert fastnn.get_num_threads() >= 1


@pytest.mark.parametrize("by", ["fastnn", "scipy"])
def test_bits_of_lbfgs_do_not_follow_the_threads_of_blas(by):
    """OpenBLAS shares out vectors of more than 10,000 numbers, and then adds them up otherwise."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    rng = np.random.default_rng(12)
    X, y = rng.normal(size=(60, 50)), rng.integers(0, 3, 60)
    found = set()
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(threads, "blas"):
            if by == "fastnn":
                layers = [Dense(400), "tanh", Dense(3), Softmax()]
                model = Sequential(layers, seed=0, dtype="float64")
                model.compile("lbfgs")
                model.fit(X, y, epochs=20, verbose=0, batch_size=None)
                weights = model.get_weights()
            else:
                MLPClassifier = pytest.importorskip("fastnn.estimators").MLPClassifier
                model = MLPClassifier((400,), solver="lbfgs", max_iter=20, random_state=0)
                weights = model.fit(X, y).coefs_
            found.add(b"".join(w.tobytes() for w in weights))
    assert len(found) == 1
