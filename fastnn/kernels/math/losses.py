"""Losses: one pass writes the gradient and returns the weighted sum over the rows.

z or y (r, K) is the network's output, t (r, T) the target, w (r,) the weight of each row with the
reduction already in it, dz (r, K) receives the gradient. Rows are averaged over their columns,
but for cross-entropy, which sums over the classes.
"""

import math

import numpy as np

from fastnn.kernels.machine.calls import call_loss
from fastnn.kernels.machine.functions import HALF, ONE, ZERO, exp, sigmoid, softplus
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import shift

POISSON_EPSILON = 1e-7


@kernel
def binary_cross_entropy(z, t, w, dz):
    """mean_j log(1 + e^z) - t z; dz = w (sigmoid(z) - t) / K."""
    share = z.dtype.type(1.0 / z.shape[1])
    total = 0.0
    for i in range(z.shape[0]):
        value = z.dtype.type(0)
        for j in range(z.shape[1]):
            value += softplus(z[i, j]) - t[i, j] * z[i, j]
            dz[i, j] = w[i] * share * (sigmoid(z[i, j]) - t[i, j])
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def mse(y, t, w, dy):
    """mean_j (y - t)^2."""
    share = y.dtype.type(1.0 / y.shape[1])
    total = 0.0
    for i in range(y.shape[0]):
        value = y.dtype.type(0)
        for j in range(y.shape[1]):
            e = y[i, j] - t[i, j]
            value += e * e
            dy[i, j] = w[i] * share * (e + e)
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def mae(y, t, w, dy):
    """mean_j |y - t|; the slope at 0 is 0."""
    share = y.dtype.type(1.0 / y.shape[1])
    total = 0.0
    for i in range(y.shape[0]):
        value = y.dtype.type(0)
        for j in range(y.shape[1]):
            e = y[i, j] - t[i, j]
            value += abs(e)
            dy[i, j] = w[i] * share * (ONE if e > ZERO else (-ONE if e < ZERO else e))
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def huber(y, t, w, delta, dy):
    """mean_j e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964)."""
    share = y.dtype.type(1.0 / y.shape[1])
    d = y.dtype.type(delta)
    total = 0.0
    for i in range(y.shape[0]):
        value = y.dtype.type(0)
        for j in range(y.shape[1]):
            e = y[i, j] - t[i, j]
            c = d if e > d else (-d if e < -d else e)
            value += c * (e - HALF * c)
            dy[i, j] = w[i] * share * c
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def poisson(y, t, w, dy):
    """mean_j y - t log(y + 1e-7), for a positive output y."""
    share = y.dtype.type(1.0 / y.shape[1])
    eps = y.dtype.type(POISSON_EPSILON)
    total = 0.0
    for i in range(y.shape[0]):
        value = y.dtype.type(0)
        for j in range(y.shape[1]):
            value += y[i, j] - t[i, j] * math.log(y[i, j] + eps)
            dy[i, j] = w[i] * share * (ONE - t[i, j] / (y[i, j] + eps))
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def log_poisson(z, t, w, dz):
    """mean_j e^z - t z + t log t - t, for the log z of a rate; 0 log 0 = 0."""
    share = z.dtype.type(1.0 / z.shape[1])
    total = 0.0
    for i in range(z.shape[0]):
        value = z.dtype.type(0)
        for j in range(z.shape[1]):
            rate = exp(z[i, j])
            least = t[i, j] * (math.log(t[i, j]) - ONE) if t[i, j] > ZERO else ZERO
            value += rate - t[i, j] * z[i, j] + least
            dz[i, j] = w[i] * share * (rate - t[i, j])
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def pinball(y, t, w, quantiles, dy):
    """mean_jq max(q e, (q - 1) e), e = t - y: column j Q + q is quantile q of target j."""
    n = quantiles.size
    share = y.dtype.type(1.0 / y.shape[1])
    total = 0.0
    for i in range(y.shape[0]):
        value = y.dtype.type(0)
        for j in range(y.shape[1]):
            q = y.dtype.type(quantiles[j % n])
            e = t[i, j // n] - y[i, j]
            slope = q if e > ZERO else (q - ONE if e < ZERO else e)
            value += slope * e
            dy[i, j] = -w[i] * share * slope
        total += np.float64(w[i]) * (value * share)
    return total


@kernel
def custom_loss(function, y, y_pointer, t, t_pointer, w, dy, dy_pointer):
    """A user's loss of one sample, called by its address row by row."""
    total = 0.0
    for i in range(y.shape[0]):
        columns = y.shape[1]
        prediction = shift(y_pointer, i * columns)
        target = shift(t_pointer, i * t.shape[1])
        gradient = shift(dy_pointer, i * columns)
        value = call_loss(function, prediction, columns, target, t.shape[1], gradient)
        total += np.float64(w[i]) * value
        for j in range(columns):
            dy[i, j] *= w[i]
    return total
