"""Batch normalisation (Ioffe & Szegedy 2015), cut into chunks of rows.

Each chunk writes its own sums; the last chunk to arrive combines them, in the order of the chunks,
with Chan's update (Chan, Golub & LeVeque 1979). Differences keep their order of rounding: that is
what makes them small. `statistics` has seven rows of n columns: the mean
(high part, and what its rounding left), 1 / deviation, scale, shift, and backward's two means.
"""

import numpy as np

from fastnn.kernels.codes import N_STATISTICS
from fastnn.kernels.machine.functions import ZERO, sqrt
from fastnn.kernels.machine.jit import exact_kernel
from fastnn.kernels.math.columns import column_slopes

MEAN, MEAN_LOW, RSTD, SCALE, SHIFT, DY_MEAN, DY_SLOPE = range(N_STATISTICS)


@exact_kernel
def batchnorm_combine(partials, batch_rows, weight, bias, eps, momentum, running, statistics):
    """Mean and variance of the batch, what forward needs of them, and the running averages.

    partials (C, 3, n), C chunks of a batch of `batch_rows` rows; running (3, n).
    """
    n, chunks = partials.shape[2], partials.shape[0]
    count = 0
    for row in (MEAN, MEAN_LOW, RSTD):
        statistics[row] = ZERO
    for c in range(chunks):
        rows = batch_rows * (c + 1) // chunks - batch_rows * c // chunks
        if rows == 0:
            continue
        count += rows
        share, spread = rows / count, rows * (count - rows) / count
        for j in range(n):
            mean = np.float64(statistics[MEAN, j]) + np.float64(statistics[MEAN_LOW, j])
            # The chunk's mean is in two parts, for their sum would round.
            delta = (np.float64(partials[c, 0, j]) - mean) + np.float64(partials[c, 1, j])
            mean += delta * share
            statistics[MEAN, j] = mean
            statistics[MEAN_LOW, j] = mean - np.float64(statistics[MEAN, j])
            statistics[RSTD, j] += partials[c, 2, j] + delta * delta * spread
    kept, new = momentum, 1.0 - momentum
    of_rows, of_rest = 1.0 / count, 1.0 / max(count - 1, 1)
    for j in range(n):
        m2, low = np.float64(statistics[RSTD, j]), np.float64(statistics[MEAN_LOW, j])
        rstd = 1.0 / sqrt(m2 * of_rows + eps)
        scale = weight[j] * rstd
        statistics[RSTD, j] = rstd
        statistics[SCALE, j] = scale
        statistics[SHIFT, j] = bias[j] - low * scale
        running[0, j] = kept * running[0, j] + new * (np.float64(statistics[MEAN, j]) + low)
        running[1, j] = kept * running[1, j] + new * (m2 * of_rest)
        running[2, j] = kept * running[2, j] + new


@exact_kernel
def batchnorm_forward(x, statistics, y):
    """y = (x - mean) scale + shift.  x (r, n), statistics (7, n) -> y (r, n)."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            d = x[i, j] - statistics[MEAN, j]
            y[i, j] = d * statistics[SCALE, j] + statistics[SHIFT, j]


@exact_kernel
def batchnorm_backward_partials(x, dy, statistics, partial):
    """Sums of dy and of dy (x - mean) over the rows of a chunk.  (r, n) -> (2, n)."""
    for j in range(x.shape[1]):
        partial[0, j] = statistics[MEAN, j]
        partial[1, j] = statistics[MEAN_LOW, j]
    column_slopes(x, dy, partial)


@exact_kernel
def batchnorm_backward_combine(partials, rows, statistics, dgamma, dbeta):
    """dbeta = sum dy, dgamma = sum dy xhat, and the two means that dx needs."""
    n, share = partials.shape[2], 1.0 / rows
    for j in range(n):
        dbeta[j] = partials[0, 0, j]
        dgamma[j] = partials[0, 1, j]
    for c in range(1, partials.shape[0]):
        for j in range(n):
            dbeta[j] += partials[c, 0, j]
            dgamma[j] += partials[c, 1, j]
    for j in range(n):
        dgamma[j] *= statistics[RSTD, j]
        statistics[DY_MEAN, j] = dbeta[j] * share
        statistics[DY_SLOPE, j] = dgamma[j] * statistics[RSTD, j] * share


@exact_kernel
def batchnorm_backward(x, statistics, dy):
    """dx = scale (dy - mean dy - (x - mean) rstd^2 mean(dy (x - mean))), in place of dy."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            d = (x[i, j] - statistics[MEAN, j]) - statistics[MEAN_LOW, j]
            g = dy[i, j] - statistics[DY_MEAN, j] - d * statistics[DY_SLOPE, j]
            dy[i, j] = statistics[SCALE, j] * g


@exact_kernel
def batchnorm_predict(x, weight, bias, running, eps, statistics, y):
    """y = gamma (x - running mean) / sqrt(running variance + eps) + beta.

    running (3, n) holds the two averages and their common bias correction; before any training
    that is 0, and the layer passes x through gamma and beta alone.
    """
    for j in range(x.shape[1]):
        correction = np.float64(running[2, j])
        mean = running[0, j] / correction if correction > 0 else 0.0
        variance = running[1, j] / correction if correction > 0 else 1.0
        scale = weight[j] / sqrt(variance + eps)
        high = statistics.dtype.type(mean)
        statistics[MEAN, j] = high
        statistics[SCALE, j] = scale
        statistics[SHIFT, j] = bias[j] - (mean - high) * scale
    batchnorm_forward(x, statistics, y)
