"""What scales rows by learned factors: SCALE, and MEMBERS, which has factors for each member."""

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import shift
from fastnn.kernels.math.members import scale_rows, scale_rows_backward, scale_rows_products


@kernel
def scale_forward(op, state, x, y, rows):
    """From x to y."""
    s, b = shift(state, op.weight), shift(state, op.bias)
    scale_rows(x, s, b, op.bias >= 0, rows, op.groups, op.n_in, y)


@kernel
def scale_backward(op, state, work, dy, r0, rows):
    """From dy to dx, where somebody asks for it."""
    if op.dx >= 0:
        n, s = op.n_in, shift(state, op.weight)
        scale_rows_backward(dy, s, rows, op.groups, n, shift(work, op.dx + r0 * n))


@kernel
def scale_gradient(op, work, rows, g):
    """The gradient of the factors."""
    scale_rows_products(shift(work, op.x), shift(work, op.dy), rows, op.groups, op.n_in, g)
