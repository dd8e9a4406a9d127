"""Where Python enters compiled code: the loop by its address, one worker or many, a shuffle."""

import gc
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import carray, njit, prange, types
from numba.core.ccallback import CFunc

from fastnn.kernels.loop.worker import work_through
from fastnn.kernels.machine.cache import KernelCache
from fastnn.kernels.machine.jit import FAST, EntryCompiler
from fastnn.kernels.machine.memory import call_run, leave_processor, processor, void_pointer


def _loop(dtype: np.dtype) -> Any:
    pointer = types.CPointer(types.float32 if dtype == np.float32 else types.float64)
    signature = (types.int64, pointer, pointer, types.int64), types.void
    options = {"nogil": True, "error_model": "numpy", "fastmath": FAST}
    loop: Any = CFunc(work_through, signature, {}, options, EntryCompiler)
    loop._cache = KernelCache("work_through")
    return loop


def is_cached(dtype: np.dtype) -> bool:
    """Whether `compiled_loop` has nothing to compile for a number type: the disk holds it."""
    loop = _loop(dtype)
    return bool(loop._cache.holds(loop._sig, loop._targetdescr.target_context))


@cache
def compiled_loop(dtype: np.dtype) -> int:
    """Address of `work_through` for a number type; compiled once, then read from the disk."""
    loop = _loop(dtype)
    # Compilation makes millions of small objects, and hardly any garbage.
    collecting = gc.isenabled()
    gc.disable()
    try:
        loop.compile()
    finally:
        if collecting:
            gc.enable()
    _kept.append(loop)
    return int(loop.address or 0)


_kept: list[CFunc] = []


def _serial(calls, n):
    table = carray(void_pointer(calls), (n, 5), np.int64)
    for k in range(n):
        call_run(table[k, 0], table[k, 1], table[k, 2], table[k, 3], 0)
        if carray(void_pointer(table[k, 4]), (1,), np.int64)[0] != 0:
            return


def _parallel(function, context, state, work, workers):
    home = processor()
    for worker in prange(workers):
        if worker > 0 and home >= 0 and processor() == home:
            leave_processor(home)
        call_run(function, context, state, work, worker)


def _shuffle(index, orders):
    for order in orders:
        draws = order.view(np.float64)
        for i in range(len(index)):
            j = int(draws[i] * (i + 1))
            order[i] = order[j]
            order[j] = index[i]


def _entry(fn: Callable, arguments: tuple[types.Type, ...], parallel: bool = False) -> Callable:
    entry = njit(nogil=True, parallel=parallel)(fn)
    entry._cache = KernelCache(fn.__name__)
    entry.compile(arguments)
    entry.disable_compile()
    return entry


@cache
def serial_entry() -> Callable:
    """`f(calls, n)`: one worker, on this thread, for n runs one after the other.

    `calls` is the address of an array (n, 5) of int64: function, context, state and work of a run,
    and the address of its `failed`; after a run that failed there is no other.
    """
    return _entry(_serial, (types.int64,) * 2)


@cache
def parallel_entry() -> Callable:
    """`f(function, context, state, work, n)`: n workers, in one parallel region."""
    return _entry(_parallel, (types.int64,) * 5, parallel=True)


@cache
def shuffle_entry() -> Callable:
    """`f(index, orders)`: a permutation of index (n,) in each row of orders (epochs, n).

    The orders come as float64 draws, uniform in [0, 1), in the same memory: the shuffle, of Fisher
    & Yates (1938), inside out, reads a draw before it writes there.
    """
    return _entry(_shuffle, (types.int64[::1], types.int64[:, ::1]))
