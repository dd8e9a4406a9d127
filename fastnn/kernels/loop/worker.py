"""The compiled loop: workers take the tasks of a run, step by step, phase by phase.

Tasks carry tickets in one fixed order. A worker takes the next ticket, waits until all tasks of
earlier phases are done, and runs it: whoever holds the lowest open ticket never waits, so that any
number of workers, from one up, gets through. What a task computes depends on its row of the table
alone: one worker and many leave the same bits.
"""

import math

import numpy as np

from fastnn.kernels.codes import APPLY, BACKWARD, CONTEXT, FORWARD, OP, TASK, TURN
from fastnn.kernels.loop import apart
from fastnn.kernels.loop.chunks import backward_chunks, forward_chunks
from fastnn.kernels.loop.predictions import predict_task
from fastnn.kernels.loop.samples import gather
from fastnn.kernels.machine.jit import kernel
from fastnn.kernels.machine.memory import array_at, fetch, fetch_add, matrix, shift
from fastnn.kernels.machine.processors import give_way, relax

SPINS = 500


@kernel
def rows_task(context, net, ops, state, work, task, step, ticket, losses, failed):
    """FORWARD, TURN and BACKWARD: chunks of a training batch."""
    bounds = array_at(net.bounds, (net.n_steps + 1,), np.int64)
    counters = array_at(net.arrived, (net.n_ops,), np.int64)
    order = array_at(net.order, (net.n_order,), np.int64)
    start, rows = bounds[step], bounds[step + 1] - bounds[step]
    r0, r1 = rows * task.begin // net.chunks, rows * task.end // net.chunks
    if task.kind != BACKWARD:
        if task.first == 0:
            n = ops[0].n_in
            x = matrix(work, ops[0].x + r0 * n, r1 - r0, n)
            gather(net, ops[0], state, order, start + r0, x)
        forward_chunks(net, ops, state, work, counters, task, r0, r1, rows, step)
    if task.kind == TURN:
        for c in range(task.begin, task.end):
            r0, r1 = rows * c // net.chunks, rows * (c + 1) // net.chunks
            place = ticket + c - task.begin
            apart.loss((context, work, step, start + r0, r0, r1 - r0, place))
            if not math.isfinite(losses[place]):
                failed[0] = step + 1
    if task.kind != FORWARD:
        r0 = rows * task.begin // net.chunks
        backward_chunks(net, ops, state, work, counters, task, r0, r1, rows, step)


@kernel
def take_tasks(context, state, work, worker):
    """Take tasks until none is left.  context: address of a CONTEXT record."""
    net = array_at(context, (1,), CONTEXT)[0]
    ops = array_at(net.ops, (net.n_ops,), OP)
    tasks = array_at(net.tasks, (net.n_tasks,), TASK)
    phases = array_at(net.phases, (net.n_phases,), np.int64)
    losses = array_at(net.losses, (net.n_steps * net.n_tasks,), np.float64)
    tickets = array_at(net.ticket, (1,), np.int64)
    done = array_at(net.done, (1,), np.int64)
    failed = array_at(net.failed, (1,), np.int64)
    own_work = shift(work, worker * net.worker_stride)
    n_tasks, total = net.n_tasks, net.n_steps * net.n_tasks
    step, phase, phase_start, phase_stop = 0, 0, 0, phases[0]
    while True:
        ticket = fetch_add(tickets, 0, 1)
        if ticket >= total:
            return
        while ticket >= phase_stop:
            phase += 1
            if phase == net.n_phases:
                phase = 0
                step += 1
            phase_start = phase_stop
            phase_stop = step * n_tasks + phases[phase]
        spins = 0
        while fetch(done, 0) < phase_start:
            if fetch(failed, 0):
                return
            spins += 1
            if spins % SPINS:
                relax()
            else:
                # Whoever it waits for may need this processor.
                give_way()
        if fetch(failed, 0):
            return
        task = tasks[ticket - step * n_tasks]
        if task.kind <= BACKWARD:
            if task.begin < task.end:
                rows_task(context, net, ops, state, own_work, task, step, ticket, losses, failed)
        elif task.kind <= APPLY:
            apart.weights((context, state, work, worker, ticket - step * n_tasks, step))
        else:
            predict_task(context, net, ops, state, own_work, task, ticket)
        fetch_add(done, 0, 1)
