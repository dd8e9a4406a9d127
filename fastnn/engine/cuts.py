"""The cuts: the rows of a batch into chunks and tasks, the weights of a layer into tiles.

They come from the problem, so that any number of workers computes the same bits; the number of
workers says only how many chunks a task takes at once.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fastnn.engine.layout import ALIGN, Layout
from fastnn.kernels import codes
from fastnn.kernels.codes import DENSE

CHUNK_FLOPS = 1e6
CHUNK_ROWS = 16
TASK_ROWS = 32, 128
WEIGHTS_PER_ROW = 10_500
"""Each task reads all weights anew; the more there are, the more rows must make up for that."""
TILE_FLOPS = 1e6
TILE_ROWS = 64


def chunks_of(layout: Layout, rows: int) -> int:
    """Number of chunks of a batch: what a task cannot take less of."""
    return _halves(layout, rows, CHUNK_ROWS, CHUNK_ROWS)


def least_tasks(layout: Layout, rows: int) -> int:
    """Number of tasks of a phase for few workers, each with rows that make up for the weights."""
    return _halves(layout, rows, *TASK_ROWS)


def _halves(layout: Layout, rows: int, least: int, most: int) -> int:
    """Number of parts of a batch: a power of two, each with enough rows and enough work.

    A row counts once a member.
    """
    flops_per_row, members = layout.flops_per_row, layout.members[-1]
    enough = min(max(flops_per_row // members // 2 // WEIGHTS_PER_ROW, least), most)
    parts = 1
    while (
        parts < 64
        and 2 * parts <= rows
        and rows * members // (2 * parts) >= enough
        and rows * flops_per_row >= 2 * parts * CHUNK_FLOPS
    ):
        parts *= 2
    return parts


def taken_together(tasks: np.ndarray, chunks: int) -> np.ndarray:
    """The table of a step, a task a chunk, as one whose tasks take so many chunks at once."""
    table = tasks.copy()
    of_rows = np.flatnonzero(table["kind"] <= codes.BACKWARD)
    begin = table["begin"][of_rows]
    table["end"][of_rows] = begin + np.where(begin % chunks == 0, chunks, 0)
    return table


def tiles_of(op: np.void, rows: int) -> list[tuple[int, int]]:
    """Rows of a weight matrix cut into tiles of about equal size, none much below TILE_ROWS."""
    if op["kind"] != DENSE:
        return [(0, 1)]
    rows *= int(op["repeat"])
    n_in, n_out = int(op["groups"] * op["depth"]), int(op["units"])
    by_work = int(2 * rows * n_in * n_out / TILE_FLOPS)
    # Two workers are to share the first layer of a table with few columns, too.
    least = min(TILE_ROWS, max(n_in // 2, ALIGN))
    n = max(1, min(round(n_in / least), by_work))
    bounds = [round(n_in * i / n / ALIGN) * ALIGN for i in range(n)] + [n_in]
    return list(pairwise(bounds))


def largest_tile(ops: np.ndarray, rows: int) -> int:
    """Elements of the largest tile of weights, or of a vector of weights."""
    tiles = [
        (end - begin) * int(op["units"])
        for op in ops
        if op["kind"] == DENSE
        for begin, end in tiles_of(op, rows)
    ]
    return max([*tiles, int(ops["n_out"].max())])


def updates_of(
    ops: np.ndarray, rows: int, first: int, last: int, kind: int
) -> list[tuple[int, ...]]:
    """Tiles of the ops first .. last-1; one task for all of them where they are small."""
    learning = [k for k in range(first, last) if ops[k]["weight"] >= 0 and ops[k]["trainable"]]
    tiles = [(k, *tile) for k in learning for tile in tiles_of(ops[k], rows)]
    rates = ops[learning][["rate", "bias_rate"]].tolist()
    alike = all(pair == (1.0, 1.0) for pair in rates)
    if alike and len(tiles) == len(learning) and _flops(ops, rows, tiles) < 2 * TILE_FLOPS:
        whole = int(ops[first]["groups"] * ops[first]["depth"])
        return [(kind, first, last, 0, whole, 0)] if learning else []
    tiles.sort(key=lambda t: -_flops(ops, rows, [t]))
    return [(kind, k, k + 1, begin, end, 0) for k, begin, end in tiles]


def _flops(ops: np.ndarray, rows: int, tiles: Sequence[tuple[int, int, int]]) -> int:
    return sum(
        2 * rows * int(ops[k]["repeat"]) * (e - b) * int(ops[k]["units"]) for k, b, e in tiles
    )
