"""A single epoch that nobody watches: the short way of those who call fit in a loop."""

from __future__ import annotations

import time

from fastnn.history import History
from fastnn.training.divergence import is_new_overflow, warn_of_overflow
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job, append
from fastnn.training.measuring import running
from fastnn.training.network import Network, Setup
from fastnn.training.passes import Passes


def take_single(network: Network, setup: Setup, history: History, job: Job) -> bool:
    """Take a job's epoch in one block of steps, if it is one that fits, and nobody looks on.

    Where it fails nothing is changed but that the epoch is begun: `Epochs` goes on with it, takes
    the same steps again and tells which one it was.
    """
    data, start = job.data, time.perf_counter()
    watched = job.callbacks or data.validation is not None or data.measured is not None
    if job.epochs > 1 or watched or network.partial is not None or not data.rows.direct:
        return False
    run, n = network.training_run(setup, job.largest_batch), len(job.bounds) - 1
    threads, most = run.pace.next_block()
    if n > most or run.pace.unknown:
        return False
    with Interrupts(), network.lock:
        before, state, passes = network.spare(0), network.state, Passes(network, setup, job)
        before[:] = state.values
        part = passes.begin(passes.draw(1))
        course, begun = passes.course(part), time.perf_counter()
        part.losses, failed = run.steps(
            data.rows, course.order, course.bounds, course.rates, course.first, part.outputs,
            threads=threads, penalties=course.penalties,
        )  # fmt: skip
        if failed or not state.is_finite:
            state.restore(before)
            part.changes, network.partial = state.changes, part
            return False
        run.pace.note(threads, (time.perf_counter() - begun) / n)
        part.norms = run.gradient_norms
        network.advance(n)
        columns = running(setup, data.rows, part, course, 1)
        overflows = is_new_overflow(columns, history)
        append(network, history, columns, start)
    if overflows:
        warn_of_overflow(network)
    return True
