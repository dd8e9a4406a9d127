"""Periodic embeddings of numbers: waves of a number, a linear map of them, and the number itself.

Angles are counted in turns, for what is left of whole ones is exact. All arrays are given by where
they begin; rows are `ld` numbers apart.
"""

import math
from collections.abc import Callable

import numpy as np
from numba import types
from numba.extending import overload

from fastnn.kernels.machine.jit import EXACT, kernel
from fastnn.kernels.machine.memory import matrix, shift, vector
from fastnn.kernels.math.columns import column_sums
from fastnn.kernels.math.products import multiply_in_registers, multiply_packed
from fastnn.kernels.math.rows import fill

TURN = 2 * math.pi

SINE32 = (
    42.009779303153907, -76.704279876042621, 81.605226174029661, -41.341702116744000,
    6.2831853070722641,
)  # fmt: skip
SINE64 = (
    -0.011683082881307492, 0.10418309087064648, -0.71811892189106583, 3.8199524348668090,
    -15.094642572701974, 42.058693944828701, -76.705859753060723, 81.605249276075051,
    -41.341702240399760, 6.2831853071795865,
)  # fmt: skip
"""Coefficients of sin(2 pi t) / t in t^2, of t from -1/4 to 1/4: Chebyshev interpolation."""
_FIRST32, _C32 = np.float32(-14.393966295455941), tuple(map(np.float32, SINE32))
_HALF32, _QUARTER32 = np.float32(0.5), np.float32(0.25)


def cosine(x):
    """cos(2 pi x), to 1.5 units in the last place of 1."""


def _cosine32(x):
    t = _QUARTER32 - abs(x - np.floor(x + _HALF32))
    s = t * t
    p = _C32[1] + s * (_C32[0] + s * _FIRST32)
    return t * (_C32[4] + s * (_C32[3] + s * (_C32[2] + s * p)))


def _cosine64(x):
    t = 0.25 - abs(x - np.floor(x + 0.5))
    s = t * t
    p = SINE64[2] + s * (SINE64[1] + s * SINE64[0])
    p = SINE64[5] + s * (SINE64[4] + s * (SINE64[3] + s * p))
    return t * (SINE64[9] + s * (SINE64[8] + s * (SINE64[7] + s * (SINE64[6] + s * p))))


@overload(cosine, jit_options={"error_model": "numpy", "fastmath": EXACT, "nogil": True})
def _cosine(x) -> Callable:
    return _cosine32 if x == types.float32 else _cosine64


@kernel
def turns(x, ld, rows, frequency, phase, n, t):
    """t = w x + phase / 2 pi: x (rows,), w and phase (n,) -> t (rows, n)."""
    x, w, p = vector(x, 0, rows * ld), vector(frequency, 0, n), vector(phase, 0, n)
    share = w.dtype.type(1 / TURN)
    for i in range(rows):
        target = vector(t, i * n, n)
        for f in range(n):
            target[f] = x[i * ld] * w[f] + p[f] * share


@kernel
def cosines(t, n):
    """n cosines of turns, in place."""
    t = vector(t, 0, n)
    for i in range(n):
        t[i] = cosine(t[i])


@kernel
def embed(x, ldx, rows, frequency, phase, n, linear, b, units, waves, y, ldy):
    """y = (x, b + cos(2 pi w x + phase) linear).

    x (rows,), linear (n, units), b (units,) -> y (rows, 1 + units). `waves` (rows, n) is left with
    the cosines.
    """
    turns(x, ldx, rows, frequency, phase, n, waves)
    cosines(waves, rows * n)
    source, target = vector(x, 0, rows * ldx), vector(y, 0, rows * ldy)
    for i in range(rows):
        target[i * ldy] = source[i * ldx]
    multiply_in_registers(
        waves, n, 1, linear, units, shift(y, 1), ldy, b, True, rows, units, n
    )  # fmt: skip


@kernel
def slopes(x, ldx, rows, frequency, phase, n, linear, units, waves, dy, ldy, da):
    """da = -sin(2 pi w x + phase) * (dy linear^T), the gradient of the angles (rows, n).

    `waves` (rows, n) is left with the turns.
    """
    turns(x, ldx, rows, frequency, phase, n, waves)
    multiply_packed(shift(dy, 1), ldy, 1, linear, 1, units, da, n, da, False, rows, n, units)
    t, a = vector(waves, 0, rows * n), vector(da, 0, rows * n)
    quarter = t.dtype.type(0.25)
    for i in range(rows * n):
        a[i] *= cosine(t[i] + quarter)


@kernel
def embed_backward(dy, ldy, rows, frequency, n, da, dx, ldx):
    """dx = dy_0 + 2 pi sum_f w da: dy (rows, 1 + units), da (rows, n) -> dx (rows,)."""
    source, target = vector(dy, 0, rows * ldy), vector(dx, 0, rows * ldx)
    w = vector(frequency, 0, n)
    for i in range(rows):
        a, total = vector(da, i * n, n), w.dtype.type(0)
        for f in range(n):
            total += w[f] * a[f]
        target[i * ldx] = source[i * ldy] + w.dtype.type(TURN) * total


@kernel
def embed_gradient(x, ldx, rows, n, units, waves, da, dy, ldy, dw, dphase, dlinear, db):
    """The gradients of all that is learned, from what `slopes` has left and dy (rows, 1 + units).

    dw = 2 pi x^T da, dphase = sum_i da_i, dlinear = waves^T dy, db = sum_i dy_i.
    """
    multiply_in_registers(x, 1, ldx, da, n, dw, n, dw, False, 1, n, rows)
    of_w = vector(dw, 0, n)
    for f in range(n):
        of_w[f] *= of_w.dtype.type(TURN)
    column_sums(matrix(da, 0, rows, n), vector(dphase, 0, n))
    cosines(waves, rows * n)
    own = shift(dy, 1)
    multiply_in_registers(waves, 1, n, own, ldy, dlinear, units, dlinear, False, n, units, rows)
    fill(db, units, 0.0)
    sums = vector(db, 0, units)
    for i in range(rows):
        given = vector(own, i * ldy, units)
        for k in range(units):
            sums[k] += given[k]
