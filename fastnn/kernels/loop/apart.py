"""What is compiled apart from the loop: parts that share few kernels with it.

Each part is a C function; the loop calls it by its name, which is found when the parts are loaded
together. So two processes can compile at the same time.
"""

import numpy as np
from numba import carray

from fastnn.kernels.codes import CONTEXT, OP, TASK
from fastnn.kernels.loop.objective import loss_of_chunk
from fastnn.kernels.loop.weights import weights_task
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import outside, shift, void_pointer

weights = outside("fastnn_weights")
loss = outside("fastnn_loss")


@kernel
def do_weights(context, state, work, worker, index, step):
    """A task of the weights."""
    net = carray(void_pointer(context), (1,), CONTEXT)[0]
    ops = carray(void_pointer(net.ops), (net.n_ops,), OP)
    task = carray(void_pointer(net.tasks), (net.n_tasks,), TASK)[index]
    scratch = shift(work, net.scratch + worker * net.scratch_size)
    losses = carray(void_pointer(net.losses), (net.n_steps * net.n_tasks,), np.float64)
    ticket = step * net.n_tasks + index
    place = losses[ticket : ticket + 1]
    weights_task(net, ops, state, work, scratch, task, index, step, place)


@kernel
def do_loss(context, work, step, start, r0, rows, ticket):
    """Loss and dz of a chunk of rows from a place of the order on, of the batch of a step."""
    net = carray(void_pointer(context), (1,), CONTEXT)[0]
    ops = carray(void_pointer(net.ops), (net.n_ops,), OP)
    order = carray(void_pointer(net.order), (net.n_order,), np.int64)
    batch = carray(void_pointer(net.bounds), (net.n_steps + 1,), np.int64)[step : step + 2]
    losses = carray(void_pointer(net.losses), (net.n_steps * net.n_tasks,), np.float64)
    losses[ticket] = loss_of_chunk(net, ops, work, order, start, batch, r0, rows)
