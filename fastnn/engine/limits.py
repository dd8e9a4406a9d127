"""The last look at a table before compiled code reads it: all that it writes lies in its arenas.

The plan makes tables that fit; this does not rely on that.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.inputs.arrays import are_below
from fastnn.inputs.rows import Rows
from fastnn.kernels import codes
from fastnn.kernels.codes import (
    BATCHNORM,
    DENSE,
    EMBEDDING,
    MEMBERS,
    N_STATISTICS,
    PERIODIC,
    PIECEWISE,
    SCALE,
    STANDARDIZE,
    WITH_GRADIENT,
)
from fastnn.layers import Activation, Layer, PiecewiseLinearEncoding
from fastnn.losses import Custom, Loss, Pinball

KINDS = set(range(codes.PIECEWISE + 1)) | set(range(codes.IDENTITY, codes.MISH + 1))
LARGEST = 2**40


class Room(NamedTuple):
    """What a table may use."""

    state: int
    """Elements of the state arena."""
    work: int
    """Those of the work arena that all workers share, or that one has of its own."""
    rows: int
    """Most rows at a time."""
    chunks: int
    n_params: int
    n_fused: int
    scratch: int
    predicts: bool
    """Whether its tasks are those of a prediction, and not of a step."""


def _refuse(what: str) -> None:
    raise ValueError(f"a table does not fit its arenas ({what}); nothing was run")


def _within(offset: int, size: int, room: int) -> bool:
    return 0 <= offset <= room - size


def check_ops(ops: np.ndarray, layers: Sequence[Layer], widths: Sequence[int], room: Room,
              trains: bool) -> None:  # fmt: skip
    """Refuse ops that would read or write outside their arenas, or call what is no function."""
    names = ops.dtype.names or ()
    before: int = widths[0]
    if len(ops) != len(layers) or not 0 < room.n_fused <= len(ops):
        _refuse(f"{len(ops)} ops, {room.n_fused} of them trained")
    if not 3 * room.n_params <= room.state:
        _refuse("parameters")
    for k, values in enumerate(ops.tolist()):
        op = dict(zip(names, values, strict=True))
        n_in, n_out = op["n_in"], op["n_out"]
        small = 0 < n_in < LARGEST and 0 < n_out < LARGEST
        if not small or before != n_in or not _has_width(op):
            _refuse(f"op {k} has {n_in} inputs and {n_out} outputs")
        if (op["kind"] == codes.CUSTOM) != isinstance(layers[k], Activation):
            _refuse(f"op {k} is no function")
        layer = layers[k]
        if (op["kind"] == PIECEWISE) != isinstance(layer, PiecewiseLinearEncoding):
            _refuse(f"op {k} has no knots")
        if op["kind"] == PIECEWISE and layer.n_out(n_in) != n_out:
            _refuse(f"op {k} has other knots")
        before = n_out
        last = k == room.n_fused - 1
        places = _fits(op, room, trains and k < room.n_fused, last)
        wrong = [name for name, fits in places if not fits]
        if op["kind"] not in KINDS or wrong:
            _refuse(f"op {k} of kind {op['kind']}: {', '.join(wrong) or 'no such kind'}")
    if (before, int(ops["n_out"][room.n_fused - 1])) != (widths[-1], widths[room.n_fused]):
        _refuse(f"{before} outputs")


def _has_width(op: dict[str, Any]) -> bool:
    """Whether the widths of an op are those of what its rows are cut into."""
    n_in, n_out, depth, units = op["n_in"], op["n_out"], op["depth"], op["units"]
    if min(op["repeat"], op["groups"], depth, units) < 1:
        return False
    times = op["repeat"] * op["groups"]
    if op["kind"] == MEMBERS:
        return bool(depth == units == n_in and n_out == times * n_in and op["repeat"] == 1)
    if op["kind"] == PERIODIC:
        width, before = n_in // op["repeat"], op["start"]
        fits = before >= 0 and before + op["groups"] <= width < LARGEST
        return bool(fits and n_in == width * op["repeat"] and n_out == n_in + times * units)
    if op["kind"] == EMBEDDING:
        fits = 0 <= op["start"] < n_in and n_out == n_in - 1 + units
        return bool(fits and op["repeat"] == depth == 1)
    if op["kind"] == PIECEWISE:
        return bool(n_out >= n_in and op["repeat"] == op["groups"] == 1)
    same = op["kind"] == DENSE or n_in == n_out
    return bool(same and n_in == times * depth and n_out == times * units)


def _fits(op: dict[str, Any], room: Room, trains: bool, last: bool) -> list[tuple[str, bool]]:
    """The offsets of an op, and whether what lies there fits."""
    # It asks LLVM for the processor.
    from fastnn.kernels.machine.blocks import packed_size

    kind, n_in, n_out, rows = op["kind"], op["n_in"], op["n_out"], room.rows
    depth, units, groups = op["depth"], op["units"], op["groups"]
    n_bias = groups * units
    weight = {
        DENSE: groups * depth * units, BATCHNORM: n_out, SCALE: n_out, MEMBERS: n_out,
        PERIODIC: groups * depth, EMBEDDING: groups * units,
    }.get(kind, 0)  # fmt: skip
    found = [
        ("x", _within(op["x"], rows * n_in, room.work)),
        ("y", _within(op["y"], rows * n_out, room.work)),
        ("layer", op["layer"] >= 0),
    ]
    if weight:
        found.append(("weight", _within(op["weight"], weight, room.n_params)))
        must = kind in (BATCHNORM, PERIODIC)
        fits = _within(op["bias"], n_bias, room.n_params)
        found.append(("bias", fits or (op["bias"] == -1 and not must)))
    else:
        found.append(("weight", op["weight"] == op["bias"] == -1))
    if kind in (BATCHNORM, STANDARDIZE):
        found.append(("running", _within(op["running"], 3 * n_out, room.state)))
    if kind == BATCHNORM:
        size = N_STATISTICS * n_out
        found.append(("statistics", _within(op["statistics"], size, room.work)))
    if kind == PERIODIC:
        found += [
            ("phase", _within(op["phase"], weight, room.n_params)),
            ("linear", _within(op["linear"], weight * units, room.n_params)),
            ("waves", _within(op["waves"], 2 * rows * op["repeat"] * depth, room.work)),
        ]
    if kind == DENSE:
        copies = {
            "packed": (depth, units), "transposed": (units, depth),
            "strips": (rows * op["repeat"], units),
        }  # fmt: skip
        for name, shape in copies.items():
            fits = groups == 1 and _within(op[name], packed_size(*shape), room.work)
            found.append((name, fits or op[name] == -1))
    if trains:
        fits = _within(op["dy"], rows * n_out, room.work)
        found.append(("dy", fits or (op["dy"] == -1 and not last)))
        fits = kind not in WITH_GRADIENT or _within(op["dx"], rows * n_in, room.work)
        found.append(("dx", fits or op["dx"] == -1))
        if kind == BATCHNORM:
            size = room.chunks * 3 * n_out
            found.append(("partials", _within(op["partials"], size, room.work)))
    return found


ROWS_TASKS = codes.FORWARD, codes.TURN, codes.BACKWARD


def check_tasks(ops: np.ndarray, tasks: np.ndarray, ends: np.ndarray, room: Room) -> None:
    """Refuse tasks whose ops or rows are none, and phases that would wait for ever."""
    kinds = ops["kind"].tolist()
    if not len(ends) or ends[0] < 1 or ends[-1] != len(tasks) or (np.diff(ends) < 1).any():
        _refuse("phases")
    taken = 0
    for index, (kind, first, last, begin, end, low) in enumerate(tasks.tolist()):
        if not _is_task(ops, kinds, room, kind, first, last, begin, end, low):
            _refuse(f"task {index} of kind {kind}")
        rows = kind in ROWS_TASKS
        if rows and ((begin == end) != (taken > 0) or index + end - begin > len(tasks)):
            _refuse(f"chunks {begin} to {end} of task {index}")
        taken = max(taken, end - begin) - 1 if rows else 0


def _is_task(
    ops: np.ndarray, kinds: list[int], room: Room, kind: int, first: int, last: int, begin: int,
    end: int, low: int,
) -> bool:  # fmt: skip
    n = room.n_fused
    if room.predicts != (kind in (codes.PREDICT, codes.EVALUATE)):
        return False
    if room.predicts:
        most = len(ops) if kind == codes.PREDICT else n
        return 0 < last <= most and 0 <= begin < end and end - begin <= room.rows
    if kind in ROWS_TASKS:
        if not (0 <= first <= last <= n and first < n and 0 <= begin <= end <= room.chunks):
            return False
        if kind == codes.FORWARD:
            # It leaves sums for the batch norm that it ends before.
            return last < n and kinds[last] == BATCHNORM
        if not 0 <= low <= last or (kind == codes.TURN and last != n):
            return False
        # And the sums of the batch norm before it.
        sums = low > 0 and kinds[low - 1] == BATCHNORM and bool(ops["trainable"][low - 1])
        return bool((ops["dy"][low - sums : last] >= 0).all())
    if kind not in (codes.UPDATE, codes.GRADIENT, codes.APPLY) or not 0 <= first < last <= n:
        return False
    part = ops[first:last]
    if ((part["weight"] >= 0) & (part["trainable"] != 0) & (part["dy"] < 0)).any():
        return False
    if last - first > 1:
        return True
    op = ops[first]
    if op["kind"] != DENSE:
        return begin == 0 and int(op["n_out"]) <= room.scratch
    height, units = int(op["groups"] * op["depth"]), int(op["units"])
    size = max((end - begin) * units, int(op["groups"]) * units)
    return 0 <= begin < end <= height and size <= room.scratch


def check_batches(
    bounds: np.ndarray, rates: np.ndarray, order: np.ndarray, room: Room,
    before: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Refuse batches that are no part of the order, or that have too many rows.

    The sizes of bounds that were given `before`, and that nobody writes to, are known.
    """
    known = bounds is before and not bounds.flags.writeable
    if len(rates) != len(bounds) - 1 or not len(rates):
        _refuse(f"{len(rates)} rates for {len(bounds) - 1} steps")
    fits = bounds[0] >= 0 and bounds[-1] <= len(order)
    if not fits or not (known or are_below(bounds[1:] - bounds[:-1], room.rows + 1)):
        sizes = np.diff(bounds)
        _refuse(f"batches of {sizes.min()} to {sizes.max()} rows, of {len(order)}")


