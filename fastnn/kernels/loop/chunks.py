"""The pieces of a step that work on rows: forward and backward of a chunk.

A chunk of rows goes through as many ops as it can; batch norm is the only barrier.
"""

from fastnn.kernels.codes import BATCHNORM
from fastnn.kernels.loop.interpreter import backward, forward
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import cube, fetch_add, matrix, shift, vector
from fastnn.kernels.math import batchnorm as bn
from fastnn.kernels.math.columns import column_moments


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
            cube(partials, task.end, 3, n), rows,
            vector(state, op.weight, n), vector(state, op.bias, n), op.alpha, op.momentum,
            matrix(state, op.running, 3, n), matrix(work, op.statistics, bn.N_STATISTICS, n),
        )  # fmt: skip


@kernel
def backward_chunk(net, ops, state, work, counters, task, r0, r1, rows, step):
    """A chunk back from op task.last-1 to task.low, and the sums of the batch norm before it."""
    backward(net, ops, state, work, task.low, task.last, r0, r1, rows, step)
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
        sums = cube(partials, task.end, 2, n)
        bn.batchnorm_backward_combine(sums, rows, statistics, dgamma, dbeta)
