"""Kernels alone, on one thread: many calls in a compiled loop, on arrays that stay in cache.

Kernels cannot be called from Python; each is wrapped in a loop that is compiled in `setup`. asv
times one call of a loop after each `setup`, so the loop goes round as often as takes 5 ms or more:
over ELEMENTS elements, or FLOPS operations of a product. Comparisons between commits are what these
numbers are for; what an epoch costs is in bench_epoch.
"""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from fastnn.kernels.math import activations, batchnorm, columns, dense, optimizers, softmax

ELEMENTS = 2**22
FLOPS = 10**9
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape, dtype=np.float32)


@intrinsic
def pointer(typingctx, array):
    """Where an array's elements lie, as the matrix products take it."""

    def codegen(context, builder, sig, args):
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


@njit
def forward_products(n, x, W, z):
    (rows, n_in), n_out = x.shape, W.shape[1]
    for _ in range(n):
        dense.multiply(pointer(x), pointer(W), rows, 1, n_in, n_out, pointer(z), False, pointer(z))


@njit
def input_gradients(n, dz, Wt, dx):
    (n_out, n_in), rows = Wt.shape, dz.shape[0]
    for _ in range(n):
        dense.multiply(
            pointer(dz), pointer(Wt), rows, 1, n_out, n_in, pointer(dx), False, pointer(dx)
        )


@njit
def weight_gradients(n, x, dz, dW):
    (rows, n_in), n_out = x.shape, dz.shape[1]
    for _ in range(n):
        dense.transposed_multiply(
            pointer(x), pointer(dz), rows, 1, n_in, n_out, 0, n_in, pointer(dW)
        )


class Gemm:
    """Matrix products of one task: rows of a chunk times (inputs, outputs) of a layer.

    product: z = x W, dx = dz W^T (by a copy of W^T) or dW = x^T dz; shape: rows x inputs x outputs.
    """

    params = (["forward", "dx", "dW"], ["32x64x64", "64x784x128", "64x256x256"])
    param_names = ("product", "shape")

    def setup(self, product, shape):
        rows, n_in, n_out = map(int, shape.split("x"))
        x, W, z = normal(rows, n_in), normal(n_in, n_out), normal(rows, n_out)
        self.loop, self.arrays = {
            "forward": (forward_products, (x, W, z)),
            "dx": (input_gradients, (z, np.ascontiguousarray(W.T), x)),
            "dW": (weight_gradients, (x, z, W)),
        }[product]
        self.calls = FLOPS // (2 * rows * n_in * n_out)
        self.loop(1, *self.arrays)

    def time_gemm(self, product, shape):
        self.loop(self.calls, *self.arrays)


@njit
def adam_updates(n, w, g, m, v):
    for _ in range(n):
        optimizers.adam(w, g, m, v, 0.9, 0.999, 1e-8, 1e-3, 1.0)


class Adam:
    """Adam's pass over so many parameters: a tile in the nearest cache, and one beyond it."""

    params = (4_096, 65_536)
    param_names = ("parameters",)

    def setup(self, parameters):
        self.arrays = [normal(parameters) for _ in range(3)] + [np.ones(parameters, np.float32)]
        adam_updates(1, *self.arrays)

    def time_adam(self, parameters):
        adam_updates(ELEMENTS // parameters, *self.arrays)


@njit
def batchnorm_forwards(n, x, y, partials, weight, bias, running, statistics):
    rows = x.shape[0]
    for _ in range(n):
        columns.column_moments(x, partials[0])
        batchnorm.batchnorm_combine(
            partials, rows, weight, bias, 1e-5, 0.9, running, statistics
        )  # fmt: skip
        batchnorm.batchnorm_forward(x, statistics, y)


@njit
def batchnorm_backwards(n, x, dy, partials, dgamma, dbeta, statistics):
    rows = x.shape[0]
    for _ in range(n):
        batchnorm.batchnorm_backward_partials(x, dy, statistics, partials[0])
        batchnorm.batchnorm_backward_combine(partials, rows, statistics, dgamma, dbeta)
        batchnorm.batchnorm_backward(x, statistics, dy)


class BatchNorm:
    """Batch normalisation of one chunk, statistics included; shape: rows x columns."""

    params = (["32x64", "128x512"],)
    param_names = ("shape",)

    def setup(self, shape):
        rows, n = map(int, shape.split("x"))
        x, partials = normal(rows, n), np.zeros((1, 3, n), np.float32)
        weight, bias = np.ones(n, np.float32), np.zeros(n, np.float32)
        running = np.zeros((3, n), np.float32)
        statistics = np.zeros((batchnorm.N_STATISTICS, n), np.float32)
        self.calls = ELEMENTS // x.size
        self.forward = x, normal(rows, n), partials, weight, bias, running, statistics
        batchnorm_forwards(1, *self.forward)
        self.backward = x, normal(rows, n), partials, weight, bias, statistics
        batchnorm_backwards(1, *self.backward)

    def time_forward(self, shape):
        batchnorm_forwards(self.calls, *self.forward)

    def time_backward(self, shape):
        batchnorm_backwards(self.calls, *self.backward)


@njit
def softmaxes(n, z, y):
    for _ in range(n):
        softmax.softmax_forward(z, y)


@njit
def cross_entropies(n, z, t, w, dz):
    total = 0.0
    for _ in range(n):
        total += softmax.cross_entropy(z, t, w, dz)
    return total


class Softmax:
    """Softmax alone, and fused with cross-entropy and its gradient; shape: rows x classes."""

    params = (["32x10", "256x100"],)
    param_names = ("shape",)

    def setup(self, shape):
        rows, classes = map(int, shape.split("x"))
        z = normal(rows, classes)
        self.calls = ELEMENTS // z.size
        targets = np.eye(classes, dtype=np.float32)[RNG.integers(classes, size=rows)]
        self.softmax = z, np.empty_like(z)
        self.loss = z, targets, np.full(rows, 1 / rows, np.float32), np.empty_like(z)
        softmaxes(1, *self.softmax)
        cross_entropies(1, *self.loss)

    def time_softmax(self, shape):
        softmaxes(self.calls, *self.softmax)

    def time_cross_entropy(self, shape):
        cross_entropies(self.calls, *self.loss)


def there_and_back(forward, backward):
    """A loop of an activation's two kernels, forward in place on new numbers each time."""

    @njit
    def loop(n, z, y, dy):
        for _ in range(n):
            y[:] = z
            forward(y)
            backward(y, dy)

    return loop


class Activation:
    """An activation forward and backward on 32 x 256 elements."""

    params = ("relu", "tanh", "sigmoid", "gelu", "softplus")
    param_names = ("activation",)
    loops = {}  # noqa: RUF012

    def setup(self, activation):
        if activation not in self.loops:
            pair = [getattr(activations, f"{activation}_{way}") for way in ("forward", "backward")]
            self.loops[activation] = there_and_back(*pair)
        self.arrays = normal(8192), normal(8192), np.ones(8192, np.float32)
        self.loops[activation](1, *self.arrays)

    def time_activation(self, activation):
        self.loops[activation](ELEMENTS // 8192, *self.arrays)
