"""A user's own functions, wrapped so that the compiled loop can call them by address.

Each is compiled by itself; the loop is not compiled again. Nothing raises inside the loop: a
function that does gives NaN, and so does a loss that leaves part of its gradient as it was.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import carray, cfunc, njit, types

from fastnn.kernels.machine.numba_parts import Dispatcher

_kept: list[object] = []
# A parallel function must not start threads of its own inside ours.
KEPT_OPTIONS = ("fastmath", "boundscheck")


def _number(dtype: np.dtype) -> types.Type:
    return types.float32 if dtype == np.float32 else types.float64


def _check_compiled(function: Any, what: str, shape: str) -> None:
    if not isinstance(function, Dispatcher):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(
            f"{what} {name} is a {type(function).__name__}; expected a function compiled by Numba, "
            f"of the form {shape}: decorate it with @numba.njit"
        )


def _check_signature(function: Any, what: str, shape: str, args: tuple[types.Type, ...]) -> None:
    """Refuse a function that is fixed to other types."""
    if function._can_compile or any(_takes(function, args, fixed) for fixed in function.overloads):
        return
    fixed = ", ".join(f"({', '.join(map(str, f))})" for f in function.overloads)
    raise TypeError(
        f"{what} {function.__name__} is compiled for the types {fixed} alone; expected {shape} of "
        f"({', '.join(map(str, args))}): decorate it with @numba.njit without a signature, or make "
        "the model of the other dtype"
    )


def _takes(function: Any, given: tuple[types.Type, ...], fixed: tuple[types.Type, ...]) -> bool:
    """Whether these arguments are the fixed ones, or contiguous arrays for any."""
    return len(given) == len(fixed) and all(
        g == f or (isinstance(g, types.Array) and function.typingctx.can_convert(g, f) is not None)
        for g, f in zip(given, fixed)
    )


def _twin(function: Any, what: str, shape: str, args: tuple[types.Type, ...]) -> Any:
    """The function compiled anew for its arguments, in which a division by 0 does not raise."""
    _check_signature(function, what, shape, args)
    name = function.__name__
    kept = {k: v for k, v in function.targetoptions.items() if k in KEPT_OPTIONS}
    twin = njit(nogil=True, error_model="numpy", **kept)(function.py_func)
    try:
        twin.compile(args)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise TypeError(
            f"{what} {name} does not compile as {shape} ({reason}); see that it takes these "
            "arguments and uses only what Numba supports"
        ) from None
    result = twin.overloads[args].signature.return_type
    if not isinstance(result, types.Float | types.Integer | types.Boolean):
        raise TypeError(f"{what} {name} returns {result}; expected a number: {shape}")
    return twin


def activation_addresses(function: Any, derivative: Any, dtype: np.dtype) -> tuple[int, int]:
    """Addresses of loops `(z, y, y, n)` and `(z, y, dy, n)` over a user's scalar functions."""
    _check_compiled(function, "the activation", "(z) -> y")
    _check_compiled(derivative, "the derivative", "(z) -> dy/dz")
    return _activation(function, derivative, dtype)


@cache
def _activation(function: Any, derivative: Any, dtype: np.dtype) -> tuple[int, int]:
    number = _number(dtype)
    value = _twin(function, "the activation", "(z) -> y", (number,))
    slope = _twin(derivative, "the derivative", "(z) -> dy/dz", (number,))

    @njit(nogil=True, error_model="numpy")
    def values(z, y):
        for i in range(z.size):
            y[i] = value(z[i])

    @njit(nogil=True, error_model="numpy")
    def slopes(z, dy):
        for i in range(z.size):
            dy[i] *= slope(z[i])

    def forward(z, y, same, n):
        target = carray(y, (n,))
        try:
            values(carray(z, (n,)), target)
        except Exception:
            target[:] = np.nan

    def backward(z, y, dy, n):
        gradient = carray(dy, (n,))
        try:
            slopes(carray(z, (n,)), gradient)
        except Exception:
            gradient[:] = np.nan

    pointer = types.CPointer(number)
    signature = types.void(pointer, pointer, pointer, types.int64)
    compiled = [cfunc(signature, nogil=True, error_model="numpy")(f) for f in (forward, backward)]
    _kept.extend(compiled)
    return compiled[0].address, compiled[1].address


LOSS_SHAPE = "(prediction, target, dprediction) -> value"


def loss_address(function: Any, dtype: np.dtype) -> int:
    """Address of `(prediction, n, target, m, dprediction) -> value` around a user's loss."""
    _check_compiled(function, "the loss", LOSS_SHAPE)
    return _loss(function, dtype)


@cache
def _loss(function: Any, dtype: np.dtype) -> int:
    number = _number(dtype)
    run = _twin(function, "the loss", LOSS_SHAPE, (types.Array(number, 1, "C"),) * 3)

    def loss(prediction, n, target, m, dprediction):
        gradient = carray(dprediction, (n,))
        gradient[:] = np.nan
        value = np.nan
        try:
            value = 0.0 + run(carray(prediction, (n,)), carray(target, (m,)), gradient)
        except Exception:
            gradient[:] = np.nan
        for j in range(n):
            if math.isnan(gradient[j]):
                return np.nan
        return value

    pointer = types.CPointer(number)
    signature = types.float64(pointer, types.int64, pointer, types.int64, pointer)
    compiled = cfunc(signature, nogil=True, error_model="numpy")(loss)
    _kept.append(compiled)
    return compiled.address
