"""The pieces of a step that work on rows: forward and backward of some chunks.

Batch norm is the only barrier. Sums are made chunk by chunk: how many a task takes changes no bit.
"""

from fastnn.kernels.codes import BATCHNORM
from fastnn.kernels.loop.interpreter import backward, forward
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import cube, fetch_add, matrix, shift, vector
from fastnn.kernels.math import batchnorm as bn
from fastnn.kernels.math.columns import column_moments


@kernel
def last_to_arrive(net, counters, op, task):
    """Whether with this task's all chunks have left their partial sums of this op."""
    own = task.end - task.begin
    return (fetch_add(counters, op, own) + own) % net.chunks == 0


@kernel
def forward_chunks(net, ops, state, work, counters, task, r0, r1, rows, step):
    """Chunks forward, up to the next batch norm's sums."""
    first = ops[task.first]
    x = shift(work, first.x + r0 * first.n_in)
    forward(net, ops, state, work, x, task.first, task.last, r0, r1, step)
    if task.last == net.n_fused:
        return
    op = ops[task.last]
    n = op.n_out
    partials = shift(work, op.partials)
    for c in range(task.begin, task.end):
        r0, r1 = rows * c // net.chunks, rows * (c + 1) // net.chunks
        if r1 > r0:
            x = matrix(work, op.x + r0 * n, r1 - r0, n)
            column_moments(x, matrix(partials, c * 3 * n, 3, n))
    if last_to_arrive(net, counters, task.last, task):
        bn.batchnorm_combine(
            cube(partials, net.chunks, 3, n), rows,
            vector(state, op.weight, n), vector(state, op.bias, n), op.alpha, op.momentum,
            matrix(state, op.running, 3, n), matrix(work, op.statistics, bn.N_STATISTICS, n),
        )  # fmt: skip


@kernel
def backward_chunks(net, ops, state, work, counters, task, r0, r1, rows, step):
    """Chunks back from op task.last-1 to task.low, and the sums of the batch norm before it."""
    backward(net, ops, state, work, task.low, task.last, r0, r1, rows, step)
    if task.low == 0:
        return
    op = ops[task.low - 1]
    if op.kind != BATCHNORM or not op.trainable:
        return
    n = op.n_out
    partials = shift(work, op.partials)
    statistics = matrix(work, op.statistics, bn.N_STATISTICS, n)
    for c in range(task.begin, task.end):
        r0, r1 = rows * c // net.chunks, rows * (c + 1) // net.chunks
        x, dy = matrix(work, op.x + r0 * n, r1 - r0, n), matrix(work, op.dy + r0 * n, r1 - r0, n)
        bn.batchnorm_backward_partials(x, dy, statistics, matrix(partials, c * 2 * n, 2, n))
    if last_to_arrive(net, counters, task.low - 1, task):
        gradient = shift(work, net.gradient)
        dgamma, dbeta = vector(gradient, op.weight, n), vector(gradient, op.bias, n)
        sums = cube(partials, net.chunks, 2, n)
        bn.batchnorm_backward_combine(sums, rows, statistics, dgamma, dbeta)
