"""Networks that share weights: rows for each of them, and their average.

The rows of k members lie side by side: x (r, k n) is, as it lies, (r k, n), member after member.
"""

from fastnn.kernels.machine.functions import ONE, ZERO
from fastnn.kernels.machine.jit import kernel


@kernel
def members_forward(x, s, y):
    """y = s x, each row once a member.  x (r, n), s (k, n) -> y (r, k, n)."""
    for i in range(x.shape[0]):
        for m in range(s.shape[0]):
            for j in range(x.shape[1]):
                y[i, m, j] = s[m, j] * x[i, j]


@kernel
def members_backward(dy, s, dx):
    """dx = sum_m s_m dy_m.  dy (r, k, n), s (k, n) -> dx (r, n)."""
    for i in range(dx.shape[0]):
        for j in range(dx.shape[1]):
            dx[i, j] = ZERO
        for m in range(s.shape[0]):
            for j in range(dx.shape[1]):
                dx[i, j] += s[m, j] * dy[i, m, j]


@kernel
def members_products(x, dy, ds):
    """ds_m = sum_i x_i dy_im.  x (r, n), dy (r, k, n) -> ds (k, n)."""
    for m in range(ds.shape[0]):
        for j in range(ds.shape[1]):
            ds[m, j] = ZERO
    for i in range(x.shape[0]):
        for m in range(ds.shape[0]):
            for j in range(ds.shape[1]):
                ds[m, j] += x[i, j] * dy[i, m, j]


@kernel
def average(y, k, mean):
    """Means of k rows each.  y (r k, n) -> mean (r, n), which may be y's first rows."""
    share = ONE / mean.dtype.type(k)
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            total = y[i * k, j]
            for m in range(1, k):
                total += y[i * k + m, j]
            mean[i, j] = share * total


@kernel
def spread(x, k):
    """Each row k times: the first x.shape[0] / k rows of x, of which there are so many, to all."""
    for i in range(x.shape[0] - 1, 0, -1):
        for j in range(x.shape[1]):
            x[i, j] = x[i // k, j]
