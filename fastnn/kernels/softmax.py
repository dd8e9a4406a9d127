"""Floor 0. Softmax and its loss, cross-entropy (Bridle 1990).

A row of a few classes fills no vector: as many rows as a vector has lanes are turned on their
side, and each instruction then works on one class of all of them.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from fastnn.kernels.functions import ONE, ZERO, exp, log
from fastnn.kernels.jit import exact_kernel, kernel
from fastnn.kernels.memory import local_memory, matrix, shift, start_of, vector
from fastnn.kernels.transposes import LINE, transpose
from fastnn.kernels.vectors import I64, VectorCode

CLASSES = 64
"""Rows of at most so many classes are turned."""
_classes, _targets = (local_memory(CLASSES * LINE) for _ in range(2))
_sums = local_memory(3 * LINE)


@intrinsic
def _softmax_of_columns(typingctx: Any, e: Any, u: Any, classes: Any, w: Any, sums: Any) -> Any:
    """e = z (K, lanes) becomes softmax(z), column by column, or cross-entropy's gradient.

    That is w (softmax(z) sum u - u), for targets u (K, lanes) and weights w (lanes,); then
    sums (3, lanes) receives sum e^(z - max z), sum u, and the sum of u (max z - z) where u is not
    0. Where u is e, there are no targets, and w and sums are not touched.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _Columns(builder, *args).emit()
        return context.get_dummy_value()

    return types.void(e, u, types.int64, w, sums), codegen


class _Columns(VectorCode):
    """Writes the code of `_softmax_of_columns`."""

    def __init__(self, builder: Any, e: Any, u: Any, classes: Any, w: Any, sums: Any) -> None:
        super().__init__(builder, e.type.pointee, LINE)
        self.e, self.u, self.classes, self.w, self.sums = e, u, classes, w, sums

    def emit(self) -> None:
        builder = self.builder
        # Inlined, the code would be optimised again in each caller.
        builder.function.attributes.add("noinline")
        (self.top,) = self._over_classes(self._larger, [self.load(self.e)])
        total, mass, value = self._over_classes(self._exponential, [self.zero] * 3)
        plain = builder.icmp_unsigned("==", *(builder.ptrtoint(p, I64) for p in (self.e, self.u)))
        self.scale = builder.fdiv(self.constant(1.0), total)
        with builder.if_else(plain) as (softmax, loss):
            with softmax:
                self._over_classes(self._scaled, [])
            with loss:
                self.scale = builder.fmul(self.scale, mass)
                self.weight = self.load(self.w)
                self._over_classes(self._gradient, [])
                for k, found in enumerate((total, mass, value)):
                    self.store(found, self._row(self.sums, I64(k)))

    def _row(self, base: Any, j: Any) -> Any:
        return self.builder.gep(base, [self.builder.mul(j, I64(self.lanes))])

    def _over_classes(self, body: Any, starts: list[Any]) -> list[Any]:
        """What `body(j, found)` makes of `starts` from class to class."""
        return self.loop(I64(0), self.classes, 1, body, starts)

    def _larger(self, j: Any, found: list[Any]) -> list[Any]:
        return [self.larger(found[0], self.load(self._row(self.e, j)))]

    def _exponential(self, j: Any, found: list[Any]) -> list[Any]:
        builder, place = self.builder, self._row(self.e, j)
        target, above = self.load(self._row(self.u, j)), builder.fsub(self.load(place), self.top)
        power = self.exp(above)
        self.store(power, place)
        absent = builder.fcmp_ordered("==", target, self.zero)
        value = builder.select(absent, self.zero, builder.fmul(target, above))
        new = (power, target, builder.fneg(value))
        return [builder.fadd(a, b) for a, b in zip(found, new, strict=True)]

    def _scaled(self, j: Any, found: list[Any]) -> list[Any]:
        place = self._row(self.e, j)
        self.store(self.builder.fmul(self.load(place), self.scale), place)
        return []

    def _gradient(self, j: Any, found: list[Any]) -> list[Any]:
        builder, place = self.builder, self._row(self.e, j)
        target = builder.fneg(self.load(self._row(self.u, j)))
        change = self.fused(self.load(place), self.scale, target)
        self.store(builder.fmul(self.weight, change), place)
        return []


@kernel
def _turn(x, rows, classes, lanes, into):
    """x (rows, K) on its side, as (K, lanes); 0 in the lanes without a row."""
    if rows < lanes:
        empty = vector(into, 0, classes * lanes)
        for k in range(empty.size):
            empty[k] = ZERO
    transpose(x, classes, into, lanes, rows, classes)


@exact_kernel
def _softmax_of_few(z, rows, classes, lanes, y):
    """Softmax of at most as many rows as there are lanes."""
    e = _classes(z)
    _turn(z, rows, classes, lanes, e)
    _softmax_of_columns(e, e, classes, e, e)
    transpose(e, lanes, y, classes, classes, rows)


