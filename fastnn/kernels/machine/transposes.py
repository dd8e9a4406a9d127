"""Transposing in registers, a square of numbers at a time."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastnn.kernels.machine.blocks import MASKS, VECTOR
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import matrix, shift
from fastnn.kernels.machine.vectors import I32, I64, VectorCode

LINE = 64
SIDE = LINE if MASKS else VECTOR
"""Bytes of a square's side: all of its rows have to fit into the registers."""


def _turn(masked: bool) -> Any:
    """An intrinsic for rows x columns numbers, masked where they are fewer than a square."""

    @intrinsic
    def turn(typingctx: Any, source: Any, step: Any, target: Any, target_step: Any,
             rows: Any, columns: Any) -> Any:  # fmt: skip
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            _emit(builder, masked, *args)
            return context.get_dummy_value()

        size = types.int64
        return types.void(source, size, target, size, size, size), codegen

    return turn


def _emit(builder: Any, masked: bool, source: Any, step: Any, target: Any, target_step: Any,
          rows: Any, columns: Any) -> None:  # fmt: skip
    # Inlined, the code would be optimised again in each caller.
    builder.function.attributes.add("noinline")
    code = VectorCode(builder, source.type.pointee, SIDE)
    n = code.lanes
    in_rows, in_columns = (code.below(rows), code.below(columns)) if masked else (None, None)
    found = []
    for i in range(n):
        # Rows beyond the last one are read from it, and not written.
        row = code.at_most(i, builder.sub(rows, I64(1))) if masked else I64(i)
        found.append(code.load(builder.gep(source, [builder.mul(step, row)]), in_columns))
    distance = 1
    while distance < n:
        for i in range(n):
            if not i & distance:
                _exchange(builder, found, i, distance)
        distance *= 2
    for i in range(n):
        place = builder.gep(target, [builder.mul(target_step, I64(i))])
        if masked:
            with builder.if_then(builder.icmp_signed("<", I64(i), columns)):
                code.store(found[i], place, in_rows)
        else:
            code.store(found[i], place)


def _exchange(builder: Any, rows: list[Any], i: int, distance: int) -> None:
    """The corners off the diagonal of the squares that two rows are part of."""
    n, a, b = len(rows), rows[i], rows[i + distance]
    low = [k if not k & distance else n + k - distance for k in range(n)]
    high = [k + distance if not k & distance else n + k for k in range(n)]
    for j, mask in ((i, low), (i + distance, high)):
        lanes = ir.Constant(ir.VectorType(I32, n), mask)
        rows[j] = builder.shuffle_vector(a, b, lanes)


@intrinsic
def _one_by_one(typingctx: Any, source: Any, step: Any, target: Any, target_step: Any,
                rows: Any, columns: Any) -> Any:  # fmt: skip
    """The few numbers of a corner, where masks are dear."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source, step, target, target_step, rows, columns = args
        builder.function.attributes.add("noinline")
        code = VectorCode(builder, source.type.pointee, SIDE)

        def row(i: Any, found: list[Any]) -> list[Any]:
            from_, to = builder.gep(source, [builder.mul(step, i)]), builder.gep(target, [i])

            def number(j: Any, found: list[Any]) -> list[Any]:
                place = builder.gep(to, [builder.mul(target_step, code.opaque(j))])
                builder.store(builder.load(builder.gep(from_, [j])), place)
                return found

            return code.loop(I64(0), columns, 1, number, [])

        code.loop(I64(0), rows, 1, row, [])
        return context.get_dummy_value()

    size = types.int64
    return types.void(source, size, target, size, size, size), codegen


_square = _turn(False)
_corner = _turn(True) if MASKS else _one_by_one


@kernel
def transpose(source, step, target, target_step, rows, columns):
    """target[j, i] = source[i, j], with so many elements from row to row.

    Without masks the last squares overlap with those before them, where there are such.
    """
    line = SIDE // matrix(source, 0, 1, 1).itemsize
    overlap = not MASKS and rows >= line and columns >= line
    for down in range(0, rows, line):
        for along in range(0, columns, line):
            i, j = down, along
            if overlap:
                i, j = min(i, rows - line), min(j, columns - line)
            r, c = min(line, rows - i), min(line, columns - j)
            part, place = shift(source, i * step + j), shift(target, j * target_step + i)
            if r == line and c == line:
                _square(part, step, place, target_step, r, c)
            else:
                _corner(part, step, place, target_step, r, c)
