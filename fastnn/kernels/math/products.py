"""The matrix products of a layer, z = x W, dx = dz W^T and dW = x^T dz, by blocks.

A strip of B, as wide as a block, is best read from a copy whose rows lie side by side: of strides
that are powers of two only a few rows fit into the nearest cache at once. `pack` makes the copy of
a whole matrix, which many products then share; else each product copies piece by piece, where that
pays.
"""

from typing import Any

from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import (
    FEW,
    LARGE,
    LARGE_TURNED,
    LEAST,
    ROWS,
    VECTOR,
    WIDE,
)  # fmt: skip
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import local_memory, matrix, shift
from fastnn.kernels.machine.micro import in_tall_blocks, multiply_strip
from fastnn.kernels.machine.transposes import transpose
from fastnn.kernels.machine.vectors import I64, VectorCode

DEPTH = 256
"""Rows of such a copy: with some vectors each they fill half of a first-level cache."""
PANEL = 4
"""Strips that are copied at a time: memory is read in longer pieces."""
TURNED = 128
"""Rows of A that are copied at most, where they lie across."""

_strip_copies = local_memory(PANEL * DEPTH * WIDE * VECTOR)
_turned_copy = local_memory(DEPTH * TURNED * 8)


@intrinsic
def _copy_strip(typingctx: Any, b: Any, ldb: Any, rows: Any, columns: Any, strip: Any) -> Any:
    """A strip of B; of fewer columns, whole vectors all the same."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        b, ldb, rows, columns, strip = args
        code = VectorCode(builder, b.type.pointee, VECTOR)
        last = builder.sub(columns, I64(code.lanes))
        places = [I64(0), *(code.at_most(v * code.lanes, last) for v in range(1, WIDE))]
        none = builder.icmp_signed("<", last, I64(0))
        places = [builder.select(none, I64(0), place) for place in places]

        def copy(k: Any, found: list[Any]) -> list[Any]:
            row = builder.gep(b, [builder.mul(ldb, k)])
            copied = builder.gep(strip, [builder.mul(I64(WIDE * code.lanes), k)])
            for place in places:
                code.store(code.load(builder.gep(row, [place])), builder.gep(copied, [place]))
            return found

        code.loop(I64(0), rows, 1, copy, [])
        return context.get_dummy_value()

    size = types.intp
    return types.void(b, size, size, size, strip), codegen


@intrinsic
def _copy_panel(typingctx: Any, b: Any, ldb: Any, rows: Any, apart: Any, copies: Any) -> Any:
    """`PANEL` strips of B at a time, whole rows of them: many reads are under way at once."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        b, ldb, rows, apart, copies = args
        code = VectorCode(builder, b.type.pointee, VECTOR)
        wide = WIDE * code.lanes
        strips = [builder.gep(copies, [builder.mul(apart, I64(k))]) for k in range(PANEL)]

        def copy(k: Any, found: list[Any]) -> list[Any]:
            row, place = builder.gep(b, [builder.mul(ldb, k)]), builder.mul(I64(wide), k)
            for j, strip in enumerate(strips):
                copied = builder.gep(strip, [place])
                for v in range(WIDE):
                    part = code.load(builder.gep(row, [I64(j * wide + v * code.lanes)]))
                    code.store(part, builder.gep(copied, [I64(v * code.lanes)]))
            return found

        code.loop(I64(0), rows, 1, copy, [])
        return context.get_dummy_value()

    size = types.intp
    return types.void(b, size, size, size, copies), codegen


@kernel
def strip_width(base):
    """Columns of a strip of such numbers."""
    return WIDE * VECTOR // matrix(base, 0, 1, 1).itemsize


