"""The matrix products of a layer: z = x W, dx = dz W^T and dW = x^T dz.

A layer may have several groups, each with a W of its own: their x and z lie side by side, their W
one below the other.
"""

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import shift
from fastnn.kernels.math.products import multiply_in_registers, multiply_packed


@kernel
def multiply(x, W, rows, groups, n_in, n_out, bias, add, z):
    """z = x W, or x W + bias where `add`.  x (rows, n_in), W (n_in, n_out) -> z (rows, n_out)."""
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
