"""The pieces of a step that work on rows: forward, loss and backward of a chunk.

A chunk of rows goes through as many ops as it can; batch norm is the only barrier.
"""

import numpy as np
from numba import carray

from fastnn.kernels.codes import (
    BATCHNORM,
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    HUBER,
    LOG_POISSON,
    MAE,
    MSE,
    PINBALL,
    POISSON,
)  # fmt: skip
from fastnn.kernels.loop.interpreter import backward, forward
from fastnn.kernels.machine.functions import sigmoid
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import fetch_add, matrix, shift, start_of, vector, void_pointer
from fastnn.kernels.math import batchnorm as bn
from fastnn.kernels.math import losses as loss_kernels
from fastnn.kernels.math.columns import column_moments
from fastnn.kernels.math.rows import fill, row_at
from fastnn.kernels.math.softmax import (
    CLASSES,
    cross_entropy,
    cross_entropy_of_labels,
    softmax_forward,
)  # fmt: skip


@kernel
def read_targets(net, order, start, t):
    """Targets (r, T) of the rows `order[start:start + r]`; class numbers become one-hot rows."""
    rows, columns = t.shape
    keep, rest = t.dtype.type(1 - net.smoothing), t.dtype.type(net.smoothing / columns)
    numbers = carray(void_pointer(net.y), (1,), np.int64)
    floats = carray(void_pointer(net.y), (1,), t.dtype)
    for i in range(rows):
        row = row_at(order, start + i)
        if net.labels:
            for j in range(columns):
                t[i, j] = rest
            t[i, numbers[row]] += keep
        else:
            for j in range(columns):
                t[i, j] = keep * floats[row * columns + j] + rest


@kernel
def read_weights(net, order, start, batch, w):
    """Weights (r,) of the rows `order[start:start + r]`, the mean over the batch included."""
    weights = carray(void_pointer(net.sample_weight), (1,), np.float64)
    share = 1.0
    if net.reduction:
        total = np.float64(batch[1] - batch[0])
        if net.sample_weight:
            total = 0.0
            for b in range(batch[0], batch[1]):
                total += weights[order[b]]
        share = 1.0 / total if total > 0 else 0.0
    if not net.sample_weight:
        fill(start_of(w), w.size, share)
        return
    for i in range(w.size):
        row = row_at(order, start + i)
        w[i] = share * weights[row]


@kernel
def evaluate_loss(net, z, z_pointer, t, t_pointer, w, dz, dz_pointer):
    """The loss that `net` names: its sum over the chunk, and dz."""
    kind = net.loss
    if kind == CROSS_ENTROPY:
        return cross_entropy(z, t, w, dz)
    if kind == BINARY_CROSS_ENTROPY:
        return loss_kernels.binary_cross_entropy(z, t, w, dz)
    if kind == MSE:
        return loss_kernels.mse(z, t, w, dz)
    if kind == MAE:
        return loss_kernels.mae(z, t, w, dz)
    if kind == HUBER:
        return loss_kernels.huber(z, t, w, net.delta, dz)
    if kind == POISSON:
        return loss_kernels.poisson(z, t, w, dz)
    if kind == LOG_POISSON:
        return loss_kernels.log_poisson(z, t, w, dz)
    if kind == PINBALL:
        quantiles = carray(void_pointer(net.quantiles), (net.n_quantiles,), np.float64)
        return loss_kernels.pinball(z, t, w, quantiles, dz)
    return loss_kernels.custom_loss(
        net.loss_function, z, z_pointer, t, t_pointer, w, dz, dz_pointer
    )


@kernel
def write_outputs(net, z, start):
    """The network's answers for a chunk: what the loss has absorbed is applied to z."""
    rows, n = z.shape
    outputs = carray(void_pointer(net.outputs), (start + rows, n), z.dtype)
    place = outputs[start:]
    if net.loss == CROSS_ENTROPY:
        softmax_forward(z, place)
    else:
        for i in range(rows):
            for j in range(n):
                fused = net.loss == BINARY_CROSS_ENTROPY
                place[i, j] = sigmoid(z[i, j]) if fused else z[i, j]


