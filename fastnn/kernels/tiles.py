"""Floor 0. The pieces of a step that work on weights: gradients and updates of a tile.

A tile of weights computes its gradient and applies the optimizer while both are in cache. Only a
clip by the global norm needs the whole gradient first.
"""

import math

from fastnn.kernels import optimizers as opt
from fastnn.kernels.blas import transposed_multiply
from fastnn.kernels.codes import DENSE
from fastnn.kernels.dense import column_sums
from fastnn.kernels.jit import kernel
from fastnn.kernels.memory import matrix, shift, vector


@kernel
def penalize(net, op, W, g, place):
    """Add the gradient of the L2 penalty to g, and the value of both penalties to `place`."""
    if op.l2 > 0:
        opt.regularize(W, g, op.l2)
        place[0] += 0.5 * op.l2 * opt.square_sum(W)
    if op.l1 > 0:
        place[0] += op.l1 * opt.absolute_sum(W)


@kernel
def apply(net, op, state, at, g, n, rate, t, is_weight):
    """The optimizer on n parameters from offset `at` of the state."""
    w = vector(state, at, n)
    m = vector(state, net.slots + at, n)
    v = vector(state, net.slots + net.n_params + at, n)
    if net.clip_value > 0:
        opt.clip(g, net.clip_value)
    if is_weight and net.weight_decay > 0:
        opt.scale(w, 1.0 - rate * net.weight_decay)
    opt.update(net, w, g, m, v, rate, t)
    if is_weight and op.l1 > 0:
        opt.shrink(w, rate * op.l1)


@kernel
def weight_tile(net, op, state, work, rows, begin, end, g, place):
    """Gradient of rows begin .. end-1 of a Dense layer's W, penalties included."""
    n = (end - begin) * op.n_out
    x, dz = shift(work, op.x + begin), shift(work, op.dy)
    transposed_multiply(x, dz, rows, op.n_in, op.n_out, end - begin, g)
    flat = vector(g, 0, n)
    penalize(net, op, vector(state, op.weight + begin * op.n_out, n), flat, place)
    return flat


@kernel
def update_tile(net, op, state, work, rows, begin, end, scratch, place, rate, t):
    """Gradient and optimizer for a tile of one op, its vectors with the first tile."""
    n = op.n_out
    if op.kind == DENSE:
        g = weight_tile(net, op, state, work, rows, begin, end, scratch, place)
        apply(net, op, state, op.weight + begin * n, g, (end - begin) * n, rate, t, True)
        if begin == 0 and op.bias >= 0:
            db = vector(scratch, 0, n)
            column_sums(matrix(work, op.dy, rows, n), db)
            apply(net, op, state, op.bias, db, n, rate, t, False)
    else:
        gradient = shift(work, net.gradient)
        apply(net, op, state, op.weight, vector(gradient, op.weight, n), n, rate, t, False)
        apply(net, op, state, op.bias, vector(gradient, op.bias, n), n, rate, t, False)


@kernel
def gradient_tile(net, op, state, work, rows, begin, end, place):
    """As `update_tile`, but the gradient is left in the gradient vector."""
    n = op.n_out
    gradient = shift(work, net.gradient)
    if op.kind == DENSE:
        g = shift(gradient, op.weight + begin * n)
        weight_tile(net, op, state, work, rows, begin, end, g, place)
        if begin == 0 and op.bias >= 0:
            column_sums(matrix(work, op.dy, rows, n), vector(gradient, op.bias, n))


@kernel
def tile_norm(net, op, work, begin, end):
    """Sum of squares of a tile's part of the gradient vector."""
    n = op.n_out
    gradient = shift(work, net.gradient)
    size = (end - begin) * n if op.kind == DENSE else n
    total = opt.square_sum(vector(gradient, op.weight + begin * n, size))
    if begin == 0 and op.bias >= 0:
        total += opt.square_sum(vector(gradient, op.bias, n))
    return total


@kernel
def clip_factor(net, norms):
    """min(1, limit / norm) of the whole gradient, from the tiles' sums in their order."""
    total = 0.0
    for i in range(norms.size):
        total += norms[i]
    return min(1.0, net.clip_norm / (math.sqrt(total) + 1e-6))


@kernel
def apply_tile(net, op, state, work, begin, end, norms, rate, t):
    """The optimizer for a tile whose gradient is in the gradient vector, clipped as a whole."""
    n = op.n_out
    gradient = shift(work, net.gradient)
    factor = clip_factor(net, norms)
    size = (end - begin) * n if op.kind == DENSE else n
    at = op.weight + begin * n
    g = vector(gradient, at, size)
    opt.scale(g, factor)
    apply(net, op, state, at, g, size, rate, t, op.kind == DENSE)
    if begin == 0 and op.bias >= 0:
        db = vector(gradient, op.bias, n)
        opt.scale(db, factor)
        apply(net, op, state, op.bias, db, n, rate, t, False)
