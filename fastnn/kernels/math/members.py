"""Networks that share weights: rows for each of them, scaled by factors of its own; their average.

The rows of k members lie side by side: (r, k n) is, as it lies, (r k, n), member after member. All
arrays are given by where they begin.
"""

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import vector
from fastnn.kernels.math.rows import fill

TOGETHER = 2048
"""Columns whose sums stay in the nearest cache."""


@kernel
def rows_from(base, at, apart, n):
    """Four rows of n numbers."""
    return (
        vector(base, at, n), vector(base, at + apart, n), vector(base, at + 2 * apart, n),
        vector(base, at + 3 * apart, n),
    )  # fmt: skip


@kernel
def scale_rows(x, s, b, added, rows, k, n, y):
    """y = s x, or s x + b where `added`: x (r, n), s and b (k, n) -> y (r k, n)."""
    for i in range(rows):
        source = vector(x, i * n, n)
        for m in range(k):
            factors, shifts = vector(s, m * n, n), vector(b, m * n, n)
            target = vector(y, (i * k + m) * n, n)
            if added:
                for j in range(n):
                    target[j] = factors[j] * source[j] + shifts[j]
            else:
                for j in range(n):
                    target[j] = factors[j] * source[j]


@kernel
def scale_rows_backward(dy, s, rows, k, n, dx):
    """dx = sum_m s_m dy_m: dy (r k, n), s (k, n) -> dx (r, n)."""
    for i in range(rows):
        target = vector(dx, i * n, n)
        for m in range(k):
            factors, source = vector(s, m * n, n), vector(dy, (i * k + m) * n, n)
            if m == 0:
                for j in range(n):
                    target[j] = factors[j] * source[j]
            else:
                for j in range(n):
                    target[j] += factors[j] * source[j]


@kernel
def scale_rows_products(x, dy, rows, k, n, ds):
    """ds_m = sum_i x_i dy_im: x (r, n), dy (r k, n) -> ds (k, n).

    Of many columns some at a time, row by row: memory is read as it lies.
    """
    fill(ds, k * n, 0.0)
    for m in range(k):
        for first in range(0, n, TOGETHER):
            size = min(TOGETHER, n - first)
            target = vector(ds, m * n + first, size)
            for i in range(0, rows - 3, 4):
                a, b, c, d = rows_from(x, i * n + first, n, size)
                p, q, r, t = rows_from(dy, (i * k + m) * n + first, k * n, size)
                for j in range(size):
                    target[j] += (a[j] * p[j] + b[j] * q[j]) + (c[j] * r[j] + d[j] * t[j])
            for i in range(rows - rows % 4, rows):
                a, p = vector(x, i * n + first, size), vector(dy, (i * k + m) * n + first, size)
                for j in range(size):
                    target[j] += a[j] * p[j]


@kernel
def average(y, rows, k, n, mean):
    """Means of k rows each: y (r k, n) -> mean (r, n), which may be y's first rows."""
    answers, means = vector(y, 0, rows * k * n), vector(mean, 0, rows * n)
    for i in range(rows):
        for j in range(n):
            total = answers[i * k * n + j]
            for m in range(1, k):
                total += answers[(i * k + m) * n + j]
            means[i * n + j] = total / means.dtype.type(k)
