"""Which kernels an activation of the op table means."""

from fastnn.kernels.codes import (
    ELU,
    GELU,
    LEAKY_RELU,
    MISH,
    RELU,
    SELU,
    SELU_ALPHA,
    SELU_SCALE,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
)
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.math import activations as act


@kernel
def activate(op, z):
    """One elementwise op forward, in place, on contiguous elements."""
    kind = op.kind
    if kind == RELU:
        act.relu_forward(z)
    elif kind == LEAKY_RELU:
        act.leaky_relu_forward(z, op.alpha)
    elif kind == ELU:
        act.elu_forward(z, 1.0, op.alpha)
    elif kind == SELU:
        act.elu_forward(z, SELU_SCALE, SELU_ALPHA)
    elif kind == GELU:
        act.gelu_forward(z)
    elif kind == SILU:
        act.silu_forward(z)
    elif kind == TANH:
        act.tanh_forward(z)
    elif kind == SIGMOID:
        act.sigmoid_forward(z)
    elif kind == SOFTPLUS:
        act.softplus_forward(z)
    elif kind == MISH:
        act.mish_forward(z)


@kernel
def activate_backward(op, z, y, dy):
    """One elementwise op backward: dy becomes dz."""
    kind = op.kind
    if kind == RELU:
        act.relu_backward(y, dy)
    elif kind == LEAKY_RELU:
        act.leaky_relu_backward(z, op.alpha, dy)
    elif kind == ELU:
        act.elu_backward(y, 1.0, op.alpha, dy)
    elif kind == SELU:
        act.elu_backward(y, SELU_SCALE, SELU_ALPHA, dy)
    elif kind == GELU:
        act.gelu_backward(z, dy)
    elif kind == SILU:
        act.silu_backward(z, dy)
    elif kind == TANH:
        act.tanh_backward(y, dy)
    elif kind == SIGMOID:
        act.sigmoid_backward(y, dy)
    elif kind == SOFTPLUS:
        act.softplus_backward(z, dy)
    elif kind == MISH:
        act.mish_backward(z, dy)
