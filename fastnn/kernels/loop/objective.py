"""The loss of a chunk of rows: targets read, loss and its gradient, the outputs written."""

import numpy as np

from fastnn.kernels.codes import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    HUBER,
    LOG_POISSON,
    MAE,
    MSE,
    PINBALL,
    POISSON,
)
from fastnn.kernels.loop.samples import ANY_ROW, read_targets, read_weights
from fastnn.kernels.machine.functions import sigmoid
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, matrix, shift, vector
from fastnn.kernels.math import losses as loss_kernels
from fastnn.kernels.math.softmax import (
    CLASSES,
    cross_entropy,
    cross_entropy_of_labels,
    softmax_forward,
)


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
        quantiles = array_at(net.quantiles, (net.n_quantiles,), np.float64)
        return loss_kernels.pinball(z, t, w, quantiles, dz)
    return loss_kernels.custom_loss(
        net.loss_function, z, z_pointer, t, t_pointer, w, dz, dz_pointer
    )


@kernel
def write_outputs(net, z, start):
    """The network's answers for a chunk: what the loss has absorbed is applied to z."""
    rows, n = z.shape
    outputs = array_at(net.outputs, (start + rows, n), z.dtype)
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
        numbers = array_at(net.y, (ANY_ROW,), np.int64)
        keep, rest = t.dtype.type(1 - net.smoothing), t.dtype.type(net.smoothing / n)
        value = cross_entropy_of_labels(z, numbers, order, start, keep, rest, w, dz)
    else:
        read_targets(net, order, start, t)
        value = evaluate_loss(net, z, z_pointer, t, t_pointer, w, dz, dz_pointer)
    if net.outputs:
        write_outputs(net, z, start)
    return value
