"""What embeds columns: numbers (PERIODIC, PIECEWISE), or codes of categories (EMBEDDING).

The other columns of a row are handed on.
"""

import numpy as np

from fastnn.kernels.machine.functions import ZERO
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, shift, vector
from fastnn.kernels.math.periodic import (
    embed,
    embed_backward,
    embed_gradient,
    slopes,
)
from fastnn.kernels.math.rows import fill


@kernel
def row_widths(op):
    """Numbers in a member's row of the input and of the output."""
    return op.n_in // op.repeat, op.n_out // op.repeat


@kernel
def places(op, j):
    """Where number j lies in a row of the input and of the output."""
    return op.start + j, op.start + j * (1 + op.units)


@kernel
def hand_on(op, x, y, rows, taken, back):
    """All but the `taken` columns that are embedded, from x to y, or back."""
    n_in, n_out = row_widths(op)
    behind = n_out - n_in
    source, target = vector(x, 0, rows * n_in), vector(y, 0, rows * n_out)
    for i in range(rows):
        for j in range(n_in - taken):
            a = j if j < op.start else j + taken
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
    hand_on(op, x, y, m, op.groups, False)
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
    hand_on(op, dx, dy, m, op.groups, True)
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


@kernel
def is_code(op, code):
    """Whether a row of the table has this number."""
    return 0 <= code < op.groups and code == int(code)


@kernel
def embedding_forward(op, state, x, y, rows):
    """From x to y: the row of the table that the code names; zeros of what is no code."""
    hand_on(op, x, y, rows, 1, False)
    codes, found = vector(x, 0, rows * op.n_in), vector(y, 0, rows * op.n_out)
    table = vector(state, op.weight, op.groups * op.units)
    for i in range(rows):
        code, at = codes[i * op.n_in + op.start], i * op.n_out + op.start
        if is_code(op, code):
            row = int(code) * op.units
            for k in range(op.units):
                found[at + k] = table[row + k]
        else:
            for k in range(op.units):
                # A NaN stays one.
                found[at + k] = code - code


@kernel
def embedding_backward(op, work, dy, r0, rows):
    """From dy to dx, where somebody asks for it: a code has no gradient."""
    if op.dx < 0:
        return
    dx = shift(work, op.dx + r0 * op.n_in)
    hand_on(op, dx, dy, rows, 1, True)
    of_codes = vector(dx, 0, rows * op.n_in)
    for i in range(rows):
        of_codes[i * op.n_in + op.start] = ZERO


@kernel
def embedding_gradient(op, work, rows, gradient):
    """Gradient of the table: the sum over the rows of each code."""
    size = op.groups * op.units
    place = shift(gradient, op.weight)
    fill(place, size, 0.0)
    sums = vector(place, 0, size)
    x, dy = vector(work, op.x, rows * op.n_in), vector(work, op.dy, rows * op.n_out)
    for i in range(rows):
        code, at = x[i * op.n_in + op.start], i * op.n_out + op.start
        if is_code(op, code):
            row = int(code) * op.units
            for k in range(op.units):
                sums[row + k] += dy[at + k]


@kernel
def piecewise_forward(op, x, y, rows):
    """From x to y: the numbers as they are, behind them the functions of each column's knots."""
    n, m = op.n_in, op.n_out - op.n_in
    source, target = vector(x, 0, rows * n), vector(y, 0, rows * op.n_out)
    ends, knots = array_at(op.ends, (n + 1,), np.int64), array_at(op.knots, (m,), target.dtype)
    one, height = target.dtype.type(1), target.dtype.type(op.alpha)
    for i in range(rows):
        at = i * op.n_out
        for j in range(n):
            target[at + j] = source[i * n + j]
        for k in range(m):
            target[at + n + k] = ZERO
        for j in range(n):
            first, end = ends[j], ends[j + 1]
            if first == end:
                continue
            number, k = source[i * n + j], first
            while k + 2 < end and number >= knots[k + 1]:
                k += 1
            part = (number - knots[k]) / (knots[k + 1] - knots[k])
            # A NaN stays one.
            if part < ZERO:
                part = one - one
            if part > one:
                part = one
            target[at + n + k] = height * (one - part)
            target[at + n + k + 1] = height * part
