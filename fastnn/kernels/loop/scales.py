"""What scales rows by learned factors: an op of one network, and the one that makes members."""

from fastnn.kernels.codes import MEMBERS
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import cube, matrix, shift, vector
from fastnn.kernels.math.columns import column_products
from fastnn.kernels.math.members import members_backward, members_forward, members_products
from fastnn.kernels.math.rows import scale_columns


@kernel
def scale_forward(op, state, x, y, rows):
    """SCALE and MEMBERS, from x to y."""
    n, k = op.n_in, op.groups
    if op.kind == MEMBERS:
        s = matrix(state, op.weight, k, n)
        members_forward(matrix(x, 0, rows, n), s, cube(y, rows, k, n))
    else:
        s, b = vector(state, op.weight, n), vector(state, op.bias, n if op.bias >= 0 else 0)
        scale_columns(matrix(x, 0, rows, n), s, b, matrix(y, 0, rows, n))


@kernel
def scale_backward(op, state, work, dy, r0, rows):
    """SCALE and MEMBERS, from dy to dx, where somebody asks for it."""
    if op.dx < 0:
        return
    n, k = op.n_in, op.groups
    dx = matrix(shift(work, op.dx + r0 * n), 0, rows, n)
    if op.kind == MEMBERS:
        members_backward(cube(dy, rows, k, n), matrix(state, op.weight, k, n), dx)
    else:
        s = vector(state, op.weight, n)
        scale_columns(matrix(dy, 0, rows, n), s, s[:0], dx)


@kernel
def scale_gradient(op, work, rows, g):
    """SCALE and MEMBERS: the gradient of the factors."""
    n, k = op.n_in, op.groups
    x, dy = matrix(work, op.x, rows, n), shift(work, op.dy)
    if op.kind == MEMBERS:
        members_products(x, cube(dy, rows, k, n), matrix(g, 0, k, n))
    else:
        column_products(x, matrix(dy, 0, rows, n), vector(g, 0, n))
