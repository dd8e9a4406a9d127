"""Networks that share weights: rows for each of them, scaled by factors of its own; their average.

The rows of k members lie side by side: (r, k n) is, as it lies, (r k, n), member after member. All
arrays are given by where they begin.
"""

from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import vector
from fastnn.kernels.math.rows import fill


@kernel
def scale_rows(x, s, b, added, rows, k, n, y):
    """y = s x, or s x + b where `added`: x (r, n), s and b (k, n) -> y (r k, n)."""
    for i in range(rows):
        source = vector(x, i * n, n)
        for m in range(k):
            factors, shifts = vector(s, m * n, n), vector(b, m * n, n)
            target = vector(y, (i * k + m) * n, n)
            for j in range(n):
                target[j] = factors[j] * source[j]
            if added:
                for j in range(n):
                    target[j] += shifts[j]


@kernel
def scale_rows_backward(dy, s, rows, k, n, dx):
    """dx = sum_m s_m dy_m: dy (r k, n), s (k, n) -> dx (r, n)."""
    fill(dx, rows * n, 0.0)
    for i in range(rows):
        target = vector(dx, i * n, n)
        for m in range(k):
            factors, source = vector(s, m * n, n), vector(dy, (i * k + m) * n, n)
            for j in range(n):
                target[j] += factors[j] * source[j]


@kernel
def scale_rows_products(x, dy, rows, k, n, ds):
    """ds_m = sum_i x_i dy_im: x (r, n), dy (r k, n) -> ds (k, n)."""
    fill(ds, k * n, 0.0)
    for i in range(rows):
        row = vector(x, i * n, n)
        for m in range(k):
            target, source = vector(ds, m * n, n), vector(dy, (i * k + m) * n, n)
            for j in range(n):
                target[j] += row[j] * source[j]


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
