"""The compiled loop's reader of programs: one pass of a chunk of rows through the ops.

`net` is the run's CONTEXT record, `ops` its program, `state` the arena of parameters, `work` the
arena of activations and gradients. Rows r0 .. r1-1 are those of a chunk within its mini-batch.
"""

import numpy as np

from fastnn.kernels.codes import (
    ACTIVATION,
    BATCHNORM,
    CUSTOM,
    DENSE,
    DROPOUT,
    ELU,
    GELU,
    HARDMAX,
    IDENTITY,
    LEAKY_RELU,
    MISH,
    RELU,
    SCALE,
    SELU,
    SIGMOID,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    STANDARDIZE,
    TANH,
    X_FLOAT32,
    X_FLOAT64,
)  # fmt: skip
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import (
    at_address,
    call_elementwise,
    matrix,
    pointer,
    shift,
    start_of,
    vector,
)  # fmt: skip
from fastnn.kernels.math import activations as act
from fastnn.kernels.math import batchnorm as bn
from fastnn.kernels.math.dense import multiply, multiply_transposed
from fastnn.kernels.math.dropout import dropout, dropout_key
from fastnn.kernels.math.rows import copy, copy_rows, gather_rows, scale_columns, standardize
from fastnn.kernels.math.softmax import hardmax_forward, softmax_backward, softmax_forward


@kernel
def gather(net, order, start, x):
    """x[i] = X[order[start + i]], cast; without an order x[i] = X[start + i]."""
    row, column = net.X_row, net.X_column
    if column == 1 and net.X_kind == kind_of(x):
        copy_rows(at_address(net.X, start_of(x)), row, order, start, start_of(x), *x.shape)
    elif net.X_kind == X_FLOAT32:
        X32 = pointer(net.X, np.float32)
        gather_rows(X32, row, column, order, start, x)
    elif net.X_kind == X_FLOAT64:
        X64 = pointer(net.X, np.float64)
        gather_rows(X64, row, column, order, start, x)
    else:
        X8 = pointer(net.X, np.uint8)
        gather_rows(X8, row, column, order, start, x)


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
def activate(op, z):
    """One elementwise op forward, in place, on contiguous elements."""
    kind = op.kind
    if kind == RELU:
        act.relu_forward(z)
    elif kind == LEAKY_RELU:
        act.leaky_relu_forward(z, op.alpha)
    elif kind == ELU:
        act.elu_forward(z, 1.0, op.alpha)
    elif kind == SELU:
        act.elu_forward(z, act.SELU_SCALE, act.SELU_ALPHA)
    elif kind == GELU:
        act.gelu_forward(z)
    elif kind == SILU:
        act.silu_forward(z)
    elif kind == TANH:
        act.tanh_forward(z)
    elif kind == SIGMOID:
        act.sigmoid_forward(z)
    elif kind == SOFTPLUS:
        act.softplus_forward(z)
    elif kind == MISH:
        act.mish_forward(z)


@kernel
def activate_backward(op, z, y, dy):
    """One elementwise op backward: dy becomes dz."""
    kind = op.kind
    if kind == RELU:
        act.relu_backward(y, dy)
    elif kind == LEAKY_RELU:
        act.leaky_relu_backward(z, op.alpha, dy)
    elif kind == ELU:
        act.elu_backward(y, 1.0, op.alpha, dy)
    elif kind == SELU:
        act.elu_backward(y, act.SELU_SCALE, act.SELU_ALPHA, dy)
    elif kind == GELU:
        act.gelu_backward(z, dy)
    elif kind == SILU:
        act.silu_backward(z, dy)
    elif kind == TANH:
        act.tanh_backward(y, dy)
    elif kind == SIGMOID:
        act.sigmoid_backward(y, dy)
    elif kind == SOFTPLUS:
        act.softplus_backward(z, dy)
    elif kind == MISH:
        act.mish_backward(z, dy)


@kernel
def forward(net, ops, state, work, inputs, first, last, r0, r1, step):
    """Ops first .. last-1 on rows r0 .. r1-1 of the batch; `inputs` is what the first one reads."""
    rows = r1 - r0
    for k in range(first, last):
        op = ops[k]
        kind, n = op.kind, op.n_out
        x = inputs if k == first else shift(work, op.x + r0 * op.n_in)
        y = shift(work, op.y + r0 * n)
        if kind == DENSE:
            W, bias = shift(state, op.weight), shift(state, op.bias)
            multiply(x, W, rows, op.n_in, n, bias, op.bias >= 0, y)
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
        elif kind == STANDARDIZE:
            standardize(matrix(x, 0, rows, n), matrix(state, op.running, 2, n))
        elif kind == SCALE:
            s = vector(state, op.weight, n)
            scale_columns(matrix(x, 0, rows, n), s, matrix(y, 0, rows, n))
        elif kind == SOFTMAX:
            softmax_forward(matrix(x, 0, rows, n), matrix(y, 0, rows, n))
        elif kind == HARDMAX:
            hardmax_forward(matrix(x, 0, rows, n), matrix(y, 0, rows, n))
        elif kind == CUSTOM:
            call_elementwise(op.function, x, y, y, rows * n)


@kernel
def backward(net, ops, state, work, first, last, r0, r1, step):
    """Ops last-1 .. first on rows r0 .. r1-1: each turns dy into dx."""
    rows = r1 - r0
    for k in range(last - 1, first - 1, -1):
        op = ops[k]
        kind, n = op.kind, op.n_out
        x = shift(work, op.x + r0 * op.n_in)
        y = shift(work, op.y + r0 * n)
        dy = shift(work, op.dy + r0 * n)
        if kind == DENSE:
            if op.dx >= 0:
                dx = shift(work, op.dx + r0 * op.n_in)
                if op.transposed >= 0:
                    multiply(dy, shift(work, op.transposed), rows, n, op.n_in, dx, False, dx)
                else:
                    multiply_transposed(dy, shift(state, op.weight), rows, op.n_in, n, dx)
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
        elif kind == SOFTMAX:
            softmax_backward(matrix(y, 0, rows, n), matrix(dy, 0, rows, n))
        elif kind == CUSTOM:
            call_elementwise(op.derivative, x, y, dy, rows * n)
