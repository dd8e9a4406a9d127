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
LONG = 8
"""Vectors of the block of a single row: as many sums as multiply-adds can be under way."""
MASKS = VECTOR >= 64
"""Whether a vector can be stored in part, at the same cost."""
LARGE = 2_000_000 if MASKS else 131_072
"""Bytes of B from which on one product copies strips of it, so that its rows lie side by side."""
LARGE_TURNED = 1_000_000 if MASKS else 102_400
"""The same where A lies across; without masks, of the larger one of A and B."""
SHARED = 4096
"""Elements of W from which on a copy that all chunks of a step share pays."""
LARGE_SHARED = 2_000_000
"""Bytes of W from which on a product copies strips of it piece by piece: to write a copy that no
second-level cache holds, and to read it, takes longer."""
SHARED_TURNED = 25_600
"""Elements of x or dz from which on a copy of dz that all tiles of a step share pays."""
LEAST = 4 * ROWS if MASKS else 16
"""Fewer rows of A than this do not pay for a copy."""
APART = 512 if MASKS else WIDE * VECTOR // 4 + 1
"""Columns of B from which on its rows lie so far from each other that a shared copy pays."""


def strip_size(itemsize: int) -> int:
    """Columns of a strip of numbers of so many bytes."""
    return WIDE * VECTOR // itemsize


def packed_size(depth: int, n: int) -> int:
    """Elements of a packed copy of B (depth, n), whatever their type."""
    most = WIDE * VECTOR // 4
    return depth * -(-n // most) * most


def needs_strips(rows: int, n_in: int, n_out: int) -> bool:
    """Whether the products x W of a step want a packed copy of W (n_in, n_out)."""
    large = 4 * n_in * n_out >= LARGE_SHARED
    return _can_pay(rows, n_in, n_out) and n_in * n_out > SHARED and not large


def needs_gradient_strips(rows: int, n_in: int, n_out: int) -> bool:
    """Whether the tiles of x^T dz want a packed copy of dz (rows, n_out).

    Small ones are read where they lie: as long as x and dz stay in the second-level cache, and
    few of their rows share a place in the first-level one.
    """
    return _can_pay(rows, n_in, n_out) and rows * max(n_in, n_out) > SHARED_TURNED


def _can_pay(rows: int, n_in: int, n_out: int) -> bool:
    return n_out >= APART and min(rows, n_in) >= LEAST


def needs_transpose(n_in: int, n_out: int) -> bool:
    """Whether dz W^T wants a copy of W^T; `multiply_transposed` turns a large W piece by piece."""
    return n_out > 1 and 4 * n_in * n_out < LARGE_SHARED
