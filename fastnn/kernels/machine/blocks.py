"""How matrix products are cut into blocks on this processor: numbers that need no compiler."""

from typing import NamedTuple

from fastnn.kernels.machine.target import current


class Shape(NamedTuple):
    """How much of C a block holds.

    `rows` of `wide` vectors, or of the last rows at most `few`; of columns that are fewer than a
    vector, `tall` rows.
    """

    rows: int
    wide: int
    few: int
    tall: int


# The sums, a row of B and an element of A must fit into the registers; the more sums there are for
# an element that is loaded, the better.
SHAPES = {(32, 64): Shape(8, 2, 8, 16), (16, 32): Shape(6, 2, 4, 8), (16, 16): Shape(6, 2, 4, 8),
          (32, 32): Shape(8, 3, 4, 16), (32, 16): Shape(8, 3, 4, 16)}  # fmt: skip
VECTOR, REGISTERS, FUSES = current().vector, current().registers, current().fuses
SHAPE = SHAPES[REGISTERS, VECTOR]
ROWS, WIDE, FEW, TALL = SHAPE
MASKS = VECTOR >= 64
"""Whether a vector can be stored in part, at the same cost."""
LARGE = 2_000_000 if VECTOR >= 64 else 16_384
"""Bytes of B from which on strips of it are copied, so that its rows lie side by side in cache."""
LARGE_TURNED = 1_000_000 if VECTOR >= 64 else 16_384
"""The same where A lies across, for then A gains by a copy, too."""
LEAST = 4 * ROWS if MASKS else 16
"""Fewer rows of A than this do not pay for a copy."""


def strip_size(itemsize: int) -> int:
    """Columns of a strip of numbers of so many bytes."""
    return WIDE * VECTOR // itemsize


def packed_size(depth: int, n: int) -> int:
    """Elements of a packed copy of B (depth, n), whatever their type."""
    most = WIDE * VECTOR // 4
    return depth * -(-n // most) * most


def needs_strips(rows: int, n_in: int, n_out: int, depth: int) -> bool:
    """Whether products of (rows, n_in) and (depth, n_out) numbers want a packed copy of these.

    Where they are too many for the nearest cache, and not used for a few rows only.
    """
    several = n_out > WIDE * VECTOR // 4 and min(rows, n_in) >= LEAST
    return not MASKS and several and 4 * depth * n_out > LARGE


def needs_transpose(n_in: int, n_out: int) -> bool:
    """Whether dz W^T wants a copy of W^T; `multiply_transposed` turns a large W piece by piece."""
    return not MASKS or 4 * n_in * n_out < LARGE
