"""The compiled loop's reader of programs: one pass of a chunk of rows through the ops.

`net` is the run's CONTEXT record, `ops` its program, `state` the arena of parameters, `work` the
arena of activations and gradients. Rows r0 .. r1-1 are those of a chunk within its mini-batch.
"""

from fastnn.kernels.codes import (
    ACTIVATION,
    BATCHNORM,
    CUSTOM,
    DENSE,
    DROPOUT,
    EMBEDDINGS,
    ENCODINGS,
    HARDMAX,
    IDENTITY,
    MEMBERS,
    SCALE,
    SOFTMAX,
)
from fastnn.kernels.loop import apart
from fastnn.kernels.loop.elementwise import activate, activate_backward
from fastnn.kernels.loop.scales import scale_backward, scale_forward
from fastnn.kernels.machine.calls import call_elementwise
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift, vector
from fastnn.kernels.machine.packing import pack
from fastnn.kernels.math import batchnorm as bn
from fastnn.kernels.math.dense import multiply, multiply_transposed
from fastnn.kernels.math.dropout import dropout, dropout_key
from fastnn.kernels.math.products import multiply_strips
from fastnn.kernels.math.rows import copy
from fastnn.kernels.math.softmax import hardmax_forward, softmax_backward, softmax_forward


@kernel
def forward(net, ops, state, work, inputs, first, last, r0, r1, step):
    """Ops first .. last-1 on rows r0 .. r1-1 of the batch; `inputs` is what the first one reads.

    A Standardize has nothing left to do: `samples.gather` has read the rows for it.
    """
    rows = r1 - r0
    for k in range(first, last):
        op = ops[k]
        kind, n, m = op.kind, op.n_out, rows * op.repeat
        x = inputs if k == first else shift(work, op.x + r0 * op.n_in)
        y = shift(work, op.y + r0 * n)
        if kind == DENSE:
            W, bias = shift(state, op.weight), shift(state, op.bias)
            depth, units = op.depth, op.units
            if op.packed >= 0:
                multiply_strips(x, shift(work, op.packed), m, depth, units, bias, op.bias >= 0, y)
            else:
                multiply(x, W, m, op.groups, depth, units, bias, op.bias >= 0, y)
        elif kind >= ACTIVATION:
            if kind != IDENTITY:
                z = vector(y, 0, rows * n)
                if op.x != op.y:
                    copy(vector(x, 0, rows * n), z)
                activate(op, z)
        elif kind == BATCHNORM:
            statistics = matrix(work, op.statistics, bn.N_STATISTICS, n)
            if net.training and op.trainable:
                bn.batchnorm_forward(matrix(x, 0, rows, n), statistics, matrix(y, 0, rows, n))
            else:
                gamma, beta = vector(state, op.weight, n), vector(state, op.bias, n)
                bn.batchnorm_predict(
                    matrix(x, 0, rows, n), gamma, beta, matrix(state, op.running, 3, n),
                    op.alpha, statistics, matrix(y, 0, rows, n),
                )  # fmt: skip
        elif kind == DROPOUT:
            z = vector(y, 0, rows * n)
            if op.x != op.y:
                copy(vector(x, 0, rows * n), z)
            if net.training:
                key = dropout_key(net.seed, net.step + step, op.layer)
                dropout(z, op.alpha, key, r0 * n)
        elif kind in (SCALE, MEMBERS):
            scale_forward(op, state, x, y, rows)
        elif kind in ENCODINGS:
            apart.embed((net.ops, state, work, x, k, r0, rows, False))
        elif kind == SOFTMAX:
            softmax_forward(matrix(x, 0, m, op.units), matrix(y, 0, m, op.units))
        elif kind == HARDMAX:
            hardmax_forward(matrix(x, 0, m, op.units), matrix(y, 0, m, op.units))
        elif kind == CUSTOM:
            call_elementwise(op.function, x, y, y, rows * n)


@kernel
def backward(net, ops, state, work, first, last, r0, r1, batch_rows, step):
    """Ops last-1 .. first on rows r0 .. r1-1 of the batch: each turns dy into dx."""
    rows = r1 - r0
    for k in range(last - 1, first - 1, -1):
        op = ops[k]
        kind, n = op.kind, op.n_out
        x = shift(work, op.x + r0 * op.n_in)
        y = shift(work, op.y + r0 * n)
        dy = shift(work, op.dy + r0 * n)
        if kind == DENSE:
            if op.strips >= 0:
                m, strips = op.repeat, shift(work, op.strips)
                pack(shift(work, op.dy), batch_rows * m, op.units, r0 * m, r1 * m, strips)
            if op.dx >= 0:
                dx = shift(work, op.dx + r0 * op.n_in)
                m, depth, units = rows * op.repeat, op.depth, op.units
                if op.transposed >= 0:
                    multiply_strips(dy, shift(work, op.transposed), m, units, depth, dx, False, dx)
                else:
                    multiply_transposed(dy, shift(state, op.weight), m, op.groups, depth, units, dx)
        elif kind >= ACTIVATION:
            if kind != IDENTITY:
                m = rows * n
                activate_backward(op, vector(x, 0, m), vector(y, 0, m), vector(dy, 0, m))
        elif kind == BATCHNORM:
            statistics = matrix(work, op.statistics, bn.N_STATISTICS, n)
            bn.batchnorm_backward(matrix(x, 0, rows, n), statistics, matrix(dy, 0, rows, n))
        elif kind == DROPOUT:
            key = dropout_key(net.seed, net.step + step, op.layer)
            dropout(vector(dy, 0, rows * n), op.alpha, key, r0 * n)
        elif kind in (SCALE, MEMBERS):
            scale_backward(op, state, work, dy, r0, rows)
        elif kind in EMBEDDINGS:
            apart.embed((net.ops, state, work, x, k, r0, rows, True))
        elif kind == SOFTMAX:
            m = rows * op.repeat
            softmax_backward(matrix(y, 0, m, op.units), matrix(dy, 0, m, op.units))
        elif kind == CUSTOM:
            call_elementwise(op.derivative, x, y, dy, rows * n)