def check_order(order: np.ndarray, n: int) -> None:
    """Refuse numbers of rows that are none."""
    if not are_below(order, n):
        _refuse(f"rows {order.min()} to {order.max()}, of {n}")


def check_targets(rows: Rows, n_targets: int) -> None:
    """Refuse targets and weights that are too few."""
    y, weight, n = rows.y, rows.sample_weight, len(rows)
    if weight is not None and len(weight) < n:
        _refuse(f"{len(weight)} weights for {n} rows")
    if y is not None and y.size < n * (1 if rows.labels else n_targets):
        _refuse(f"{y.size} targets for {n} rows")


def check_labels(y: np.ndarray, n_targets: int) -> None:
    """Refuse classes that are none."""
    if not are_below(y, n_targets):
        _refuse(f"classes {y.min()} to {y.max()}, of {n_targets}")


def check_loss(loss: Loss, n_out: int, n_targets: int) -> None:
    """Refuse a loss of other outputs."""
    wanted = n_targets
    if isinstance(loss, Pinball):
        wanted *= np.size(loss.quantiles)
    if n_targets < 1 or (not isinstance(loss, Custom) and n_out != wanted):
        _refuse(f"{n_out} outputs for {loss!r} of {n_targets} targets")


def check_places(program: Any, room: Room, n_work: int) -> None:
    """Refuse what a program places beside its ops, where it does not fit."""
    rows = room.rows * program.layout.members[-1]
    sizes = {"gradient": room.n_params, "targets": rows * program.n_targets,
             "weights": rows}  # fmt: skip
    for name, size in sizes.items():
        if not _within(getattr(program, name), size, room.work):
            _refuse(name)
    if room.rows < 1 or room.chunks < 1 or n_work < room.work:
        _refuse(f"{room.rows} rows, {room.chunks} chunks")
