"""Numba's parallel region, for kernels that this process compiled."""

import os
from functools import cache
from typing import Any

import numba
from numba import njit, prange, types

from fastnn.kernels.machine.calls import call_run
from fastnn.kernels.machine.numba_parts import launch_threads
from fastnn.kernels.machine.processors import leave_processor, processor


def _parallel(function, context, state, work, workers):
    home = processor()
    for worker in prange(workers):
        if worker > 0 and home >= 0 and processor() == home:
            leave_processor(home)
        call_run(function, context, state, work, worker)


@cache
def _entry() -> Any:
    """`f(function, context, state, work, n)`: n workers, in one parallel region."""
    entry = njit(nogil=True, parallel=True)(_parallel)
    entry.compile((types.int64,) * 5)
    entry.disable_compile()
    return entry


@cache
def start_threads() -> None:
    """Start Numba's threads so that they sleep while they wait.

    GNU OpenMP lets a thread that waits for the end of a region spin; where the one it waits for is
    to run on the same processor, that lasts until the time slice is over: measured 5 to 8 ms,
    against 20 to 50 us asleep. The library reads the policy once, when it is loaded.
    """
    unset = not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ)
    if unset:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        _entry()
        launch_threads()
    finally:
        if unset:
            del os.environ["OMP_WAIT_POLICY"]


def run(places: tuple[Any, ...], workers: int) -> None:
    """Call the loop at `places` by so many workers, or as many as Numba has."""
    start_threads()
    before = numba.get_num_threads()
    workers = min(workers, int(numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(workers)
    try:
        _entry()(*places, workers)
    finally:
        numba.set_num_threads(before)
