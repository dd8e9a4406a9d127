"""What of the compiled code can be called from outside: C functions of whole numbers.

Addresses are passed as numbers. `NAMES` are the functions' names in object code.
"""

from typing import Any

import numpy as np
from numba import types

from fastnn.kernels.codes import CLOSED, CONTEXT, WAITING
from fastnn.kernels.loop import apart, beside
from fastnn.kernels.loop.worker import take_tasks
from fastnn.kernels.machine import objects
from fastnn.kernels.machine.calls import call_run
from fastnn.kernels.machine.jit import kernel, object_code
from fastnn.kernels.machine.memory import array_at, fetch, fetch_add
from fastnn.kernels.machine.processors import (
    flush_subnormals,
    give_way,
    leave_processor,
    processor,
    relax,
    restore_subnormals,
)
from fastnn.kernels.machine.target import Target, current

PATIENCE = 1000
"""How often a helper looks whether the run has begun."""


@kernel
def take_part(context, state, work, worker):
    """A worker's part of a run.  context: address of a CONTEXT record.

    In training, moments of weights that no gradient reaches any more fade into subnormal numbers.
    """
    training = array_at(context, (1,), CONTEXT)[0].training
    mode = flush_subnormals() if training else 0
    take_tasks(context, state, work, worker)
    if training:
        restore_subnormals(mode)


@kernel
def serial(calls):
    """One worker for n runs, one after the other; after one that failed there is no other.

    `calls` is the address of an array (n + 1, 5) of int64. The first row holds n, the others
    function, context, state and work of a run, and the address of its `failed`.
    """
    n = array_at(calls, (1,), np.int64)[0]
    table = array_at(calls, (n + 1, 5), np.int64)
    for k in range(1, n + 1):
        call_run(table[k, 0], table[k, 1], table[k, 2], table[k, 3], 0)
        if array_at(table[k, 4], (1,), np.int64)[0] != 0:
            return


@kernel
def lead(job):
    """The first worker of a team, who waits at the end until all that came have left.

    `job` is the address of six int64: function, context, state and work of a run; how many helpers
    are inside, before the run WAITING; the processor of the first worker.
    """
    team = array_at(job, (6,), np.int64)
    team[5] = processor()
    fetch_add(team, 4, -WAITING)
    call_run(team[0], team[1], team[2], team[3], 0)
    fetch_add(team, 4, CLOSED)
    while fetch(team, 4) != CLOSED:
        relax()
        give_way()


@kernel
def assist(job, worker):
    """Another worker of a team; one who comes after the end goes at once."""
    team = array_at(job, (6,), np.int64)
    for _ in range(PATIENCE):
        if fetch(team, 4) != WAITING:
            break
        give_way()
    if fetch_add(team, 4, 1) >= 0:
        home = team[5]
        if home >= 0 and processor() == home:
            leave_processor(home)
        call_run(team[0], team[1], team[2], team[3], worker)
    fetch_add(team, 4, -1)


@kernel
def nothing(context, state, work, worker):
    """A loop that returns at once, to measure what it costs to call one."""


@kernel
def watch(context, state, work, worker):
    """After an epoch: whether too many of them have passed without a loss that is smaller enough.

    `context` is the address of five int64: addresses of the epoch's losses and of what each counts
    in their sum, how many there are, the address of the rule, and the answer. The rule is the best
    loss, by how much less a loss must be, the most epochs without, and how many there were.
    """
    record = array_at(context, (5,), np.int64)
    losses = array_at(record[0], (record[2],), np.float64)
    shares = array_at(record[1], (record[2],), np.float64)
    rule = array_at(record[3], (4,), np.float64)
    loss = 0.0
    for i in range(losses.size):
        loss += losses[i] * shares[i]
    # Rather too soon by a rounding than too late: who asked judges again, and goes on.
    enough = rule[0] - rule[1] - 1e-9 * (abs(rule[0]) + abs(rule[1]))
    rule[3] = rule[3] + 1.0 if loss > enough else 0.0
    rule[0] = min(rule[0], loss)
    record[4] = int(rule[3] > rule[2])


@kernel
def shuffle(index, n, orders, epochs):
    """A permutation of index (n,) of int64 in each row of orders (epochs, n).

    The orders come as float64 draws, uniform in [0, 1), in the same memory: the shuffle, of Fisher
    & Yates (1938), inside out, reads a draw before it writes there.
    """
    rows = array_at(index, (n,), np.int64)
    for epoch in range(epochs):
        start = orders + 8 * n * epoch
        order = array_at(start, (n,), np.int64)
        draws = array_at(start, (n,), np.float64)
        for i in range(n):
            j = int(draws[i] * (i + 1))
            order[i] = order[j]
            order[j] = rows[i]


def functions(part: str, dtype: np.dtype) -> dict[str, Any]:
    """The C functions of a part, "loop" or "apart", for a number type."""
    number = types.CPointer(types.float32 if dtype == np.float32 else types.float64)
    whole = types.int64
    if part == "apart":
        return {
            "fastnn_weights": (apart.do_weights, (whole, number, number, whole, whole, whole)),
            "fastnn_loss": (apart.do_loss, (whole, number, *(whole,) * 5)),
            "fastnn_embed": (
                apart.do_embed,
                (whole, *(number,) * 3, *(whole,) * 3, types.boolean),
            ),
        }
    return {
        "fastnn_loop": (take_part, (whole, number, number, whole)),
        "fastnn_serial": (serial, (whole,)),
        "fastnn_shuffle": (shuffle, (whole,) * 4),
        "fastnn_lead": (lead, (whole,)),
        "fastnn_assist": (assist, (whole,) * 2),
        "fastnn_watch": (watch, (whole, number, number, whole)),
        "fastnn_nothing": (nothing, (whole, number, number, whole)),
    }


def compiled(dtype: np.dtype, target: Target, other: beside.Compilation) -> bytes:
    """Object code of the loop for a number type, and of what enters it.

    `other` compiles the part "apart" at the same time, or does nothing.
    """
    here = object_code(functions("loop", dtype), target)
    there = other.result() or object_code(functions("apart", dtype), target)
    return objects.joined([here, there])


def compile_for(part: str, dtype: str) -> None:
    """Compile a part for the process that started this one, and for its target."""
    beside.answer(part, dtype, object_code(functions(part, np.dtype(dtype)), current()))
