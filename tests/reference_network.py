"""The slow truth of whole networks: forward, loss and backward in float64 NumPy.

A network is a list of tuples, one per layer, that carry their own parameters:

    ("dense", W, b)                     b may be None
    ("batchnorm", gamma, beta, eps)
    ("batchnorm_predict", gamma, beta, eps, running_mean, running_var)
    ("scale", s), ("scale", s, b)
    ("members", s)                      each row k times, s (k n,) its factors: (B, n) -> (B k, n)
    ("periodic", w, phase, V, b, start) numbers from column `start` on: (B, n) -> (B, n + more)
    ("embedding", table, column)        codes 0 .. k-1 of a column; of what is no code, zeros
    ("piecewise", knots, height)        columns, behind them the hats of each one's knots
    ("dropout", mask, rate)
    ("softmax",)
    ("relu",), ("leaky_relu", alpha)    any name of reference.ACTIVATIONS

The two cross-entropies take logits, so with them the list ends before its softmax or sigmoid.
After "members" there is a row for each member, one below the other; a vector or a W that is k times
as long as a row needs is that of all members. The loss is the mean of theirs.
"""

import numpy as np
import reference as ref

N_PARAMETERS = {
    "dense": 2, "batchnorm": 2, "batchnorm_predict": 2, "scale": 2, "members": 1, "periodic": 4,
    "embedding": 1,
}  # fmt: skip


def own_weights(W, b, k):
    """W and b of each of k members."""
    return zip(np.split(W, k), [None] * k if b is None else np.split(b, k), strict=True)


def side_by_side(layer, x, *others):
    """Whether the layer's vectors are those of several members; x and others as it reads them."""
    kind, *rest = layer
    if kind not in ("batchnorm", "batchnorm_predict", "scale") or rest[0].size == x.shape[1]:
        return False, (x, *others)
    return True, tuple(a.reshape(-1, rest[0].size) for a in (x, *others))


def chosen(x, table, column):
    """1 where a row has the code of a row of the table, else 0."""
    return (x[:, [column]] == np.arange(len(table))).astype(float)


def periodic_forward(x, w, phase, V, b, start):
    """Each number from column `start` on, beside its waves times V, plus b."""
    parts, V = [x[:, :start]], V.reshape(*w.shape, -1)
    for j in range(len(w)):
        number = x[:, start + j]
        waves = np.cos(2 * np.pi * np.outer(number, w[j]) + phase[j])
        parts += [number[:, None], waves @ V[j] + b[j]]
    return np.column_stack([*parts, x[:, start + len(w) :]])


def periodic_backward(x, dy, w, phase, V, b, start):
    """dx and the gradients of w, phase, V and b."""
    size = 1 + b.shape[1]
    dx, gradients, V = [dy[:, :start]], [], V.reshape(*w.shape, -1)
    for j in range(len(w)):
        number = x[:, start + j]
        own = dy[:, start + j * size : start + (j + 1) * size]
        angles = 2 * np.pi * np.outer(number, w[j]) + phase[j]
        da = -np.sin(angles) * (own[:, 1:] @ V[j].T)
        dx.append(own[:, 0] + 2 * np.pi * da @ w[j])
        dV, db = np.cos(angles).T @ own[:, 1:], own[:, 1:].sum(axis=0)
        gradients.append((2 * np.pi * number @ da, da.sum(axis=0), dV, db))
    dx.append(dy[:, start + len(w) * size :])
    dw, dphase, dV, db = map(np.stack, zip(*gradients, strict=True))
    return np.column_stack(dx), (dw, dphase, dV.reshape(-1, size - 1), db)


def hats(x, knots):
    """Of each knot the function (B,) that is 1 there and 0 at the others, and its slope."""
    for number, own in zip(x.T, knots, strict=True):
        piece = np.searchsorted(own, number, side="right") - 1
        for k in range(len(own)):
            ends = np.arange(len(own)) == k
            slopes = np.concatenate([[0], np.diff(ends.astype(float)) / np.diff(own), [0]])
            yield np.interp(number, own, ends.astype(float)), slopes[piece + 1]


def layer_forward(layer, x):
    """The layer's output y for its input x."""
    kind, *rest = layer
    several, (wide,) = side_by_side(layer, x)
    if several:
        return layer_forward(layer, wide).reshape(x.shape)
    if kind == "members":
        (s,) = rest
        return (x[:, None] * s.reshape(-1, x.shape[1])).reshape(-1, x.shape[1])
    if kind == "dense":
        k = len(rest[0]) // x.shape[1]
        parts = [ref.dense_forward(x[m::k], *own) for m, own in enumerate(own_weights(*rest, k))]
        return np.stack(parts, axis=1).reshape(len(x), -1)
    if kind == "batchnorm":
        return ref.batchnorm_forward(x, *rest)[0]
    if kind == "batchnorm_predict":
        gamma, beta, eps, mean, var = rest
        return ref.batchnorm_predict(x, gamma, beta, mean, var, eps)
    if kind == "scale":
        return x * rest[0] + (rest[1] if len(rest) == 2 else 0)
    if kind == "periodic":
        return periodic_forward(x, *rest)
    if kind == "embedding":
        table, column = rest
        found = chosen(x, *rest) @ table + 0 * x[:, [column]]
        return np.column_stack([x[:, :column], found, x[:, column + 1 :]])
    if kind == "piecewise":
        knots, height = rest
        return np.column_stack([x, *(height * hat for hat, _ in hats(x, knots))])
    if kind == "dropout":
        mask, rate = rest
        return ref.dropout(x, mask.reshape(x.shape), rate)
    if kind == "softmax":
        return ref.softmax(x)
    return ref.ACTIVATIONS[kind][0](x, *rest)


