"""The pieces of a step that work on weights: gradients and updates of a tile.

A tile of weights computes its gradient and applies the optimizer while both are in cache. Only a
clip by the global norm needs the whole gradient first.
"""

from fastnn.kernels.codes import DENSE, EMBEDDING, MEMBERS, PERIODIC, SCALE
from fastnn.kernels.loop.embeddings import embedding_gradient, periodic_gradient
from fastnn.kernels.loop.scales import scale_gradient
from fastnn.kernels.machine.functions import sqrt
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift, vector
from fastnn.kernels.machine.packing import pack, pack_transpose
from fastnn.kernels.math import optimizers as opt
from fastnn.kernels.math.columns import column_sums
from fastnn.kernels.math.dense import transposed_multiply
from fastnn.kernels.math.products import multiply_panels


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
        n = op.units
        amount = step.rate * step.penalty * op.l1
        opt.shrink(vector(state, op.weight + begin * n, (end - begin) * n), amount)
    W = shift(state, op.weight)
    if op.packed >= 0:
        pack(W, op.depth, op.units, begin, end, shift(work, op.packed))
    if op.transposed >= 0:
        pack_transpose(W, op.depth, op.units, begin, end, shift(work, op.transposed))


@kernel
def weight_tile(net, op, state, work, rows, begin, end, g, place, step):
    """Gradient of rows begin .. end-1 of a Dense layer's W, penalties included."""
    depth, units = op.depth, op.units
    n, m = (end - begin) * units, rows * op.repeat
    x, dz = shift(work, op.x), shift(work, op.dy)
    if op.strips >= 0:
        strips = shift(work, op.strips)
        multiply_panels(shift(x, begin), strips, m, depth, units, end - begin, g)
    else:
        transposed_multiply(x, dz, m, op.groups, depth, units, begin, end, g)
    flat = vector(g, 0, n)
    penalize(op, vector(state, op.weight + begin * units, n), flat, place, step.penalty)
    return flat


@kernel
def bias_size(op):
    """Elements of an op's bias, or of one of its vectors."""
    return op.groups * op.units


@kernel
def bias_gradient(op, work, rows, db):
    """db = sum_i dz_i, over the rows of all members that share it."""
    column_sums(matrix(work, op.dy, rows * op.repeat, bias_size(op)), db)


@kernel
def vector_size(op):
    """Elements of an op's vectors, which lie side by side, such as gamma and beta, or a scale."""
    n = bias_size(op)
    return n if op.bias < 0 else op.bias + n - op.weight


@kernel
def update_tile(net, op, state, work, rows, begin, end, scratch, place, norm, step):
    """Gradient and optimizer for a tile of one op, its vectors with the first tile."""
    own = opt.scaled_step(step, op.rate)
    if op.kind == DENSE:
        g = weight_tile(net, op, state, work, rows, begin, end, scratch, place, step)
        apply(net, state, op.weight + begin * op.units, g, norm, own, True)
        finish_weights(op, state, work, begin, end, own)
        if begin == 0 and op.bias >= 0:
            db = vector(scratch, 0, bias_size(op))
            bias_gradient(op, work, rows, db)
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
            height = op.groups * op.depth
            gradient_tile(net, op, state, work, rows, 0, height, place, step)
            if op.kind == DENSE:
                stop = op.weight + height * op.units
                weights = min(weights[0], op.weight), max(weights[1], stop)
            else:
                stop = op.weight + vector_size(op)
                vectors = min(vectors[0], op.weight), max(vectors[1], stop)
            if op.bias >= 0:
                stop = op.bias + bias_size(op)
                vectors = min(vectors[0], op.bias), max(vectors[1], stop)
    for at, stop, is_weight in ((*weights, True), (*vectors, False)):
        if stop > at:
            g = vector(work, net.gradient + at, stop - at)
            apply(net, state, at, g, norm, step, is_weight)
    for k in range(first, last):
        if ops[k].kind == DENSE and ops[k].trainable:
            finish_weights(ops[k], state, work, 0, ops[k].groups * ops[k].depth, step)


@kernel
def gradient_tile(net, op, state, work, rows, begin, end, place, step):
    """As `update_tile`, but the gradient is left in the gradient vector."""
    n = bias_size(op)
    gradient = shift(work, net.gradient)
    if op.kind == DENSE:
        g = shift(gradient, op.weight + begin * op.units)
        weight_tile(net, op, state, work, rows, begin, end, g, place, step)
        if begin == 0 and op.bias >= 0:
            bias_gradient(op, work, rows, vector(gradient, op.bias, n))
    elif op.kind in (SCALE, MEMBERS):
        scale_gradient(op, work, rows, shift(gradient, op.weight))
        if op.bias >= 0:
            bias_gradient(op, work, rows, vector(gradient, op.bias, n))
    elif op.kind == PERIODIC:
        periodic_gradient(op, state, work, rows, gradient)
    elif op.kind == EMBEDDING:
        embedding_gradient(op, work, rows, gradient)


@kernel
def tile_norm(net, op, work, begin, end):
    """Sum of squares of a tile's part of the gradient vector."""
    gradient = shift(work, net.gradient)
    if op.kind != DENSE:
        return opt.square_sum(vector(gradient, op.weight, vector_size(op)))
    size = (end - begin) * op.units
    total = opt.square_sum(vector(gradient, op.weight + begin * op.units, size))
    if begin == 0 and op.bias >= 0:
        total += opt.square_sum(vector(gradient, op.bias, bias_size(op)))
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
    factor = clip_factor(net, norms)
    counted = norms[:0]
    dense = op.kind == DENSE
    at = op.weight + begin * op.units
    size = (end - begin) * op.units if dense else vector_size(op)
    own = opt.scaled_step(step, op.rate)
    g = vector(work, net.gradient + at, size)
    opt.scale(g, factor)
    apply(net, state, at, g, counted, own, dense)
    if dense:
        finish_weights(op, state, work, begin, end, own)
        if begin == 0 and op.bias >= 0:
            db = vector(work, net.gradient + op.bias, bias_size(op))
            opt.scale(db, factor)
            apply(net, state, op.bias, db, counted, opt.scaled_step(step, op.bias_rate), False)
