"""The matrix products of a layer: z = x W, dx = dz W^T and dW = x^T dz.

A layer may have several groups, each with a W of its own: their x and z lie side by side, their W
one below the other.
"""

from fastnn.kernels.machine.blocks import LONG, VECTOR, WIDE
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift
from fastnn.kernels.machine.micro import multiply_long
from fastnn.kernels.math.products import multiply_in_registers, multiply_packed


@kernel
def multiply_row(x, W, n_in, n_out, bias, add, z):
    """`multiply` for one row, which leaves most of a block of several empty."""
    lanes = VECTOR // matrix(z, 0, 1, 1).itemsize
    for start in range(0, n_out, LONG * lanes):
        # The last block may overlap with the one before it.
        j = min(start, n_out - lanes)
        part, at, old, some = shift(W, j), shift(z, j), shift(bias, j), min(n_out - j, LONG * lanes)
        multiply_long(x, n_in, 0, 1, part, n_out, at, n_out, old, 0, 1, some, n_in, add)


@kernel
def multiply(x, W, rows, groups, n_in, n_out, bias, add, z):
    """z = x W, or x W + bias where `add`.  x (rows, n_in), W (n_in, n_out) -> z (rows, n_out)."""
    if rows == groups == 1 and n_out > WIDE * VECTOR // matrix(z, 0, 1, 1).itemsize:
        multiply_row(x, W, n_in, n_out, bias, add, z)
        return
    for g in range(groups):
        multiply_in_registers(
            shift(x, g * n_in), groups * n_in, 1, shift(W, g * n_in * n_out), n_out,
            shift(z, g * n_out), groups * n_out, shift(bias, g * n_out), add, rows, n_out, n_in,
        )  # fmt: skip


@kernel
def multiply_transposed(dz, W, rows, groups, n_in, n_out, dx):
    """dx = dz W^T.  dz (rows, n_out), W (n_in, n_out) -> dx (rows, n_in)."""
    for g in range(groups):
        at = shift(dx, g * n_in)
        multiply_packed(
            shift(dz, g * n_out), groups * n_out, 1, shift(W, g * n_in * n_out), 1, n_out,
            at, groups * n_in, at, False, rows, n_in, n_out,
        )  # fmt: skip


@kernel
def transposed_multiply(x, dz, rows, groups, n_in, n_out, begin, end, dW):
    """dW = x^T dz, rows begin .. end-1.  x (rows, n_in), dz (rows, n_out) -> dW (n, n_out)."""
    for g in range(groups):
        low, high = max(begin, g * n_in), min(end, (g + 1) * n_in)
        if low < high:
            at = shift(dW, (low - begin) * n_out)
            multiply_in_registers(
                shift(x, low), 1, groups * n_in, shift(dz, g * n_out), groups * n_out, at, n_out,
                at, False, high - low, n_out, rows,
            )  # fmt: skip
