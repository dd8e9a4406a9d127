"""Copies for matrix products: strips of B and panels of A, whose numbers lie side by side."""

from typing import Any

from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import (
    ROWS,
    VECTOR,
    WIDE,
)  # fmt: skip
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import local_memory, matrix, shift
from fastnn.kernels.machine.transposes import transpose
from fastnn.kernels.machine.vectors import I64, VectorCode

DEPTH = 256
"""Rows of such a copy: with some vectors each they fill half of a first-level cache."""
PANEL = 4
"""Strips that are copied at a time: memory is read in longer pieces."""
TURNED = 128
"""Rows of A that are copied at most, where they lie across."""

strip_copies = local_memory(PANEL * DEPTH * WIDE * VECTOR)
turned_copy = local_memory(DEPTH * TURNED * 8)


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
def copy_strips(b, ldb, rows, n, apart, copies):
    """Strips of B's first n columns, each (rows, width), `apart` from each other."""
    wide = strip_width(b)
    panels = n - n % (PANEL * wide)
    for j in range(0, panels, PANEL * wide):
        _copy_panel(shift(b, j), ldb, rows, apart, shift(copies, j // wide * apart))
    for j in range(panels, n, wide):
        strip = shift(copies, j // wide * apart)
        _copy_strip(shift(b, j), ldb, rows, min(wide, n - j), strip)


@kernel
def turn_strips(b, ldb, rows, n, apart, copies):
    """As `copy_strips`, of the transpose of B, which is (n, rows)."""
    wide = strip_width(b)
    for j in range(0, n, wide):
        strip = shift(copies, j // wide * apart)
        transpose(shift(b, j * ldb), ldb, strip, wide, min(wide, n - j), rows)


@kernel
def pack(W, depth, n, begin, end, copy):
    """Rows begin .. end-1 of W (depth, n) into its strips."""
    wide = strip_width(W)
    copy_strips(shift(W, begin * n), n, end - begin, n, depth * wide, shift(copy, begin * wide))


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


FAR = DEPTH * ROWS + VECTOR
"""From panel to panel of a copy of A that lies across: with room for what is written too much."""
TOGETHER = 64
"""Rows of A that lie across and are copied at a time: a thread's stack may be small."""
panel_copies = local_memory(8 * FAR * (TOGETHER // ROWS + 4))


@intrinsic
def copy_to_panels(typingctx: Any, a: Any, m: Any, height: Any, panels: Any) -> Any:
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
