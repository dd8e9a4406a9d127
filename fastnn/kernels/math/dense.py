"""The matrix products of a layer: z = x W, dx = dz W^T and dW = x^T dz.

A layer may have several groups, each with a W of its own: their x and z lie side by side, their W
one below the other.

Of a layer of one unit, W is a vector w: a block of columns would compute the same one several times
over, or nothing. Vectors go along the inputs then.
"""

from fastnn.kernels.machine.blocks import LONG, VECTOR, WIDE
from fastnn.kernels.machine.functions import ZERO
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift, vector
from fastnn.kernels.machine.micro import multiply_long
from fastnn.kernels.math.products import multiply_in_registers, multiply_packed
from fastnn.kernels.math.rows import fill


@kernel
def multiply_by_vector(x, apart, w, rows, n, bias, add, z, ldz):
    """z = x w, or x w + bias where `add`.  x (rows, n) and z (rows,), their rows so far apart.

    Four rows share what is read of w; the last ones may be computed twice, for a row must have the
    same bits wherever it stands.
    """
    z, last = matrix(z, 0, rows, ldz), rows - 1
    start = vector(bias, 0, 1)[0] if add else vector(w, 0, 1).dtype.type(0)
    w = vector(w, 0, n)
    for a in range(0, rows, 4):
        b, c, d = min(a + 1, last), min(a + 2, last), min(a + 3, last)
        xa, xb = vector(x, a * apart, n), vector(x, b * apart, n)
        xc, xd = vector(x, c * apart, n), vector(x, d * apart, n)
        za = zb = zc = zd = start
        for k in range(n):
            za += xa[k] * w[k]
            zb += xb[k] * w[k]
            zc += xc[k] * w[k]
            zd += xd[k] * w[k]
        z[a, 0], z[b, 0], z[c, 0], z[d, 0] = za, zb, zc, zd


@kernel
def outer_product(dz, ldz, w, rows, n, dx, apart):
    """dx = dz w^T.  dz (rows,) and dx (rows, n), their rows so far apart; w (n,)."""
    w = vector(w, 0, n)
    for i in range(rows):
        row, factor = vector(dx, i * apart, n), vector(dz, i * ldz, 1)[0]
        for k in range(n):
            row[k] = factor * w[k]


@kernel
def vector_gradient(x, apart, dz, ldz, rows, n, dw):
    """dw = x^T dz.  x (rows, n) and dz (rows,), their rows so far apart; four rows at a time."""
    fill(dw, n, 0.0)
    dz, dw, last = matrix(dz, 0, rows, ldz), vector(dw, 0, n), rows - 1
    for i in range(0, rows, 4):
        # A row that is not there is the last one, and counts nothing.
        b, c, d = min(i + 1, last), min(i + 2, last), min(i + 3, last)
        xa, xb = vector(x, i * apart, n), vector(x, b * apart, n)
        xc, xd = vector(x, c * apart, n), vector(x, d * apart, n)
        za = dz[i, 0]
        zb = dz[b, 0] if b > i else ZERO
        zc = dz[c, 0] if c > b else ZERO
        zd = dz[d, 0] if d > c else ZERO
        for k in range(n):
            dw[k] += (za * xa[k] + zb * xb[k]) + (zc * xc[k] + zd * xd[k])


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
        if n_out == 1:
            w, at = shift(W, g * n_in), shift(z, g)
            from_, start = shift(x, g * n_in), shift(bias, g)
            multiply_by_vector(from_, groups * n_in, w, rows, n_in, start, add, at, groups)
            continue
        multiply_in_registers(
            shift(x, g * n_in), groups * n_in, 1, shift(W, g * n_in * n_out), n_out,
            shift(z, g * n_out), groups * n_out, shift(bias, g * n_out), add, rows, n_out, n_in,
        )  # fmt: skip


@kernel
def multiply_transposed(dz, W, rows, groups, n_in, n_out, dx):
    """dx = dz W^T.  dz (rows, n_out), W (n_in, n_out) -> dx (rows, n_in)."""
    for g in range(groups):
        at = shift(dx, g * n_in)
        if n_out == 1:
            w = shift(W, g * n_in)
            outer_product(shift(dz, g), groups, w, rows, n_in, at, groups * n_in)
            continue
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
            if n_out == 1:
                from_, some = shift(x, low), high - low
                vector_gradient(from_, groups * n_in, shift(dz, g), groups, rows, some, at)
                continue
            multiply_in_registers(
                shift(x, low), 1, groups * n_in, shift(dz, g * n_out), groups * n_out, at, n_out,
                at, False, high - low, n_out, rows,
            )  # fmt: skip
