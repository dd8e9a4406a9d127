"""Sums down the columns of matrices, in registers: a vector of columns at a time.

Differences keep their order of rounding: that is what makes them small.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import VECTOR
from fastnn.kernels.machine.jit import exact_kernel, kernel
from fastnn.kernels.machine.memory import matrix, shift, start_of
from fastnn.kernels.machine.vectors import I64, VectorCode

TOGETHER = 4
"""Rows that are added to sums of their own, so that an addition need not wait for the last."""


MASKED = VECTOR > 16
"""Whether the processor loads a part of a vector: else the last columns go one by one."""


class _Columns(VectorCode):
    """Writes the code for a vector of columns of matrices whose rows are n numbers apart.

    `size` is the vector's in bytes; not all of its columns need be there where it is `masked`.
    """

    def __init__(
        self, builder: Any, number: Any, size: int, masked: bool, n: Any, rows: Any, columns: Any
    ) -> None:
        super().__init__(builder, number, size)
        self.n, self.rows = n, rows
        self.mask = self.below(columns) if masked else None

    def row(self, base: Any, i: Any) -> Any:
        """The columns in row i of a matrix."""
        return self.load(self.builder.gep(base, [self.builder.mul(self.n, i)]), self.mask)

    def put(self, value: Any, base: Any, i: Any) -> None:
        """Write them."""
        self.store(value, self.builder.gep(base, [self.builder.mul(self.n, i)]), self.mask)

    def sums(self, terms: Callable[[Any], list[Any]], count: int) -> list[Any]:
        """The sums over the rows of what `terms(i)` gives, `count` vectors."""
        builder, half = self.builder, 2 * count

        def add(i: Any, found: list[Any]) -> list[Any]:
            together = range(len(found) // count)
            new = [term for k in together for term in terms(builder.add(i, I64(k)))]
            return list(map(builder.fadd, found, new))

        whole = builder.sub(self.rows, builder.and_(self.rows, I64(TOGETHER - 1)))
        four = self.loop(I64(0), whole, TOGETHER, add, [self.zero] * (TOGETHER * count))
        pairs = [builder.fadd(a, b) for a, b in zip(four[:half], four[half:], strict=True)]
        found = [builder.fadd(a, b) for a, b in zip(pairs[:count], pairs[count:], strict=True)]
        return self.loop(whole, self.rows, 1, add, found)


def _strip(write: Callable[..., None], inputs: int, whole: bool) -> Any:
    """An intrinsic for a whole vector of columns, or for what is left of them."""

    @intrinsic
    def strip(typingctx: Any, x: Any, y: Any, n: Any, rows: Any, columns: Any, out: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            # Inlined, the code would be optimised again in each caller.
            builder.function.attributes.add("noinline")
            x, y, n, rows, columns, out = args
            number = x.type.pointee
            one = 4 if isinstance(number, ir.FloatType) else 8
            size, masked = (VECTOR, not whole) if whole or MASKED else (one, False)
            code = _Columns(builder, number, size, masked, n, rows, columns)
            write(code, *(x, y)[:inputs], out)
            return context.get_dummy_value()

        size = types.int64
        return types.void(x, y, size, size, size, out), codegen

    return strip


def _strips(write: Callable[..., None], inputs: int) -> Any:
    """A kernel `f(*inputs, n, rows, out)`: `write(code, *inputs, out)` for each vector of columns.

    All are pointers to matrices of n columns.
    """
    strip, last = _strip(write, inputs, True), _strip(write, inputs, False)

    @exact_kernel
    def strips(x, y, n, rows, out):
        lanes = VECTOR // matrix(x, 0, 1, 1).itemsize
        whole, step = n - n % lanes, lanes if MASKED else 1
        for j in range(0, whole, lanes):
            strip(shift(x, j), shift(y, j), n, rows, lanes, shift(out, j))
        for j in range(whole, n, step):
            last(shift(x, j), shift(y, j), n, rows, n - j, shift(out, j))

    return strips


def _write_sums(code: _Columns, x: Any, out: Any) -> None:
    code.put(code.sums(lambda i: [code.row(x, i)], 1)[0], out, I64(0))


def _write_moments(code: _Columns, x: Any, out: Any) -> None:
    builder = code.builder
    first = code.row(x, I64(0))

    def above_first(i: Any) -> Any:
        return builder.fsub(code.row(x, i), first)

    (total,) = code.sums(lambda i: [above_first(i)], 1)
    mean = builder.fdiv(total, code.spread(builder.sitofp(code.rows, code.number)))

    def square(i: Any) -> list[Any]:
        d = builder.fsub(above_first(i), mean)
        return [builder.fmul(d, d)]

    for k, found in enumerate((first, mean, *code.sums(square, 1))):
        code.put(found, out, I64(k))


def _write_slopes(code: _Columns, x: Any, dy: Any, out: Any) -> None:
    builder = code.builder
    mean, low = code.row(out, I64(0)), code.row(out, I64(1))

    def terms(i: Any) -> list[Any]:
        d = builder.fsub(builder.fsub(code.row(x, i), mean), low)
        g = code.row(dy, i)
        return [g, builder.fmul(g, d)]

    for k, found in enumerate(code.sums(terms, 2)):
        code.put(found, out, I64(k))


_sums = _strips(_write_sums, 1)
_moments, _slopes = _strips(_write_moments, 1), _strips(_write_slopes, 2)


@kernel
def column_sums(x, total):
    """total_j = sum_i x_ij."""
    p = start_of(x)
    _sums(p, p, x.shape[1], x.shape[0], start_of(total))


@kernel
def column_moments(x, moments):
    """First row, mean above it, sum of squared deviations.  x (r, n) -> (3, n).

    Deviations from the first row are small where the mean is large.
    """
    p = start_of(x)
    _moments(p, p, x.shape[1], x.shape[0], start_of(moments))


@kernel
def column_slopes(x, dy, sums):
    """Sums of dy, and of dy (x - mean).  sums (2, n) comes as the mean's two parts."""
    _slopes(start_of(x), start_of(dy), x.shape[1], x.shape[0], start_of(sums))