@kernel
def _copy_strips(b, ldb, rows, n, apart, copies):
    """Strips of B's first n columns, each (rows, width), `apart` from each other."""
    wide = strip_width(b)
    panels = n - n % (PANEL * wide)
    for j in range(0, panels, PANEL * wide):
        _copy_panel(shift(b, j), ldb, rows, apart, shift(copies, j // wide * apart))
    for j in range(panels, n, wide):
        strip = shift(copies, j // wide * apart)
        _copy_strip(shift(b, j), ldb, rows, min(wide, n - j), strip)


@kernel
def _turn_strips(b, ldb, rows, n, apart, copies):
    """As `_copy_strips`, of the transpose of B, which is (n, rows)."""
    wide = strip_width(b)
    for j in range(0, n, wide):
        strip = shift(copies, j // wide * apart)
        transpose(shift(b, j * ldb), ldb, strip, wide, min(wide, n - j), rows)


@kernel
def pack(W, depth, n, begin, end, copy):
    """Rows begin .. end-1 of W (depth, n) into its strips."""
    wide = strip_width(W)
    _copy_strips(shift(W, begin * n), n, end - begin, n, depth * wide, shift(copy, begin * wide))


@kernel
def pack_transpose(W, n, depth, begin, end, copy):
    """Rows begin .. end-1 of W (n, depth) into the strips of W^T."""
    wide = strip_width(W)
    while begin < end:
        first = begin - begin % wide
        stop = min(first + wide, end)
        place = shift(copy, first * depth + begin - first)
        transpose(shift(W, begin * depth), depth, place, wide, stop - begin, depth)
        begin = stop


@kernel
def multiply_strips(a, packed, m, depth, n, bias, add, c):
    """C = A B, or A B + bias.  A (m, depth), `packed` the strips of B, C (m, n)."""
    wide = strip_width(c)
    pieces = (depth + DEPTH - 1) // DEPTH
    for piece in range(pieces):
        start, stop = depth * piece // pieces, depth * (piece + 1) // pieces
        for j in range(0, n, wide):
            at, columns = shift(c, j), min(wide, n - j)
            old, ldo, more = shift(bias, j), 0, add
            if piece > 0:
                old, ldo, more = at, n, True
            strip, part = shift(packed, j * depth + start * wide), shift(a, start)
            multiply_strip(
                part, depth, 0, 1, strip, wide, at, n, old, ldo, m, columns, stop - start, more
            )  # fmt: skip


FAR = DEPTH * ROWS + VECTOR
"""From panel to panel of a copy of A that lies across: with room for what is written too much."""
TOGETHER = 64
"""Rows of A that lie across and are copied at a time: a thread's stack may be small."""
_panels = local_memory(8 * FAR * (TOGETHER // ROWS + 4))


@intrinsic
def _copy_to_panels(typingctx: Any, a: Any, m: Any, height: Any, panels: Any) -> Any:
    """m numbers, so many of them to each panel; the next ones write over what is too much."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, m, height, panels = args
        code = VectorCode(builder, a.type.pointee, VECTOR)
        last = max(0, ROWS - code.lanes)
        places = [min(v * code.lanes, last) for v in range(-(-ROWS // code.lanes))]

        def copy(panel: Any, found: list[Any]) -> list[Any]:
            source = builder.gep(a, [builder.mul(panel, height)])
            target = builder.gep(panels, [builder.mul(panel, I64(FAR))])
            for place in places:
                part = code.load(builder.gep(source, [I64(place)]))
                code.store(part, builder.gep(target, [I64(place)]))
            return found

        whole = builder.add(m, builder.sub(height, I64(1)))
        code.loop(I64(0), builder.sdiv(whole, height), 1, copy, [])
        return context.get_dummy_value()

    size = types.intp
    return types.void(a, size, size, panels), codegen


@kernel
def multiply_panels(x, packed, rows, n_in, n_out, m, dW):
    """dW = x^T dz.  m columns of x (rows, n_in), `packed` the strips of dz, dW (m, n_out)."""
    wide = strip_width(x)
    panels = _panels(x)
    pieces = (rows + DEPTH - 1) // DEPTH
    for i in range(0, m, TOGETHER):
        some = min(TOGETHER, m - i)
        most = in_tall_blocks(some, ROWS)
        for piece in range(pieces):
            start, stop = rows * piece // pieces, rows * (piece + 1) // pieces
            part = shift(x, start * n_in + i)
            for k in range(stop - start):
                row = shift(part, k * n_in)
                _copy_to_panels(row, most, ROWS, shift(panels, k * ROWS))
                rest = shift(panels, most // ROWS * FAR + k * FEW)
                _copy_to_panels(shift(row, most), some - most, FEW, rest)
            for j in range(0, n_out, wide):
                at, columns = shift(dW, i * n_out + j), min(wide, n_out - j)
                strip, depth = shift(packed, j * rows + start * wide), stop - start
                more = piece > 0
                if columns >= wide // WIDE:
                    multiply_strip(
                        panels, 1, FAR, ROWS, strip, wide, at, n_out, at, n_out,
                        most, columns, depth, more,
                    )  # fmt: skip
                    tail, at = shift(panels, most // ROWS * FAR), shift(at, most * n_out)
                    multiply_strip(
                        tail, 1, FAR, FEW, strip, wide, at, n_out, at, n_out,
                        some - most, columns, depth, more,
                    )  # fmt: skip
                else:
                    multiply_strip(
                        part, 1, 0, n_in, strip, wide, at, n_out, at, n_out,
                        some, columns, depth, more,
                    )  # fmt: skip


@kernel
def multiply_packed(a, row, step, b, ldb, apart, c, ldc, bias, add, m, n, depth):
    """`multiply_in_registers` by copies, for a large B whose columns are `apart`."""
    wide = strip_width(c)
    strips, turned = _strip_copies(b), _turned_copy(b)
    for start in range(0, depth, DEPTH):
        rows = min(DEPTH, depth - start)
        part, down, along = shift(a, start * step), row, step
        if row == 1 and m <= TURNED:
            transpose(part, step, turned, DEPTH, rows, m)
            part, down, along = turned, DEPTH, 1
        for j in range(0, n, wide):
            k = j // wide % PANEL
            if k == 0:
                from_, some = shift(b, start * ldb + j * apart), min(PANEL * wide, n - j)
                if apart > 1:
                    _turn_strips(from_, apart, rows, some, DEPTH * wide, strips)
                else:
                    _copy_strips(from_, ldb, rows, some, DEPTH * wide, strips)
            columns, at = min(wide, n - j), shift(c, j)
            old, ldo, more = shift(bias, j), 0, add
            if start > 0:
                old, ldo, more = at, ldc, True
            strip = shift(strips, k * DEPTH * wide)
            multiply_strip(
                part, down, 0, along, strip, wide, at, ldc, old, ldo, m, columns, rows, more
            )  # fmt: skip


@kernel
def multiply_in_registers(a, row, step, b, ldb, c, ldc, bias, add, m, n, depth):
    """C = A B.  A (m, depth) with strides row and step, B (depth, n), C (m, n), ld* apart.

    Where `add`, the row `bias` (n,) is what each row of C starts from.
    """
    wide, size = strip_width(c), matrix(c, 0, 1, 1).itemsize
    if m >= LEAST and n > wide and depth * ldb * size >= (LARGE_TURNED if row == 1 else LARGE):
        multiply_packed(a, row, step, b, ldb, 1, c, ldc, bias, add, m, n, depth)
        return
    for j in range(0, n, wide):
        strip, at, old, columns = shift(b, j), shift(c, j), shift(bias, j), min(wide, n - j)
        multiply_strip(a, row, 0, step, strip, ldb, at, ldc, old, 0, m, columns, depth, add)


@kernel
def multiply(x, W, rows, n_in, n_out, bias, add, z):
    """z = x W, or x W + bias where `add`.  x (rows, n_in), W (n_in, n_out) -> z (rows, n_out)."""
    multiply_in_registers(x, n_in, 1, W, n_out, z, n_out, bias, add, rows, n_out, n_in)


@kernel
def multiply_transposed(dz, W, rows, n_in, n_out, dx):
    """dx = dz W^T.  dz (rows, n_out), W (n_in, n_out) -> dx (rows, n_in)."""
    multiply_packed(dz, n_out, 1, W, 1, n_out, dx, n_in, dx, False, rows, n_in, n_out)


@kernel
def transposed_multiply(x, dz, rows, n_in, n_out, n, dW):
    """dW = x^T dz.  n columns of x (rows, n_in), dz (rows, n_out) -> dW (n, n_out)."""
    multiply_in_registers(x, 1, n_in, dz, n_out, dW, n_out, dW, False, n, n_out, rows)
