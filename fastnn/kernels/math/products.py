"""Matrix products by blocks.

A strip of B, as wide as a block, is best read from a copy whose rows lie side by side: of strides
that are powers of two only a few rows fit into the nearest cache at once. `pack` makes the copy of
a whole matrix, which many products then share; else each product copies piece by piece, where that
pays.
"""

from fastnn.kernels.machine.blocks import FEW, LARGE, LARGE_TURNED, LEAST, MASKS, ROWS, WIDE
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift
from fastnn.kernels.machine.micro import in_tall_blocks, in_wide_blocks, multiply_strip
from fastnn.kernels.machine.packing import (
    DEPTH,
    FAR,
    PANEL,
    TOGETHER,
    TURNED,
    copy_strips,
    copy_to_panels,
    panel_copies,
    strip_copies,
    strip_width,
    turn_strips,
    turned_copy,
)  # fmt: skip
from fastnn.kernels.machine.transposes import transpose


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


@kernel
def multiply_panels(x, packed, rows, n_in, n_out, m, dW):
    """dW = x^T dz.  m columns of x (rows, n_in), `packed` the strips of dz, dW (m, n_out)."""
    wide = strip_width(x)
    panels = panel_copies(x)
    pieces = (rows + DEPTH - 1) // DEPTH
    for i in range(0, m, TOGETHER):
        some = min(TOGETHER, m - i)
        most = in_tall_blocks(some, ROWS)
        for piece in range(pieces):
            start, stop = rows * piece // pieces, rows * (piece + 1) // pieces
            part = shift(x, start * n_in + i)
            for k in range(stop - start):
                row = shift(part, k * n_in)
                copy_to_panels(row, most, ROWS, shift(panels, k * ROWS))
                rest = shift(panels, most // ROWS * FAR + k * FEW)
                copy_to_panels(shift(row, most), some - most, FEW, rest)
            for j in range(0, n_out, wide):
                at, columns = shift(dW, i * n_out + j), min(wide, n_out - j)
                strip, depth = shift(packed, j * rows + start * wide), stop - start
                more = piece > 0
                if in_wide_blocks(columns, wide // WIDE):
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
    strips, turned = strip_copies(b), turned_copy(b)
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
                    turn_strips(from_, apart, rows, some, DEPTH * wide, strips)
                else:
                    copy_strips(from_, ldb, rows, some, DEPTH * wide, strips)
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
    apart, most = ldb, LARGE
    if row == 1:
        apart, most = (ldb if MASKS else max(ldb, step)), LARGE_TURNED
    if m >= LEAST and n > wide and depth * apart * size >= most:
        multiply_packed(a, row, step, b, ldb, 1, c, ldc, bias, add, m, n, depth)
        return
    for j in range(0, n, wide):
        strip, at, old, columns = shift(b, j), shift(c, j), shift(bias, j), min(wide, n - j)
        multiply_strip(a, row, 0, step, strip, ldb, at, ldc, old, 0, m, columns, depth, add)
