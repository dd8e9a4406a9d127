"""What it costs to enter a parallel region on this machine."""

import time
from functools import cache
from typing import Any

import numpy as np
from numba import cfunc, types

from fastnn.kernels.loop.entries import parallel_entry


@cache
def _nothing() -> Any:
    """A loop that returns at once, of the form that the entry points call."""

    def nothing(context, state, work, worker):
        pass

    return cfunc(types.void(types.int64, types.voidptr, types.voidptr, types.int64))(nothing)


def region_seconds(workers: int, calls: int = 1000, pause: float = 0.0) -> float:
    """Median seconds of a parallel region whose workers do nothing.

    `pause` seconds of one thread's work lie between two regions: a team that went to sleep
    meanwhile must be woken. The caller holds `fastnn.threads.region`.
    """
    entry, function = parallel_entry(), _nothing().address
    seconds = np.empty(calls)
    for i in range(calls):
        ready = time.perf_counter() + pause
        while time.perf_counter() < ready:
            pass
        start = time.perf_counter()
        entry(function, 0, 0, 0, workers)
        seconds[i] = time.perf_counter() - start
    return float(np.median(seconds))
