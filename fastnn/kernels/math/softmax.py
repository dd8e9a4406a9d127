"""Softmax and its loss, cross-entropy (Bridle 1990).

A row of a few classes fills no vector: as many rows as a vector has lanes are turned on their
side, and each instruction then works on one class of all of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.functions import ONE, ZERO, exp, log
from fastnn.kernels.machine.jit import exact_kernel, kernel
from fastnn.kernels.machine.memory import local_memory, matrix, shift, start_of, vector
from fastnn.kernels.machine.transposes import LINE, transpose
from fastnn.kernels.machine.vectors import I64, VectorCode
from fastnn.kernels.math.rows import fill, row_at

CLASSES = 64
"""Rows of at most so many classes are turned."""
_classes, _targets, _numbers = (local_memory(size * LINE) for size in (CLASSES, CLASSES, 1))


@intrinsic
def _softmax_of_columns(typingctx: Any, e: Any, classes: Any) -> Any:
    """e = z (K, lanes) becomes softmax(z), column by column."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _Columns(builder, *args).softmax()
        return context.get_dummy_value()

    return types.void(e, types.int64), codegen


@intrinsic
def _loss_of_columns(typingctx: Any, e: Any, classes: Any, u: Any, w: Any, rows: Any) -> Any:
    """e = z (K, lanes) becomes cross-entropy's gradient w (softmax(z) sum u - u); returns the loss.

    For targets u (K, lanes) and weights w (rows,), at most as many as there are lanes.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        e, classes, u, w, rows = args
        code = _Columns(builder, e, classes)
        return code.loss(lambda j: code.load(code.row(u, j)), w, rows)

    return types.float64(e, types.int64, u, w, types.int64), codegen


@intrinsic
def _loss_of_numbers(
    typingctx: Any, e: Any, classes: Any, numbers: Any, keep: Any, rest: Any, w: Any, rows: Any
) -> Any:
    """`_loss_of_columns` for targets of `rest`, and keep + rest for the class of each lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        e, classes, numbers, keep, rest, w, rows = args
        code = _Columns(builder, e, classes)
        own = code.load(numbers)
        right, wrong = code.spread(builder.fadd(keep, rest)), code.spread(rest)

        def target(j: Any) -> Any:
            number = code.spread(builder.sitofp(j, code.number))
            return builder.select(builder.fcmp_ordered("==", own, number), right, wrong)

        return code.loss(target, w, rows)

    return types.float64(e, types.int64, e, e.dtype, e.dtype, w, types.int64), codegen


