"""The workloads: shapes, data, initial weights and row orders, the same for every library."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SEED = 0
CHECK_STEPS = 20  # the loss after so many steps must agree between the libraries
LEARNING_RATE, BETA1, BETA2, ADAM_EPS = 1e-3, 0.9, 0.999, 1e-8
BN_MOMENTUM, BN_EPS = 0.9, 1e-5  # momentum: the share of the old running average that stays


@dataclass(frozen=True)
class Workload:
    """An MLP (ReLU, softmax cross-entropy, Adam, float32) and the data it trains on."""

    name: str
    widths: tuple[int, ...]
    batch_norm: bool  # after every hidden Dense, which then has no bias
    batch: int
    rows: int  # a multiple of `batch`
    tolerance: float = 2e-3  # relative, on the losses of the check

    @property
    def shapes(self):
        """(inputs, outputs) of every Dense layer."""
        return list(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def steps(self):
        """Steps in an epoch."""
        return self.rows // self.batch

    @property
    def flops(self):
        """Floating-point operations of one step's matrix products; no dx for the first layer."""
        first, *others = (2 * self.batch * n_in * n_out for n_in, n_out in self.shapes)
        return 2 * first + 3 * sum(others)

    @property
    def n_parameters(self):
        """Numbers that Adam updates."""
        hidden = (2 if self.batch_norm else 1) * sum(self.widths[1:-1])
        return sum(i * o for i, o in self.shapes) + hidden + self.widths[-1]


WORKLOADS = {
    w.name: w
    for w in (
        Workload("iris", (4, 16, 3), False, 16, 9600),
        Workload("digits", (64, 64, 10), True, 32, 1792),
        Workload("mnist", (784, 128, 10), False, 64, 25600),
        Workload("mnistbn", (784, 512, 512, 10), True, 128, 25600),
        Workload("tab", (54, 256, 256, 7), True, 256, 51200),
        Workload("tabnobn", (54, 256, 256, 7), False, 256, 51200),
        Workload("wide", (1024, 1024, 1024, 1024), False, 256, 6144),
    )
}
# For libraries without batch norm, where `processes` compares whole processes and latencies.
DIGITS_PLAIN = Workload("digits-plain", (64, 64, 10), False, 32, 1792)


class Affine(NamedTuple):
    """Initial weights of a Dense layer: W (inputs, outputs), b (outputs,) or None before BN."""

    W: np.ndarray
    b: np.ndarray | None


def find(name):
    """The workload called `name`."""
    return DIGITS_PLAIN if name == DIGITS_PLAIN.name else WORKLOADS[name]


def make_data(workload):
    """X (rows, inputs) float32 and y (rows,) int32."""
    # Here, because the processes of other libraries, which get a file, must not pay for fastnn.
    from fastnn import datasets

    rng = np.random.default_rng(SEED)
    if workload.name == "iris":
        X, y = datasets.load_iris()
        X, y = _tile((X - X.mean(axis=0)) / X.std(axis=0), y, workload.rows, rng)
    elif workload.name.startswith("digits"):
        X, y = datasets.load_digits()
    else:
        X, y = _teach(workload, rng)
    return np.ascontiguousarray(X[: workload.rows], np.float32), y[: workload.rows].astype(np.int32)


def make_weights(workload):
    """An `Affine` per Dense layer: He normal before ReLU, 1/sqrt(inputs) before softmax."""
    rng = np.random.default_rng(SEED + 1)
    layers = []
    for k, (n_in, n_out) in enumerate(workload.shapes):
        last = k == len(workload.shapes) - 1
        W = rng.standard_normal((n_in, n_out)) * math.sqrt((1 if last else 2) / n_in)
        b = np.zeros(n_out, np.float32) if last or not workload.batch_norm else None
        layers.append(Affine(W.astype(np.float32), b))
    return layers


def orders(workload):
    """A permutation of the rows for every epoch, without end, always the same ones."""
    rng = np.random.default_rng(SEED + 2)
    while True:
        yield rng.permutation(workload.rows)


def check_rows(workload):
    """Row indices of the first CHECK_STEPS batches, and of the batch that comes after them."""
    order = next(orders(workload))
    k = CHECK_STEPS * workload.batch
    return order[:k], order[k : k + workload.batch]


def _tile(X, y, rows, rng, noise=0.1):
    """Repeat the rows of X until there are `rows` of them, each with noise of its own."""
    row = np.arange(rows) % len(X)
    return X[row] + noise * rng.standard_normal((rows, X.shape[1])), y[row]


def _teach(workload, rng):
    """Standard normal rows, labelled by a random linear teacher; every class occurs."""
    n_in, n_classes = workload.widths[0], workload.widths[-1]
    X = rng.standard_normal((workload.rows, n_in), dtype=np.float32)
    y = np.argmax(X @ rng.standard_normal((n_in, n_classes), dtype=np.float32), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y
