"""What embeds numbers: PERIODIC, number by number; the other columns of a row are handed on."""

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import shift, vector
from fastnn.kernels.math.periodic import (
    embed,
    embed_backward,
    embed_gradient,
    slopes,
)


@kernel
def row_widths(op):
    """Numbers in a member's row of the input and of the output."""
    return op.n_in // op.repeat, op.n_out // op.repeat


@kernel
def places(op, j):
    """Where number j lies in a row of the input and of the output."""
    return op.start + j, op.start + j * (1 + op.units)


@kernel
def hand_on(op, x, y, rows, back):
    """The columns that are not embedded, from x to y, or back."""
    n_in, n_out = row_widths(op)
    behind = op.groups * op.units
    source, target = vector(x, 0, rows * n_in), vector(y, 0, rows * n_out)
    for i in range(rows):
        for j in range(n_in - op.groups):
            a = j if j < op.start else j + op.groups
            at, to = i * n_in + a, i * n_out + (j if j < op.start else a + behind)
            if back:
                source[at] = target[to]
            else:
                target[to] = source[at]


@kernel
def periodic_forward(op, state, work, x, y, r0, rows):
    """From x to y; rows r0 and on of the batch have some of `waves` for themselves."""
    n_in, n_out = row_widths(op)
    m, n, units = rows * op.repeat, op.depth, op.units
    waves = shift(work, op.waves + 2 * r0 * op.repeat * n)
    hand_on(op, x, y, m, False)
    for j in range(op.groups):
        a, b = places(op, j)
        w, p = shift(state, op.weight + j * n), shift(state, op.phase + j * n)
        linear, bias = shift(state, op.linear + j * n * units), shift(state, op.bias + j * units)
        embed(shift(x, a), n_in, m, w, p, n, linear, bias, units, waves, shift(y, b), n_out)


@kernel
def periodic_slopes(op, state, work, x, dy, r0, rows, j):
    """Gradient of the angles of number j, and where it lies."""
    n_in, n_out = row_widths(op)
    m, n, units = rows * op.repeat, op.depth, op.units
    a, b = places(op, j)
    waves = shift(work, op.waves + 2 * r0 * op.repeat * n)
    da = shift(waves, m * n)
    w, p = shift(state, op.weight + j * n), shift(state, op.phase + j * n)
    linear = shift(state, op.linear + j * n * units)
    slopes(shift(x, a), n_in, m, w, p, n, linear, units, waves, shift(dy, b), n_out, da)
    return waves, da


@kernel
def periodic_backward(op, state, work, x, dy, r0, rows):
    """From dy to dx, where somebody asks for it."""
    if op.dx < 0:
        return
    n_in, n_out = row_widths(op)
    m, n = rows * op.repeat, op.depth
    dx = shift(work, op.dx + r0 * op.n_in)
    hand_on(op, dx, dy, m, True)
    for j in range(op.groups):
        a, b = places(op, j)
        _, da = periodic_slopes(op, state, work, x, dy, r0, rows, j)
        w = shift(state, op.weight + j * n)
        embed_backward(shift(dy, b), n_out, m, w, n, da, shift(dx, a), n_in)


@kernel
def periodic_gradient(op, state, work, rows, gradient):
    """Gradients of frequencies, phases, linear maps and biases."""
    n_in, n_out = row_widths(op)
    m, n, units = rows * op.repeat, op.depth, op.units
    x, dy = shift(work, op.x), shift(work, op.dy)
    for j in range(op.groups):
        a, b = places(op, j)
        waves, da = periodic_slopes(op, state, work, x, dy, 0, rows, j)
        dw, dphase = shift(gradient, op.weight + j * n), shift(gradient, op.phase + j * n)
        dlinear = shift(gradient, op.linear + j * n * units)
        db = shift(gradient, op.bias + j * units)
        embed_gradient(
            shift(x, a), n_in, m, n, units, waves, da, shift(dy, b), n_out, dw, dphase, dlinear, db
        )