class _Columns(VectorCode):
    """Writes the code for rows that lie on their side: e (K, lanes)."""

    def __init__(self, builder: Any, e: Any, classes: Any) -> None:
        super().__init__(builder, e.type.pointee, LINE)
        self.e, self.classes = e, classes
        # Inlined, the code would be optimised again in each caller.
        builder.function.attributes.add("noinline")

    def row(self, base: Any, j: Any) -> Any:
        return self.builder.gep(base, [self.builder.mul(j, I64(self.lanes))])

    def softmax(self) -> None:
        (total,) = self._powers(lambda j, power, above: [power], 1)
        scale = self.builder.fdiv(self.constant(1.0), total)
        self._each(lambda j, power: self.builder.fmul(power, scale))

    def loss(self, target: Callable[[Any], Any], w: Any, rows: Any) -> Any:
        """The gradient for `target(j)`, vectors; the weighted sum of the losses, in double."""
        builder = self.builder

        def terms(j: Any, power: Any, above: Any) -> list[Any]:
            t = target(j)
            absent = builder.fcmp_ordered("==", t, self.zero)
            value = builder.select(absent, self.zero, builder.fmul(t, above))
            return [power, t, builder.fneg(value)]

        total, mass, value = self._powers(terms, 3)
        weight = self._weights(w, rows)
        scale = builder.fmul(builder.fdiv(self.constant(1.0), total), mass)

        def gradient(j: Any, power: Any) -> Any:
            return builder.fmul(weight, self.fused(power, scale, builder.fneg(target(j))))

        self._each(gradient)
        return self.sum_in_double(weight, self.fused(mass, self.log(total), value))

    def _weights(self, w: Any, rows: Any) -> Any:
        """The weights of the rows; 0 in the lanes without one."""
        builder, found, some = self.builder, [], self.below(rows)
        whole = builder.icmp_signed(">=", rows, I64(self.lanes))
        with builder.if_else(whole) as (then, otherwise):
            for part, mask in ((then, None), (otherwise, some)):
                with part:
                    found.append((self.load(w, mask), builder.block))
        weight = builder.phi(self.vector)
        for value, block in found:
            weight.add_incoming(value, block)
        return weight

    def _powers(self, terms: Callable[..., list[Any]], count: int) -> list[Any]:
        """e^(z - max z) in place of z; sums over the classes of `terms(j, power, z - max z)`."""
        builder = self.builder

        def larger(j: Any, found: list[Any]) -> list[Any]:
            return [self.larger(found[0], self.load(self.row(self.e, j)))]

        (top,) = self.loop(I64(0), self.classes, 1, larger, [self.load(self.e)])

        def add(j: Any, found: list[Any]) -> list[Any]:
            place = self.row(self.e, j)
            above = builder.fsub(self.load(place), top)
            power = self.exp(above)
            self.store(power, place)
            return list(map(builder.fadd, found, terms(j, power, above)))

        return self.loop(I64(0), self.classes, 1, add, [self.zero] * count)

    def _each(self, change: Callable[[Any, Any], Any]) -> None:
        def body(j: Any, found: list[Any]) -> list[Any]:
            place = self.row(self.e, j)
            self.store(change(j, self.load(place)), place)
            return found

        self.loop(I64(0), self.classes, 1, body, [])


@kernel
def _turn(x, rows, classes, lanes, into):
    """x (rows, K) on its side, as (K, lanes); 0 in the lanes without a row."""
    if rows < lanes:
        fill(into, classes * lanes, 0.0)
    transpose(x, classes, into, lanes, rows, classes)


@exact_kernel
def _softmax_of_few(z, rows, classes, lanes, y):
    """Softmax of at most as many rows as there are lanes."""
    e = _classes(z)
    _turn(z, rows, classes, lanes, e)
    _softmax_of_columns(e, classes)
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
        return code.fold(larger(last, found)[0], code.larger)

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
def _cross_entropy_of_few(z, t, w, rows, classes, lanes, dz):
    """`cross_entropy` of at most as many rows as there are lanes."""
    e, u = _classes(z), _targets(z)
    _turn(t, rows, classes, lanes, u)
    _turn(z, rows, classes, lanes, e)
    loss = _loss_of_columns(e, classes, u, w, rows)
    transpose(e, lanes, dz, classes, classes, rows)
    return loss


@exact_kernel
def _cross_entropy_of_numbers(z, numbers, keep, rest, w, rows, classes, lanes, dz):
    """`cross_entropy_of_labels` of at most as many rows as there are lanes."""
    e = _classes(z)
    _turn(z, rows, classes, lanes, e)
    loss = _loss_of_numbers(e, classes, numbers, keep, rest, w, rows)
    transpose(e, lanes, dz, classes, classes, rows)
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
            k, few = i * n, min(lanes, rows - i)
            loss += _cross_entropy_of_few(
                shift(p, k), shift(q, k), shift(r, i), few, n, lanes, shift(s, k)
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
    lanes, loss, found = LINE // matrix(p, 0, 1, 1).itemsize, 0.0, _numbers(p)
    numbers = vector(found, 0, lanes)
    for i in range(0, rows, lanes):
        few = min(lanes, rows - i)
        for k in range(few):
            numbers[k] = labels[row_at(order, start + i + k)]
        loss += _cross_entropy_of_numbers(
            shift(p, i * n), found, keep, rest, shift(r, i), few, n, lanes, shift(s, i * n)
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
