"""The pieces of a step that work on weights: gradients and updates of a tile.

A tile of weights computes its gradient and applies the optimizer while both are in cache. Only a
clip by the global norm needs the whole gradient first.
"""

from fastnn.kernels.codes import DENSE, SCALE
from fastnn.kernels.machine.functions import sqrt
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift, vector
from fastnn.kernels.machine.packing import pack, pack_transpose
from fastnn.kernels.math import optimizers as opt
from fastnn.kernels.math.columns import column_products, column_sums
from fastnn.kernels.math.products import multiply_panels, transposed_multiply  # fmt: skip


@kernel
def penalize(op, W, g, place, factor):
    """Add the gradient of the L2 penalty to g, and the value of both penalties to `place`."""
    if op.l2 > 0:
        opt.regularize(W, g, factor * op.l2)
        place[0] += 0.5 * factor * op.l2 * opt.square_sum(W)
    if op.l1 > 0:
        place[0] += factor * op.l1 * opt.absolute_sum(W)


@kernel
def apply(net, state, at, g, norm, step, is_weight):
    """The optimizer on the parameters from offset `at` of the state, with their gradient g.

    norm (1,) collects the gradient's sum of squares; (0,) where nobody asks.
    """
    n = g.size
    if norm.size > 0:
        norm[0] += opt.square_sum(g)
    w = vector(state, at, n)
    m = vector(state, net.slots + at, n)
    v = vector(state, net.slots + net.n_params + at, n)
    if net.clip_value > 0:
        opt.clip(g, net.clip_value)
    if is_weight and net.weight_decay > 0:
        opt.scale(w, 1.0 - step.rate * net.weight_decay)
    opt.update(net, w, g, m, v, step)


@kernel
def finish_weights(op, state, work, begin, end, step):
    """What follows an update of rows begin .. end-1 of W: the L1 step, the packed copies."""
    if op.l1 > 0:
        n = op.n_out
        amount = step.rate * step.penalty * op.l1
        opt.shrink(vector(state, op.weight + begin * n, (end - begin) * n), amount)
    W = shift(state, op.weight)
    if op.packed >= 0:
        pack(W, op.n_in, op.n_out, begin, end, shift(work, op.packed))
    if op.transposed >= 0:
        pack_transpose(W, op.n_in, op.n_out, begin, end, shift(work, op.transposed))


@kernel
def weight_tile(net, op, state, work, rows, begin, end, g, place, step):
    """Gradient of rows begin .. end-1 of a Dense layer's W, penalties included."""
    n = (end - begin) * op.n_out
    x, dz = shift(work, op.x + begin), shift(work, op.dy)
    if op.strips >= 0:
        strips = shift(work, op.strips)
        multiply_panels(x, strips, rows, op.n_in, op.n_out, end - begin, g)
    else:
        transposed_multiply(x, dz, rows, op.n_in, op.n_out, end - begin, g)
    flat = vector(g, 0, n)
    penalize(op, vector(state, op.weight + begin * op.n_out, n), flat, place, step.penalty)
    return flat


@kernel
def vector_size(op):
    """Elements of an op's vectors, which lie side by side: gamma and beta, or a scale."""
    return op.n_out if op.bias < 0 else op.bias + op.n_out - op.weight


@kernel
def update_tile(net, op, state, work, rows, begin, end, scratch, place, norm, step):
    """Gradient and optimizer for a tile of one op, its vectors with the first tile."""
    n, own = op.n_out, opt.scaled_step(step, op.rate)
    if op.kind == DENSE:
        g = weight_tile(net, op, state, work, rows, begin, end, scratch, place, step)
        apply(net, state, op.weight + begin * n, g, norm, own, True)
        finish_weights(op, state, work, begin, end, own)
        if begin == 0 and op.bias >= 0:
            db = vector(scratch, 0, n)
            column_sums(matrix(work, op.dy, rows, n), db)
            apply(net, state, op.bias, db, norm, opt.scaled_step(step, op.bias_rate), False)
    else:
        gradient_tile(net, op, state, work, rows, 0, 1, place, step)
        g = vector(work, net.gradient + op.weight, vector_size(op))
        apply(net, state, op.weight, g, norm, own, False)


@kernel
def update_ops(net, ops, first, last, state, work, rows, place, norm, step):
    """Gradients of several small ops, then one pass of the optimizer over all their weights.

    The layout puts the weights of neighbouring ops side by side, and their vectors, too.
    """
    weights, vectors = (net.n_params, 0), (net.n_params, 0)
    for k in range(first, last):
        op = ops[k]
        if op.weight >= 0 and op.trainable:
            gradient_tile(net, op, state, work, rows, 0, op.n_in, place, step)
            size = op.n_in * op.n_out
            if op.kind == DENSE:
                weights = min(weights[0], op.weight), max(weights[1], op.weight + size)
            else:
                stop = op.weight + vector_size(op)
                vectors = min(vectors[0], op.weight), max(vectors[1], stop)
            if op.bias >= 0:
                vectors = min(vectors[0], op.bias), max(vectors[1], op.bias + op.n_out)
    for at, stop, is_weight in ((*weights, True), (*vectors, False)):
        if stop > at:
            g = vector(work, net.gradient + at, stop - at)
            apply(net, state, at, g, norm, step, is_weight)
    for k in range(first, last):
        if ops[k].kind == DENSE and ops[k].trainable:
            finish_weights(ops[k], state, work, 0, ops[k].n_in, step)


@kernel
def gradient_tile(net, op, state, work, rows, begin, end, place, step):
    """As `update_tile`, but the gradient is left in the gradient vector."""
    n = op.n_out
    gradient = shift(work, net.gradient)
    if op.kind == DENSE:
        g = shift(gradient, op.weight + begin * n)
        weight_tile(net, op, state, work, rows, begin, end, g, place, step)
        if begin == 0 and op.bias >= 0:
            column_sums(matrix(work, op.dy, rows, n), vector(gradient, op.bias, n))
    elif op.kind == SCALE:
        x, dy = matrix(work, op.x, rows, n), matrix(work, op.dy, rows, n)
        column_products(x, dy, vector(gradient, op.weight, n))


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
    return min(1.0, net.clip_norm / (sqrt(total) + 1e-6))


@kernel
def apply_tile(net, op, state, work, begin, end, norms, step):
    """The optimizer for a tile whose gradient is in the gradient vector, clipped as a whole."""
    n = op.n_out
    factor = clip_factor(net, norms)
    counted = norms[:0]
    dense = op.kind == DENSE
    at = op.weight + begin * n
    size = (end - begin) * n if dense else vector_size(op)
    own = opt.scaled_step(step, op.rate)
    g = vector(work, net.gradient + at, size)
    opt.scale(g, factor)
    apply(net, state, at, g, counted, own, dense)
    if dense:
        finish_weights(op, state, work, begin, end, own)
        if begin == 0 and op.bias >= 0:
            db = vector(work, net.gradient + op.bias, n)
            opt.scale(db, factor)
            apply(net, state, op.bias, db, counted, opt.scaled_step(step, op.bias_rate), False)