def layer_backward(layer, x, y, dy):
    """dx and the tuple of gradients of the layer's parameters; b = None has none."""
    kind, *rest = layer
    several, wide = side_by_side(layer, x, y, dy)
    if several:
        dx, gradients = layer_backward(layer, *wide)
        return dx.reshape(x.shape), gradients
    if kind == "members":
        s = rest[0].reshape(-1, x.shape[1])
        each = dy.reshape(len(x), *s.shape)
        return (s * each).sum(axis=1), ((x[:, None] * each).sum(axis=0).ravel(),)
    if kind == "dense":
        W, b = rest
        k = len(W) // x.shape[1]
        parts = [
            ref.dense_backward(x[m::k], own, dy[m::k])
            for m, (own, _) in enumerate(own_weights(W, b, k))
        ]
        dx = np.stack([part[0] for part in parts], axis=1).reshape(x.shape)
        dW, db = (np.concatenate([part[j] for part in parts]) for j in (1, 2))
        return dx, (dW,) if b is None else (dW, db)
    if kind == "batchnorm":
        gamma, _, eps = rest
        dx, dgamma, dbeta = ref.batchnorm_backward(x, gamma, eps, dy)
        return dx, (dgamma, dbeta)
    if kind == "batchnorm_predict":
        gamma, _, eps, mean, var = rest
        u = (x - mean) / np.sqrt(var + eps)
        return dy * gamma / np.sqrt(var + eps), ((dy * u).sum(axis=0), dy.sum(axis=0))
    if kind == "scale":
        return dy * rest[0], ((x * dy).sum(axis=0), dy.sum(axis=0))[: len(rest)]
    if kind == "periodic":
        return periodic_backward(x, dy, *rest)
    if kind == "embedding":
        table, column = rest
        stop = column + table.shape[1]
        dx = np.column_stack([dy[:, :column], np.zeros(len(x)), dy[:, stop:]])
        return dx, (chosen(x, *rest).T @ dy[:, column:stop],)
    if kind == "piecewise":
        knots, height = rest
        n = x.shape[1]
        dx = dy[:, :n].copy()
        columns = [j for j, own in enumerate(knots) for _ in own]
        for k, (j, (_, slope)) in enumerate(zip(columns, hats(x, knots), strict=True)):
            dx[:, j] += height * slope * dy[:, n + k]
        return dx, ()
    if kind == "dropout":
        mask, rate = rest
        return ref.dropout(dy, mask.reshape(dy.shape), rate), ()
    if kind == "softmax":
        return ref.softmax_backward(y, dy), ()
    return dy * ref.ACTIVATIONS[kind][1](x, *rest), ()


def network_forward(layers, x):
    """The input followed by every layer's output: [x, y_1, ..., y_L]."""
    outputs = [x]
    for layer in layers:
        outputs.append(layer_forward(layer, outputs[-1]))
    return outputs


def network_loss_and_gradients(layers, x, target, loss, weight=None, **options):
    """Loss value, gradients (one tuple per layer, in order) and dx of a whole network.

    `loss` is a name of reference.LOSSES; `options` go to it (reduction, smoothing, delta, ...).
    """
    outputs = network_forward(layers, x)
    k = len(outputs[-1]) // len(target)
    target, weight = (None if a is None else np.repeat(a, k, axis=0) for a in (target, weight))
    value, dy = ref.LOSSES[loss](outputs[-1], target, weight, **options)
    if options.get("reduction") == "sum":
        value, dy = value / k, dy / k
    gradients = []
    for k in reversed(range(len(layers))):
        dy, grads = layer_backward(layers[k], outputs[k], outputs[k + 1], dy)
        gradients.append(grads)
    return value, gradients[::-1], dy


def pack(groups):
    """One flat vector of all arrays in a list of tuples, such as the gradients."""
    return np.concatenate([a.ravel() for group in groups for a in group] or [np.empty(0)])


def parameters(layers):
    """One tuple of parameter arrays per layer, in the gradients' order."""
    return [
        tuple(a for a in layer[1 : 1 + N_PARAMETERS.get(layer[0], 0)] if a is not None)
        for layer in layers
    ]


def with_parameters(layers, vector):
    """The same network with its parameters read from a flat vector, the inverse of pack."""
    filled, start = [], 0
    for layer, arrays in zip(layers, parameters(layers), strict=True):
        layer = list(layer)
        for k, a in enumerate(arrays, start=1):
            layer[k] = vector[start : start + a.size].reshape(a.shape)
            start += a.size
        filled.append(tuple(layer))
    return filled
