"""What the loop reads of the user's samples: rows of X, targets, weights."""

import numpy as np

from fastnn.kernels.codes import BINARY_CROSS_ENTROPY, DENSE, STANDARDIZE, X_FLOAT32, X_FLOAT64
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, at_address, matrix, pointer, start_of
from fastnn.kernels.math.rows import copy_rows, fill, gather_rows, gather_standardized, row_at

ANY_ROW = 2**40
"""The length of what is the user's: that an order stays within it is checked before the loop."""


@kernel
def gather(net, op, state, order, start, x):
    """x[i] = X[order[start + i]], cast; without an order x[i] = X[start + i].

    A first op that standardizes does so here, on the user's numbers.
    """
    row, column = net.X_row, net.X_column
    if column == 1 and net.X_kind == kind_of(x) and op.kind != STANDARDIZE:
        copy_rows(at_address(net.X, start_of(x)), row, order, start, start_of(x), *x.shape)
    elif net.X_kind == X_FLOAT32:
        gather_cast(op, state, pointer(net.X, np.float32), row, column, order, start, x)
    elif net.X_kind == X_FLOAT64:
        gather_cast(op, state, pointer(net.X, np.float64), row, column, order, start, x)
    else:
        gather_cast(op, state, pointer(net.X, np.uint8), row, column, order, start, x)


@kernel
def gather_cast(op, state, X, row, column, order, start, x):
    """`gather` from X of a known type."""
    if op.kind == STANDARDIZE:
        moments = matrix(state, op.running, 3, op.n_out)
        gather_standardized(X, row, column, order, start, x, moments)
    else:
        gather_rows(X, row, column, order, start, x)


@kernel
def kind_of(numbers):
    """What X holds if it holds such numbers."""
    return X_FLOAT32 if numbers.itemsize == 4 else X_FLOAT64


@kernel
def lies_ready(net, op, number):
    """Whether the first op can read X as it lies, row by row, in numbers of a kind."""
    whole = net.X_column == 1 and net.X_row == op.n_in and net.n_order == 0
    return whole and net.X_kind == kind_of(number) and op.kind == DENSE


@kernel
def sample_at(order, start, i, members):
    """Number of the sample of which row i of a chunk is a member's."""
    return row_at(order, start + (i // members if members > 1 else i))


@kernel
def read_targets(net, order, start, members, t):
    """Targets (r k, T) of the rows `order[start:start + r]`, each once for each of k members.

    Class numbers become one-hot rows.
    Smoothing spreads a share of each over the classes, which of a label that is there or not are 2.
    """
    rows, columns = t.shape
    classes = 2 if net.loss == BINARY_CROSS_ENTROPY else columns
    keep, rest = t.dtype.type(1 - net.smoothing), t.dtype.type(net.smoothing / classes)
    numbers = array_at(net.y, (ANY_ROW,), np.int64)
    floats = array_at(net.y, (ANY_ROW,), t.dtype)
    for i in range(rows):
        row = sample_at(order, start, i, members)
        if net.labels:
            for j in range(columns):
                t[i, j] = rest
            t[i, numbers[row]] += keep
        else:
            for j in range(columns):
                t[i, j] = keep * floats[row * columns + j] + rest


@kernel
def read_weights(net, order, start, batch, members, w):
    """Weights (r k,) of the rows `order[start:start + r]`, each once for each of k members.

    The mean over the batch and the members is included.
    """
    weights = array_at(net.sample_weight, (ANY_ROW,), np.float64)
    share = 1.0
    if net.reduction:
        total = np.float64(batch[1] - batch[0])
        if net.sample_weight:
            total = 0.0
            for b in range(batch[0], batch[1]):
                total += weights[order[b]]
        share = 1.0 / total if total > 0 else 0.0
    if members > 1:
        share = share / members
    if not net.sample_weight:
        fill(start_of(w), w.size, share)
        return
    for i in range(w.size):
        w[i] = share * weights[sample_at(order, start, i, members)]
