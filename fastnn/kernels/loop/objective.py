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
from fastnn.kernels.machine.functions import ONE, ZERO, log, sigmoid
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, at_address, matrix, shift, vector
from fastnn.kernels.math import losses as loss_kernels
from fastnn.kernels.math.members import average
from fastnn.kernels.math.softmax import (
    CLASSES,
    cross_entropy,
    cross_entropy_of_labels,
    softmax_forward,
)

SMALLEST = np.float32(2.0**-126)
"""The least number that both types hold in full: `log` takes no smaller one."""


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
def write_answers(net, z, y):
    """The network's answers: what the loss has absorbed is applied to z."""
    if net.loss == CROSS_ENTROPY:
        softmax_forward(z, y)
    else:
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                fused = net.loss == BINARY_CROSS_ENTROPY
                y[i, j] = sigmoid(z[i, j]) if fused else z[i, j]


@kernel
def write_outputs(net, z, rows, members, room, start):
    """The answers for a chunk, of several members their average; `room` is as large as z."""
    n = z.shape[1]
    place = shift(at_address(net.outputs, room), start * n)
    answers = room if members > 1 else place
    write_answers(net, z, matrix(answers, 0, z.shape[0], n))
    if members > 1:
        average(room, rows, members, n, place)


@kernel
def logarithm(p):
    """log p; of a probability that is too small for its type, that of the smallest."""
    return log(SMALLEST if p < SMALLEST else p)


@kernel
def join_members(net, z_pointer, rows, joined):
    """What the loss reads of one network that answers as the members do on average.

    It is left in the first rows of `joined`, which is as large as z.
    """
    k, n = net.members, net.n_outputs
    z = matrix(z_pointer, 0, rows * k, n)
    write_answers(net, z, matrix(joined, 0, rows * k, n))
    average(joined, rows, k, n, joined)
    binary = net.loss == BINARY_CROSS_ENTROPY
    if net.loss == CROSS_ENTROPY or binary:
        mean, all_z = vector(joined, 0, rows * n), vector(z_pointer, 0, rows * k * n)
        for i in range(mean.size):
            against = logarithm(ONE - mean[i]) if binary else ZERO * mean[i]
            mean[i] = logarithm(mean[i]) - against
        for i in range(all_z.size):
            # What is not finite stays so.
            mean[0] += ZERO * all_z[i]


@kernel
def loss_of_chunk(net, ops, work, order, start, batch, r0, rows):
    """Loss and dz of the rows `order[start:start + rows]`, which lie from row r0 of the buffers.

    In training, it is the mean of the members' losses; else that of their average.
    """
    op = ops[net.n_fused - 1]
    k, n, m = net.members, net.n_outputs, net.n_targets
    z_pointer, dz_pointer = shift(work, op.y + r0 * op.n_out), shift(work, op.dy + r0 * op.n_out)
    if k > 1 and not net.training:
        join_members(net, z_pointer, rows, dz_pointer)
        z_pointer, dz_pointer, k = dz_pointer, z_pointer, 1
    each = rows * k
    t_pointer = shift(work, net.targets + r0 * k * m)
    z, dz = matrix(z_pointer, 0, each, n), matrix(dz_pointer, 0, each, n)
    t, w = matrix(t_pointer, 0, each, m), vector(work, net.weights + r0 * k, each)
    read_weights(net, order, start, batch, k, w)
    if net.loss == CROSS_ENTROPY and net.labels and n <= CLASSES and k == 1:
        numbers = array_at(net.y, (ANY_ROW,), np.int64)
        keep, rest = t.dtype.type(1 - net.smoothing), t.dtype.type(net.smoothing / n)
        value = cross_entropy_of_labels(z, numbers, order, start, keep, rest, w, dz)
    else:
        read_targets(net, order, start, k, t)
        value = evaluate_loss(net, z, z_pointer, t, t_pointer, w, dz, dz_pointer)
    if net.outputs:
        fused = net.loss == CROSS_ENTROPY or net.loss == BINARY_CROSS_ENTROPY
        write_outputs(net, z, rows, k, t_pointer if fused else z_pointer, start)
    return value
