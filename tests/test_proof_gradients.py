"""Gradients of random networks: every op, loss, type and odd shape, against float64 NumPy twins.

A case is a network around an op of `ops.TRAINED`, a loss, and rows. In float64 the gradient is the
reference's to 1e-6 of its largest element; in both types a second pass leaves the same bits.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import ops
import pytest
import reference_network as net
from counts import counts

from fastnn import (
    SGD,
    Dense,
    Embedding,
    Members,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    Scale,
    Sequential,
    Tanh,
)
from fastnn.inputs.rows import Rows

ROOT = Path(__file__).resolve().parents[1]
WIDTHS = 1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 130, 513
MEMBERS = 2, 3, 4, 7, 16
N_ROWS = 1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 33, 64, 129


def network(rng, op, case, n_in):
    """Layers around the op, of random widths, for so many inputs."""
    first, hidden = (Dense(int(rng.choice(WIDTHS))) for _ in range(2))
    layer = Dense(int(rng.choice(WIDTHS))) if op.name == "dense" else op.layer()
    if op.name == "members":
        layer = Members(int(rng.choice(MEMBERS)))
    if op.name == "dense of members":
        layer = Dense(int(rng.choice(WIDTHS)), shared=False, bias=bool(rng.integers(2)))
    if op.name.startswith("periodic"):
        layer = periodic(rng, 1 if op.place == "first" else first.units)
    if op.name == "embedding":
        layer = Embedding(int(rng.integers(1, 4)), int(rng.choice(WIDTHS)))
    if op.name == "piecewise encoding":
        sizes = rng.integers(0, 7, n_in)
        layer = PiecewiseLinearEncoding(
            [np.cumsum(rng.random(n * (n > 1)) + 0.01) - 1 for n in sizes], rng.uniform(0.5, 3)
        )
    head = case.head()
    if op.place == "first":
        return [layer, first, Tanh(), *head]
    if op.place == "last":
        return [first, Tanh(), head[0], layer]
    if op.place == "members":
        hidden = [hidden, Scale(), Tanh()][: rng.integers(4)]
        return [Members(int(rng.choice(MEMBERS))), first, layer, *hidden, *head]
    return [first, layer, *([hidden] if rng.integers(2) else []), *head]


def periodic(rng, n):
    """An embedding of some of n numbers."""
    start = int(rng.integers(n))
    stop = None if rng.integers(2) else int(rng.integers(start + 1, n + 1))
    size, frequencies = int(rng.integers(2, 12)), int(rng.choice(WIDTHS[:-3]))
    return PeriodicEmbedding(size, frequencies, 0.2, start=start, stop=stop)


def gradient(model, rows):
    """The gradient of the loss of all rows, (n_parameters,)."""
    network, n = model._network, len(rows)
    run = network.gradient_run(model._setup.loss, n)
    found = []
    for _ in range(2):
        run.steps(rows, np.arange(n), np.array([0, n]), np.zeros(1), 0)
        found.append(run.gradient.copy())
    assert found[0].tobytes() == found[1].tobytes(), "twice the same bits"
    return found[0]


def expected(model, case, X, y):
    """The reference's, of the model's layout."""
    groups = ops.by_layer(model, model.get_weights())
    layers = ops.training_twin(model, groups, X.shape, 0)
    _, of_layers, _ = net.network_loss_and_gradients(
        layers[: len(layers) - case.fused], X, case.target(y), case.reference, **case.options
    )
    layout = model._network.layout
    vector, counted = np.zeros(layout.n_parameters), dict.fromkeys(range(len(layers)), 0)
    for tensor in sorted(layout.parameters, key=lambda t: (t.layer, t.name not in ("W", "gamma"))):
        found = of_layers[tensor.layer][counted[tensor.layer]]
        counted[tensor.layer] += 1
        vector[tensor.slice] = np.ravel(found)
    return vector


def attempt(rng):
    op = ops.TRAINED[rng.integers(len(ops.TRAINED))]
    case = ops.LOSSES[rng.integers(len(ops.LOSSES))]
    if op.place == "last":
        case = ops.MSE
    n_in, n = int(rng.choice(WIDTHS)), int(rng.choice(N_ROWS))
    dtype = ["float64", "float64", "float32"][rng.integers(3)]
    X = rng.normal(size=(n, n_in)).astype(dtype)
    if op.name == "embedding":
        X[::2, 0] = np.floor(X[::2, 0])
    y = case.targets(rng, n)
    model = Sequential(network(rng, op, case, n_in), seed=int(rng.integers(99)), dtype=dtype)
    model.compile(SGD(0.1), case.loss())
    model.build(n_in)
    # No array at its start value, and no output so large that a loss overflows.
    model.set_weights([a + rng.uniform(0.02, 0.3, a.shape) / len(a) for a in model.get_weights()])
    labels = y.ndim == 1 and case.reference == "cross_entropy"
    given = y.astype(np.int64) if labels else case.target(y).astype(dtype)
    found = gradient(model, Rows(X, True, np.ascontiguousarray(given), labels))
    if dtype == "float64":
        wanted = expected(model, case, X, y)
        scale = max(np.abs(wanted).max(), 1e-300)
        error = np.abs(found - wanted).max() / scale
        assert error <= 1e-6, (op.name, case.name, n_in, n, model.layers, error)


@counts(5_000, 50_000)
def test_gradients_are_the_references(count):
    rng = np.random.default_rng(count)
    for _ in range(count):
        attempt(rng)


NARROW = """
import sys
from fastnn.kernels.machine import target
here = target.host()
target.choose(here._replace(features="+sse2", cpu="x86-64"))
sys.path.insert(0, "tests")
import numpy as np, test_proof_gradients as proof
from fastnn.kernels.machine import blocks
rng = np.random.default_rng(1)
for _ in range(int(sys.argv[1])):
    proof.attempt(rng)
print(blocks.VECTOR)
"""


@pytest.mark.nightly
def test_gradients_by_narrow_vectors_are_the_references(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", NARROW, "5000"], cwd=ROOT, capture_output=True,
        text=True, env=os.environ | {"FASTNN_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == 16
