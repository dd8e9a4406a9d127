"""Where Python enters compiled code, in this order of preference: shipped, cached, compiled now.

Only the last needs Numba.
"""

from collections.abc import Callable
from ctypes import CFUNCTYPE, c_int64, c_void_p
from typing import NamedTuple

import numpy as np

from fastnn.kernels.machine import cache, objects, target
from fastnn.kernels.machine.locks import loading

WHEEL, CACHE, COMPILED = "wheel", "cache", "compiled"


class Kernels(NamedTuple):
    """Compiled functions for a number type; addresses are passed as numbers."""

    loop: int
    """Address of the loop: what `serial`, `lead` and `assist` call."""
    serial: Callable[[int], None]
    """`f(calls)`: runs one after the other, on this thread."""
    shuffle: Callable[[int, int, int, int], None]
    """`f(index, n, orders, epochs)`: permutations of index, from uniform draws."""
    lead: Callable[[int], None]
    """`f(job)`: the first worker of a team."""
    assist: Callable[[int, int], None]
    """`f(job, worker)`: another one."""
    watch: int
    """Address of what looks at an epoch's loss: called as a loop, by `serial`."""
    nothing: int
    """Address of a loop that returns at once."""
    origin: str
    """One of WHEEL, CACHE and COMPILED."""


_ready: dict[np.dtype, Kernels] = {}


def found(dtype: np.dtype) -> str:
    """Where kernels for a number type are: WHEEL, CACHE, or "" where they must be compiled."""
    if _shipped(dtype) is not None:
        return WHEEL
    return CACHE if cache.holds(dtype.name) else ""


def kernels(dtype: np.dtype, announce: Callable[[], None] | None = None) -> Kernels:
    """The kernels for a number type; `announce` is called before they are compiled."""
    ready = _ready.get(dtype)
    if ready is not None:
        return ready
    # Threads that come at once wait for one compilation.
    with loading:
        if dtype not in _ready:
            # For the plans of programs.
            import fastnn.kernels.machine.blocks  # noqa: F401

            _ready[dtype] = _kernels(dtype, announce)
    return _ready[dtype]


def _shipped(dtype: np.dtype) -> bytes | None:
    for level in target.levels_here():
        code = cache.shipped(level, dtype.name)
        if code is not None:
            return code
    return None


def _kernels(dtype: np.dtype, announce: Callable[[], None] | None) -> Kernels:
    code = _shipped(dtype)
    if code is not None:
        return _loaded(code, WHEEL)
    code = cache.read(dtype.name)
    if code is not None:
        return _loaded(code, CACHE)
    if announce is not None:
        announce()
    code = compiled(dtype)
    cache.write(dtype.name, code)
    return _loaded(code, COMPILED)


def compiled(dtype: np.dtype) -> bytes:
    """Object code for a number type and this process's target."""
    from fastnn.kernels.loop import beside

    # The other process starts first: to import Numba takes a second.
    with beside.Compilation("apart", dtype.name, target.current()) as other:
        from fastnn.kernels.loop import entries

        return entries.compiled(dtype, target.current(), other)


def _loaded(code: bytes, origin: str) -> Kernels:
    names = [f"fastnn_{name}" for name in Kernels._fields[:-1]]
    loop, serial, shuffle, lead, assist, watch, nothing = objects.load(objects.parts(code), names)
    place, whole = c_void_p, c_int64
    return Kernels(
        loop, CFUNCTYPE(None, place)(serial),
        CFUNCTYPE(None, place, whole, place, whole)(shuffle),
        CFUNCTYPE(None, place)(lead), CFUNCTYPE(None, place, whole)(assist), watch, nothing,
        origin,
    )  # fmt: skip