@kernel
def loss_of_chunk(net, ops, work, order, start, batch, r0, rows):
    """Loss and dz of the rows `order[start:start + rows]`, which lie from row r0 of the buffers."""
    op = ops[net.n_fused - 1]
    n, m = op.n_out, net.n_targets
    z_pointer, dz_pointer = shift(work, op.y + r0 * n), shift(work, op.dy + r0 * n)
    t_pointer = shift(work, net.targets + r0 * m)
    z, dz = matrix(z_pointer, 0, rows, n), matrix(dz_pointer, 0, rows, n)
    t, w = matrix(t_pointer, 0, rows, m), vector(work, net.weights + r0, rows)
    read_weights(net, order, start, batch, w)
    if net.loss == CROSS_ENTROPY and net.labels and n <= CLASSES:
        numbers = carray(void_pointer(net.y), (1,), np.int64)
        keep, rest = t.dtype.type(1 - net.smoothing), t.dtype.type(net.smoothing / n)
        value = cross_entropy_of_labels(z, numbers, order, start, keep, rest, w, dz)
    else:
        read_targets(net, order, start, t)
        value = evaluate_loss(net, z, z_pointer, t, t_pointer, w, dz, dz_pointer)
    if net.outputs:
        write_outputs(net, z, start)
    return value


@kernel
def last_to_arrive(counters, op, chunks):
    """Whether all other chunks have left their partial sums of this op."""
    return fetch_add(counters, op, 1) % chunks == chunks - 1


@kernel
def forward_chunk(net, ops, state, work, counters, task, r0, r1, rows, step):
    """A chunk forward, up to the next batch norm's sums."""
    first = ops[task.first]
    x = shift(work, first.x + r0 * first.n_in)
    forward(net, ops, state, work, x, task.first, task.last, r0, r1, step)
    if task.last == net.n_fused:
        return
    op = ops[task.last]
    n = op.n_out
    partials = shift(work, op.partials)
    if r1 > r0:
        x = matrix(work, op.x + r0 * n, r1 - r0, n)
        column_moments(x, matrix(partials, task.begin * 3 * n, 3, n))
    if last_to_arrive(counters, task.last, task.end):
        bn.batchnorm_combine(
            carray(partials, (task.end, 3, n)), rows,
            vector(state, op.weight, n), vector(state, op.bias, n), op.alpha, op.momentum,
            matrix(state, op.running, 3, n), matrix(work, op.statistics, bn.N_STATISTICS, n),
        )  # fmt: skip


@kernel
def backward_chunk(net, ops, state, work, counters, task, r0, r1, rows, step):
    """A chunk back from op task.last-1 to task.low, and the sums of the batch norm before it."""
    backward(net, ops, state, work, task.low, task.last, r0, r1, step)
    if task.low == 0:
        return
    op = ops[task.low - 1]
    if op.kind != BATCHNORM or not op.trainable:
        return
    n = op.n_out
    partials = shift(work, op.partials)
    statistics = matrix(work, op.statistics, bn.N_STATISTICS, n)
    partial = matrix(partials, task.begin * 2 * n, 2, n)
    x, dy = matrix(work, op.x + r0 * n, r1 - r0, n), matrix(work, op.dy + r0 * n, r1 - r0, n)
    bn.batchnorm_backward_partials(x, dy, statistics, partial)
    if last_to_arrive(counters, task.low - 1, task.end):
        gradient = shift(work, net.gradient)
        dgamma, dbeta = vector(gradient, op.weight, n), vector(gradient, op.bias, n)
        sums = carray(partials, (task.end, 2, n))
        bn.batchnorm_backward_combine(sums, rows, statistics, dgamma, dbeta)
