"""What surrounds the matrix products: rows of X, biases, input standardisation."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import VECTOR
from fastnn.kernels.machine.functions import ZERO
from fastnn.kernels.machine.jit import exact_kernel, kernel
from fastnn.kernels.machine.memory import shift, vector
from fastnn.kernels.machine.vectors import VectorCode


@intrinsic
def fill(typingctx: Any, x: Any, n: Any, value: Any) -> Any:
    """n numbers of one value; of a few, LLVM would write one at a time."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, n, value = args
        code = VectorCode(builder, x.type.pointee, VECTOR)
        if value.type != code.number:
            value = builder.fptrunc(value, code.number)

        def put(code: VectorCode, i: Any, mask: Any) -> None:
            code.store(code.spread(value), builder.gep(x, [i]), mask)

        code.each(n, put)
        return context.get_dummy_value()

    return types.void(x, types.int64, types.float64), codegen


@intrinsic
def _copy_row(typingctx: Any, x: Any, y: Any, n: Any) -> Any:
    """y = x, n numbers of one type; of a few, LLVM would copy one at a time."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, y, n = args
        code = VectorCode(builder, x.type.pointee, VECTOR)

        def put(code: VectorCode, i: Any, mask: Any) -> None:
            code.store(code.load(builder.gep(x, [i]), mask), builder.gep(y, [i]), mask)

        code.each(n, put)
        return context.get_dummy_value()

    return types.void(x, y, types.int64), codegen


@kernel
def row_at(order, i):
    """Number of the row at place i of an order; without one, i."""
    return order[i] if order.size > 0 else i


@kernel
def copy_rows(X, row, order, start, x, rows, n):
    """`gather_rows` where X has x's type, and columns side by side."""
    for i in range(rows):
        place = row_at(order, start + i) * row
        _copy_row(shift(X, place), shift(x, i * n), n)


@kernel
def gather_rows(X, row, column, order, start, x):
    """x[i] = X[order[start + i]], with strides of X in elements; no order: rows in sequence."""
    for i in range(x.shape[0]):
        place = row_at(order, start + i) * row
        target = x[i]
        if column == 1:
            source = vector(X, place, x.shape[1])
            for j in range(x.shape[1]):
                target[j] = source[j]
        else:
            for j in range(x.shape[1]):
                target[j] = vector(X, place + j * column, 1)[0]


@kernel
def copy(x, y):
    """y = x, element by element."""
    for i in range(x.size):
        y[i] = x[i]


@kernel
def has_bad_number(x):
    """Whether an element of x is not finite."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * ZERO
    # NaN is not 0.
    return total != ZERO


@kernel
def has_nan(x):
    """Whether an element of x is NaN."""
    found = 0
    for i in range(x.size):
        found += x[i] != x[i]
    return found > 0


@exact_kernel
def standardize(x, moments, z):
    """z = (x - mean) / deviation, in double: what differs in x may be lost in z's type.

    x (n,), moments (3, n): the mean, the deviation, what its type has rounded off the mean.
    """
    for j in range(x.size):
        mean = np.float64(moments[0, j]) + np.float64(moments[2, j])
        z[j] = (np.float64(x[j]) - mean) / np.float64(moments[1, j])


@kernel
def gather_standardized(X, row, column, order, start, x, moments):
    """`gather_rows`, each row standardized on its way."""
    for i in range(x.shape[0]):
        place = row_at(order, start + i) * row
        if column == 1:
            standardize(vector(X, place, x.shape[1]), moments, x[i])
        else:
            for j in range(x.shape[1]):
                source = vector(X, place + j * column, 1)
                standardize(source, moments[:, j : j + 1], x[i, j : j + 1])
