"""Tasks of the weights: gradients and updates of several ops, or of a tile of one."""

import numpy as np

from fastnn.kernels.codes import GRADIENT, UPDATE
from fastnn.kernels.loop.tiles import apply_tile, gradient_tile, tile_norm, update_ops, update_tile
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at
from fastnn.kernels.math.optimizers import step_of


@kernel
def weights_task(net, ops, state, work, scratch, task, index, step, losses):
    """UPDATE, GRADIENT and APPLY: ops first .. last-1, of a single one rows begin .. end-1."""
    bounds = array_at(net.bounds, (net.n_steps + 1,), np.int64)
    rates = array_at(net.rates, (net.n_steps,), np.float64)
    epoch, epoch_step = divmod(net.epoch_step + step, net.epoch_steps)
    norms = array_at(net.norms + 8 * epoch * net.n_tasks, (net.n_tasks,), np.float64)
    rows, t = bounds[step + 1] - bounds[step], net.step + step + 1
    penalties = array_at(net.penalties, (net.n_steps,), np.float64)
    this = step_of(net, rates[step], penalties[step] if net.penalties else 1.0, t)
    first, last = task.first, task.last
    norm = norms[index : index + int(epoch_step + 1 == net.epoch_steps)]
    if task.kind == UPDATE and last - first > 1:
        update_ops(net, ops, first, last, state, work, rows, losses, norm, this)
        return
    if task.kind == GRADIENT:
        norms[index] = 0.0
    for k in range(first, last):
        op = ops[k]
        if op.weight < 0 or not op.trainable:
            continue
        begin, end = (task.begin, task.end) if last - first == 1 else (0, op.groups * op.depth)
        if task.kind == UPDATE:
            update_tile(net, op, state, work, rows, begin, end, scratch, losses, norm, this)
        elif task.kind == GRADIENT:
            gradient_tile(net, op, state, work, rows, begin, end, losses, this)
            norms[index] += tile_norm(net, op, work, begin, end)
        else:
            apply_tile(net, op, state, work, begin, end, norms, this)