@intrinsic
def _largest(typingctx: Any, z: Any, n: Any) -> Any:
    """The largest of n numbers, at least a vector; LLVM goes through them one by one."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        z, n = args
        code = VectorCode(builder, z.type.pointee, LINE)

        def larger(i: Any, found: list[Any]) -> list[Any]:
            return [code.larger(found[0], code.load(builder.gep(z, [i])))]

        # The last vector may overlap with the one before it.
        last = builder.sub(n, I64(code.lanes))
        found = code.loop(I64(0), last, code.lanes, larger, [code.load(z)])
        return code.largest(larger(last, found)[0])

    return z.dtype(z, types.int64), codegen


@kernel
def _softmax_of_row(z, y):
    """Softmax of a row (K,); its maximum, and the sum of e^(z - maximum)."""
    top, total = _largest(start_of(z), z.size), z.dtype.type(0)
    for j in range(z.size):
        y[j] = exp(z[j] - top)
    for j in range(z.size):
        total += y[j]
    scale = ONE / total
    for j in range(z.size):
        y[j] *= scale
    return top, total


@kernel
def softmax_forward(z, y):
    """Rows of y = e^(z - max z) / sum.  z (B, K) -> y (B, K)."""
    rows, n = z.shape
    p, q = start_of(z), start_of(y)
    lanes = LINE // matrix(p, 0, 1, 1).itemsize
    if n > CLASSES:
        for i in range(rows):
            _softmax_of_row(z[i], y[i])
    else:
        for i in range(0, rows, lanes):
            _softmax_of_few(shift(p, i * n), min(lanes, rows - i), n, lanes, shift(q, i * n))


@exact_kernel
def _cross_entropy_of_few(z, u, w, rows, classes, lanes, dz):
    """`cross_entropy` of at most as many rows as there are lanes, for targets u (K, lanes)."""
    e, sums, weights = _classes(z), _sums(z), vector(w, 0, rows)
    _turn(z, rows, classes, lanes, e)
    place = vector(sums, 0, lanes)
    for i in range(rows):
        place[i] = weights[i]
    _softmax_of_columns(e, u, classes, sums, sums)
    transpose(e, lanes, dz, classes, classes, rows)
    found, loss = matrix(sums, 0, 3, lanes), 0.0
    for i in range(rows):
        loss += np.float64(weights[i]) * (found[2, i] + found[1, i] * log(found[0, i]))
    return loss


@kernel
def _cross_entropy_of_row(z, t, w, dz):
    """`cross_entropy` of a row of many classes."""
    top, total = _softmax_of_row(z, dz)
    mass, value = z.dtype.type(0), z.dtype.type(0)
    for j in range(z.size):
        mass += t[j]
        value += t[j] * (top - z[j]) if t[j] != ZERO else ZERO
    for j in range(z.size):
        dz[j] = w * (dz[j] * mass - t[j])
    return np.float64(w) * (value + mass * log(total))


@kernel
def cross_entropy(z, t, w, dz):
    """-sum_j t_j log softmax(z)_j; dz = w (softmax(z) sum t - t), whatever the rows of t sum to."""
    rows, n = z.shape
    p, q, r, s = start_of(z), start_of(t), start_of(w), start_of(dz)
    lanes, loss = LINE // matrix(p, 0, 1, 1).itemsize, 0.0
    if n > CLASSES:
        for i in range(rows):
            loss += _cross_entropy_of_row(z[i], t[i], w[i], dz[i])
    else:
        for i in range(0, rows, lanes):
            k, few, u = i * n, min(lanes, rows - i), _targets(p)
            _turn(shift(q, k), few, n, lanes, u)
            loss += _cross_entropy_of_few(
                shift(p, k), u, shift(r, i), few, n, lanes, shift(s, k)
            )  # fmt: skip
    return loss


@kernel
def cross_entropy_of_labels(z, labels, order, start, keep, rest, w, dz):
    """`cross_entropy` for class numbers: the targets are `rest`, and keep + rest for the label.

    The rows' labels are labels[order[start + i]], without an order labels[start + i]; at most
    CLASSES classes.
    """
    rows, n = z.shape
    p, r, s = start_of(z), start_of(w), start_of(dz)
    lanes, loss, u = LINE // matrix(p, 0, 1, 1).itemsize, 0.0, _targets(p)
    targets = vector(u, 0, n * lanes)
    for i in range(0, rows, lanes):
        few = min(lanes, rows - i)
        for k in range(targets.size):
            targets[k] = rest
        for k in range(few):
            row = order[start + i + k] if order.size > 0 else start + i + k
            targets[labels[row] * lanes + k] += keep
        loss += _cross_entropy_of_few(
            shift(p, i * n), u, shift(r, i), few, n, lanes, shift(s, i * n)
        )  # fmt: skip
    return loss


@kernel
def softmax_backward(y, dy):
    """dz = y (dy - sum_j dy_j y_j), row by row."""
    for i in range(y.shape[0]):
        total = y.dtype.type(0)
        for j in range(y.shape[1]):
            total += dy[i, j] * y[i, j]
        for j in range(y.shape[1]):
            dy[i, j] = y[i, j] * (dy[i, j] - total)


@kernel
def hardmax_forward(z, y):
    """1 at the largest of each row, else 0; the first one wins."""
    for i in range(z.shape[0]):
        top = 0
        for j in range(z.shape[1]):
            y[i, j] = ZERO
            if z[i, j] > z[i, top]:
                top = j
        y[i, top] = ONE
