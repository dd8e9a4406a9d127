"""Tasks of a prediction or an evaluation: some rows through the network as it predicts."""

import numpy as np

from fastnn.kernels.codes import PREDICT
from fastnn.kernels.loop import apart
from fastnn.kernels.loop.interpreter import forward
from fastnn.kernels.loop.samples import gather, lies_ready
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, at_address, matrix, shift, vector
from fastnn.kernels.math.members import average
from fastnn.kernels.math.rows import copy, has_bad_number, has_nan


@kernel
def predict_task(context, net, ops, state, work, task, ticket):
    """PREDICT and EVALUATE: rows begin .. end-1 of the order through the network as it predicts."""
    order = array_at(net.order, (net.n_order,), np.int64)
    rows, n = task.end - task.begin, ops[0].n_in
    x = shift(work, ops[0].x)
    if lies_ready(net, ops[0], matrix(work, 0, 1, 1)):
        x = shift(at_address(net.X, work), task.begin * n)
    else:
        gather(net, ops[0], state, order, task.begin, matrix(x, 0, rows, n))
    if net.careful and has_bad_number(vector(x, 0, rows * n)):
        array_at(net.failed, (1,), np.int64)[0] = 1
    forward(net, ops, state, work, x, 0, task.last, 0, rows, 0)
    if task.kind == PREDICT:
        op = ops[task.last - 1]
        if task.last == net.n_ops and net.members > 1:
            n = net.n_outputs
            place = shift(at_address(net.outputs, work), task.begin * n)
            average(shift(work, op.y), rows, net.members, n, place)
        else:
            size = rows * op.n_out
            outputs = shift(at_address(net.outputs, work), task.begin * op.n_out)
            copy(vector(shift(work, op.y), 0, size), vector(outputs, 0, size))
        if net.careful and has_nan(vector(shift(work, op.y), 0, rows * op.n_out)):
            array_at(net.failed, (1,), np.int64)[0] = 1
    else:
        apart.loss((context, work, 0, task.begin, 0, rows, ticket))
