"""Scalar functions without branches, so that loops over them vectorise.

Pip's Numba has no vector mathematics: a call of libm's exp costs ten times these polynomials.
Bounds, tested: exp and expm1 2 ULP (expm1 in float32 up to 88), erf 1 ULP in float32 (after Juffa,
public domain), log 1 ULP, sigmoid 3 ULP where it is a normal number, tanh 4 ULP. NaN passes
through.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastnn.kernels.machine.jit import EXACT, exact_kernel


def _integers(kind: ir.Type) -> tuple[ir.Type, Callable[[int], ir.Constant], bool]:
    """For float or double, or a vector: integers of that size, constants of them; if float."""
    vector = isinstance(kind, ir.VectorType)
    single = isinstance(kind.element if vector else kind, ir.FloatType)
    integer = ir.IntType(32 if single else 64)
    if vector:
        integers = ir.VectorType(integer, kind.count)
        return integers, lambda value: ir.Constant(integers, [value] * kind.count), single
    return integer, lambda value: ir.Constant(integer, value), single


def write_power_of_two(builder: Any, n: Any) -> Any:
    """The code of `power_of_two`, for a number or a vector."""
    integers, constant, single = _integers(n.type)
    bias, mantissa = (127, 23) if single else (1023, 52)
    bits = builder.add(builder.fptosi(n, integers), constant(bias))
    return builder.bitcast(builder.shl(bits, constant(mantissa)), n.type)


def write_binary_parts(builder: Any, x: Any) -> tuple[Any, Any]:
    """The code of `binary_parts`, for a number or a vector."""
    integers, constant, single = _integers(x.type)
    one, root, mantissa = (
        (0x3F800000, 0x3F3504F3, 23) if single else (0x3FF0000000000000, 0x3FE6A09E667F3BCD, 52)
    )
    bits = builder.add(builder.bitcast(x, integers), constant(one - root))
    n = builder.sub(builder.ashr(bits, constant(mantissa)), constant(one >> mantissa))
    low = builder.and_(bits, constant((1 << mantissa) - 1))
    m = builder.bitcast(builder.add(low, constant(root)), x.type)
    return builder.sitofp(n, x.type), m


@intrinsic
def maximum(typingctx: Any, x: Any, y: Any) -> Any:
    """The larger of two numbers of one type, NaN where one is.

    Of a condition that leaves an element of an array as it is LLVM makes a store under a mask,
    which takes many times as long on some processors.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        other = context.cast(builder, args[1], sig.args[1], sig.args[0])
        number = args[0].type
        name = "llvm.maximum.f32" if isinstance(number, ir.FloatType) else "llvm.maximum.f64"
        kind = ir.FunctionType(number, [number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [args[0], other])

    return x(x, y), codegen


@intrinsic
def sqrt(typingctx: Any, x: Any) -> Any:
    """The square root: an instruction, where an older Numba calls libm's for numbers below 0."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = builder.module.declare_intrinsic("llvm.sqrt", [args[0].type])
        return builder.call(function, args)

    return x(x), codegen


@intrinsic
def power_of_two(typingctx: Any, n: Any) -> Any:
    """2^n for a whole n in the range of normal numbers, in the type of n."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return write_power_of_two(builder, args[0])

    return n(n), codegen


@intrinsic
def binary_parts(typingctx: Any, x: Any) -> Any:
    """x = 2^n m for a positive normal x, m from sqrt(1/2) to sqrt(2): n and m, in the type of x."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_tuple(builder, sig.return_type, write_binary_parts(builder, args[0]))

    return types.UniTuple(x, 2)(x), codegen


# Exact in float32, so that they take the type of what they meet: an integer would make float32
# arithmetic double.
ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
_S = np.float32


EXP32 = -104, 1.4426950408889634, 0.693359375, -2.12194440e-4, (
    0.0013926183587713494542, 0.0083631790527225773704, 0.041666554617204574203,
    0.16666576989698775683, 0.5,
)  # fmt: skip
EXP64 = -746, 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10, (
    2.0914686968086877233e-09, 2.5105217004720745164e-08, 2.7557273643110295328e-07,
    2.755725540020642443e-06, 2.4801587325547741216e-05, 1.9841269874820625271e-04,
    0.0013888888888883748305, 0.0083333333333261351258, 0.041666666666666669755,
    0.16666666666666670991, 0.5,
)  # fmt: skip
"""Least argument, 1 / ln 2, ln 2 in two parts, and the coefficients of (e^r - 1 - r) / r^2.

The first part of ln 2 has few bits, so that a whole number times it is exact.
"""
_LEAST32, _RATE32, _HIGH32, _LOW32, _C32 = *map(_S, EXP32[:4]), tuple(map(_S, EXP32[4]))
_LEAST64, _RATE64, _HIGH64, _LOW64, _C64 = *map(float, EXP64[:4]), EXP64[4]


@exact_kernel
def _reduce32(x):
    """x = n ln 2 + r -> two powers of two whose product is 2^n, and e^r - 1."""
    x = _LEAST32 if x < _LEAST32 else x
    x = _S(89) if x > _S(89) else x
    n = np.floor(x * _RATE32 + _S(0.5))
    r = (x - n * _HIGH32) - n * _LOW32
    q = _C32[1] + r * _C32[0]
    q = _C32[3] + r * (_C32[2] + r * q)
    q = _C32[4] + r * q
    half = np.floor(n * _S(0.5))
    return power_of_two(half), power_of_two(n - half), r + r * r * q


@exact_kernel
def _reduce64(x):
    """x = n ln 2 + r -> two powers of two whose product is 2^n, and e^r - 1."""
    x = _LEAST64 if x < _LEAST64 else x
    x = 710.0 if x > 710.0 else x
    n = np.floor(x * _RATE64 + 0.5)
    r = (x - n * _HIGH64) - n * _LOW64
    q = _C64[1] + r * _C64[0]
    q = _C64[3] + r * (_C64[2] + r * q)
    q = _C64[5] + r * (_C64[4] + r * q)
    q = _C64[7] + r * (_C64[6] + r * q)
    q = _C64[9] + r * (_C64[8] + r * q)
    q = _C64[10] + r * q
    half = np.floor(n * 0.5)
    return power_of_two(half), power_of_two(n - half), r + r * r * q


def _by_type(single: Callable, double: Callable) -> Callable:
    return lambda x: single if x == types.float32 else double


def exp(x):
    """e^x."""


def _exp32(x):
    a, b, p = _reduce32(x)
    return (_S(1) + p) * a * b


def _exp64(x):
    a, b, p = _reduce64(x)
    return (1.0 + p) * a * b


def expm1(x):
    """e^x - 1, without cancellation near 0."""


def _expm1_32(x):
    a, b, p = _reduce32(x)
    return p * a * b + (a * b - _S(1))


def _expm1_64(x):
    a, b, p = _reduce64(x)
    return p * a * b + (a * b - 1.0)


def _define(name: Callable, single: Callable, double: Callable) -> None:
    flags = {"error_model": "numpy", "fastmath": EXACT, "nogil": True}
    overload(name, jit_options=flags)(_by_type(single, double))


LOG32 = 6.9313812256e-01, 9.0580006145e-06, (
    0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693,
)  # fmt: skip
LOG64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10, (
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
    2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
    6.666666666666735130e-01,
)  # fmt: skip
"""ln 2 in two parts, and the coefficients of log((1 + s) / (1 - s)) / s - 2 in s^2."""
_L32, _L64 = tuple(map(_S, LOG32[2])), LOG64[2]


def log(x):
    """Natural logarithm of a positive normal number or NaN (after fdlibm, freely usable)."""


def _log32(x):
    n, m = binary_parts(x)
    f = m - _S(1)
    s = f / (_S(2) + f)
    z = s * s
    r = z * (_L32[3] + z * (_L32[2] + z * (_L32[1] + z * _L32[0])))
    h = _S(0.5) * f * f
    low = s * (h + r) + n * _S(LOG32[1])
    # x - x: the bits of a NaN would pass for a number.
    return n * _S(LOG32[0]) - ((h - low) - f) + (x - x)


def _log64(x):
    n, m = binary_parts(x)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = _L64[2] + z * (_L64[1] + z * _L64[0])
    r = _L64[4] + z * (_L64[3] + z * r)
    r = z * (_L64[6] + z * (_L64[5] + z * r))
    h = 0.5 * f * f
    low = s * (h + r) + n * LOG64[1]
    return n * LOG64[0] - ((h - low) - f) + (x - x)


def erf(x):
    """Error function; in float64 libm's."""


def _erf32(x):
    t, s = abs(x), x * x
    far = _S(3.83197126e-4) + t * _S(-1.72853470e-5)
    far = far * s + (_S(2.42546219e-2) + t * _S(-3.88396438e-3))
    far = far * t + _S(-1.06777877e-1)
    far = far * t + _S(-6.34846687e-1)
    far = far * t + _S(-1.28717512e-1)
    far = -expm1(far * t - t)
    near = _S(4.99119423e-3) + s * _S(-5.96761703e-4)
    near = near * s + _S(-2.67681349e-2)
    near = near * s + _S(1.12819925e-1)
    near = near * s + _S(-3.76125336e-1)
    near = near * s + _S(1.28379166e-1)
    near = near * x + x
    return near if t <= _S(0.921875) else (-far if x < ZERO else far)


def _erf64(x):
    return math.erf(x)


_define(exp, _exp32, _exp64)
_define(expm1, _expm1_32, _expm1_64)
_define(log, _log32, _log64)
_define(erf, _erf32, _erf64)


@exact_kernel
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@exact_kernel
def tanh(x):
    """Hyperbolic tangent, through expm1(-2|x|): accurate near 0, 1 far away."""
    t = expm1(-TWO * abs(x))
    t = -t / (t + TWO)
    return -t if x < ZERO else t


@exact_kernel
def softplus(x):
    """log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|; what 1 + e rounds off is added again."""
    e = exp(-abs(x))
    sum_ = ONE + e
    return (ZERO if x <= ZERO else x) + (log(sum_) + (e - (sum_ - ONE)) / sum_)
