"""Floor 0. A user's own functions, wrapped so that the compiled loop can call them by address.

Each is compiled by itself; the loop is not compiled again.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import carray, cfunc, types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError

_kept: list[object] = []


def _number(dtype: np.dtype) -> types.Type:
    return types.float32 if dtype == np.float32 else types.float64


def _check(function: Callable, what: str, shape: str, args: tuple[types.Type, ...]) -> None:
    """Compile the function for its arguments and see that it returns a number."""
    name = getattr(function, "__name__", repr(function))
    if not isinstance(function, Dispatcher):
        raise TypeError(
            f"{what} {name} is a {type(function).__name__}; expected a function compiled by Numba, "
            f"of the form {shape}: decorate it with @numba.njit"
        )
    try:
        function.compile(args)
    except (NumbaError, TypeError) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise TypeError(
            f"{what} {name} does not compile as {shape} ({reason}); see that it takes these "
            "arguments and uses only what Numba supports"
        ) from None
    result = function.overloads[args].signature.return_type
    if not isinstance(result, types.Float | types.Integer | types.Boolean):
        raise TypeError(f"{what} {name} returns {result}; expected a number: {shape}")


@cache
def activation_addresses(
    function: Callable, derivative: Callable, dtype: np.dtype
) -> tuple[int, int]:
    """Addresses of loops `(z, y, y, n)` and `(z, y, dy, n)` over a user's scalar functions."""
    number = _number(dtype)
    _check(function, "the activation", "(z) -> y", (number,))
    _check(derivative, "the derivative", "(z) -> dy/dz", (number,))
    pointer = types.CPointer(number)
    signature = types.void(pointer, pointer, pointer, types.int64)

    def forward(z, y, same, n):
        source, target = carray(z, (n,)), carray(y, (n,))
        for i in range(n):
            target[i] = function(source[i])

    def backward(z, y, dy, n):
        source, gradient = carray(z, (n,)), carray(dy, (n,))
        for i in range(n):
            gradient[i] *= derivative(source[i])

    compiled = [cfunc(signature, nogil=True, error_model="numpy")(f) for f in (forward, backward)]
    _kept.extend(compiled)
    return compiled[0].address, compiled[1].address


@cache
def loss_address(function: Callable, dtype: np.dtype) -> int:
    """Address of `(prediction, n, target, m, dprediction) -> value` around a user's loss."""
    number = _number(dtype)
    shape = "(prediction, target, dprediction) -> value"
    _check(function, "the loss", shape, (types.Array(number, 1, "C"),) * 3)
    pointer = types.CPointer(number)
    signature = types.float64(pointer, types.int64, pointer, types.int64, pointer)

    def loss(prediction, n, target, m, dprediction):
        return function(carray(prediction, (n,)), carray(target, (m,)), carray(dprediction, (n,)))

    compiled = cfunc(signature, nogil=True, error_model="numpy")(loss)
    _kept.append(compiled)
    return compiled.address
