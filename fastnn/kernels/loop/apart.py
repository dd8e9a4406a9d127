"""What is compiled apart from the loop: parts that share few kernels with it.

Each part is a C function; the loop calls it by its name, which is found when the parts are loaded
together. So two processes can compile at the same time.
"""

import numpy as np

from fastnn.kernels.codes import CONTEXT, OP, PERIODIC, PIECEWISE, TASK
from fastnn.kernels.loop.embeddings import (
    embedding_backward,
    embedding_forward,
    periodic_backward,
    periodic_forward,
    piecewise_forward,
)
from fastnn.kernels.loop.objective import loss_of_chunk
from fastnn.kernels.loop.weights import weights_task
from fastnn.kernels.machine.calls import outside
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, shift

weights = outside("fastnn_weights")
loss = outside("fastnn_loss")
embed = outside("fastnn_embed")


@kernel
def do_weights(context, state, work, worker, index, step):
    """A task of the weights."""
    net = array_at(context, (1,), CONTEXT)[0]
    ops = array_at(net.ops, (net.n_ops,), OP)
    task = array_at(net.tasks, (net.n_tasks,), TASK)[index]
    scratch = shift(work, net.scratch + worker * net.scratch_size)
    losses = array_at(net.losses, (net.n_steps * net.n_tasks,), np.float64)
    ticket = step * net.n_tasks + index
    place = losses[ticket : ticket + 1]
    weights_task(net, ops, state, work, scratch, task, index, step, place)


@kernel
def do_loss(context, work, step, start, r0, rows, ticket):
    """Loss and dz of a chunk of rows from a place of the order on, of the batch of a step."""
    net = array_at(context, (1,), CONTEXT)[0]
    ops = array_at(net.ops, (net.n_ops,), OP)
    order = array_at(net.order, (net.n_order,), np.int64)
    batch = array_at(net.bounds, (net.n_steps + 1,), np.int64)[step : step + 2]
    losses = array_at(net.losses, (net.n_steps * net.n_tasks,), np.float64)
    losses[ticket] = loss_of_chunk(net, ops, work, order, start, batch, r0, rows)


@kernel
def do_embed(ops, state, work, x, k, r0, rows, back):
    """Op k, of the table at an address, on rows from r0 on of the batch, whose input is x."""
    op = array_at(ops, (k + 1,), OP)[k]
    y, dy = shift(work, op.y + r0 * op.n_out), shift(work, op.dy + r0 * op.n_out)
    if op.kind == PERIODIC and back:
        periodic_backward(op, state, work, x, dy, r0, rows)
    elif op.kind == PERIODIC:
        periodic_forward(op, state, work, x, y, r0, rows)
    elif op.kind == PIECEWISE:
        piecewise_forward(op, x, y, rows)
    elif back:
        embedding_backward(op, work, dy, r0, rows)
    else:
        embedding_forward(op, state, x, y, rows)
