"""Activations: pairs of loops over n contiguous elements.

Forward turns z into y, backward dy into dz, both in place. A backward that takes z makes the plan
keep a copy of it.
"""

import math

from fastnn.kernels.machine.functions import (
    HALF,
    ONE,
    TWO,
    ZERO,
    erf,
    exp,
    expm1,
    maximum,
    sigmoid,
    softplus,
    tanh,
)  # fmt: skip
from fastnn.kernels.machine.jit import kernel

_SQRT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


# "0 if z <= 0" rather than "z if z > 0": the second would turn a NaN into 0.
@kernel
def relu_forward(z):
    """y = max(z, 0)."""
    for i in range(z.size):
        z[i] = maximum(z[i], ZERO)


@kernel
def relu_backward(y, dy):
    """dz = dy where y > 0."""
    for i in range(y.size):
        dy[i] = ZERO if y[i] <= ZERO else dy[i]


@kernel
def leaky_relu_forward(z, alpha):
    """y = z where z > 0, else alpha z."""
    a = z.dtype.type(alpha)
    for i in range(z.size):
        z[i] = z[i] if z[i] > ZERO else a * z[i]


@kernel
def leaky_relu_backward(z, alpha, dy):
    """dz = dy where z > 0, else alpha dy."""
    a = z.dtype.type(alpha)
    for i in range(z.size):
        dy[i] = dy[i] if z[i] > ZERO else a * dy[i]


@kernel
def elu_forward(z, scale, alpha):
    """y = scale z where z > 0, else scale alpha (e^z - 1); SELU has its own two constants."""
    s = z.dtype.type(scale)
    a = z.dtype.type(scale * alpha)
    for i in range(z.size):
        z[i] = s * z[i] if z[i] > ZERO else a * expm1(z[i])


@kernel
def elu_backward(y, scale, alpha, dy):
    """dz = scale dy where y > 0, else (y + scale alpha) dy."""
    s = y.dtype.type(scale)
    a = y.dtype.type(scale * alpha)
    for i in range(y.size):
        dy[i] *= s if y[i] > ZERO else y[i] + a


@kernel
def gelu_forward(z):
    """y = z Phi(z), with the exact normal distribution function."""
    for i in range(z.size):
        z[i] = HALF * z[i] * (ONE + erf(z[i] * z.dtype.type(_SQRT_HALF)))


@kernel
def gelu_backward(z, dy):
    """dz = dy (Phi(z) + z phi(z))."""
    for i in range(z.size):
        phi = z.dtype.type(_DENSITY) * exp(-HALF * z[i] * z[i])
        dy[i] *= HALF * (ONE + erf(z[i] * z.dtype.type(_SQRT_HALF))) + z[i] * phi


@kernel
def silu_forward(z):
    """y = z sigmoid(z)."""
    for i in range(z.size):
        z[i] = z[i] * sigmoid(z[i])


@kernel
def silu_backward(z, dy):
    """dz = dy s (1 + z (1 - s)), s = sigmoid(z)."""
    for i in range(z.size):
        s = sigmoid(z[i])
        dy[i] *= s * (ONE + z[i] * (ONE - s))


@kernel
def tanh_forward(z):
    """y = tanh(z)."""
    for i in range(z.size):
        z[i] = tanh(z[i])


@kernel
def tanh_backward(y, dy):
    """dz = dy (1 - y^2)."""
    for i in range(y.size):
        dy[i] *= ONE - y[i] * y[i]


@kernel
def sigmoid_forward(z):
    """y = 1 / (1 + e^-z)."""
    for i in range(z.size):
        z[i] = sigmoid(z[i])


@kernel
def sigmoid_backward(y, dy):
    """dz = dy y (1 - y)."""
    for i in range(y.size):
        dy[i] *= y[i] * (ONE - y[i])


@kernel
def softplus_forward(z):
    """y = log(1 + e^z)."""
    for i in range(z.size):
        z[i] = softplus(z[i])


@kernel
def softplus_backward(z, dy):
    """dz = dy sigmoid(z)."""
    for i in range(z.size):
        dy[i] *= sigmoid(z[i])


@kernel
def mish_forward(z):
    """y = z tanh(softplus(z))."""
    for i in range(z.size):
        z[i] = z[i] * _tanh_softplus(z[i])


@kernel
def mish_backward(z, dy):
    """dz = dy (t + z sigmoid(z) (1 - t^2)), t = tanh(softplus(z))."""
    for i in range(z.size):
        t = _tanh_softplus(z[i])
        dy[i] *= t + z[i] * sigmoid(z[i]) * (ONE - t * t)


@kernel
def _tanh_softplus(z):
    """tanh(log(1 + e^z)) = n / (n + 2), n = e^2z + 2 e^z; divided by e^2z where that is large."""
    e = exp(-abs(z))
    n = ONE + TWO * e if z > ZERO else e * e + TWO * e
    return n / (n + (TWO * e * e if z > ZERO else TWO))
