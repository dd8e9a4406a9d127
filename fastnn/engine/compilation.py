"""Compilation: the one time that kernels are compiled is announced, and can be ahead."""

import sys
import threading
import time
from typing import Any

import numpy as np

from fastnn.inputs.calls import explained

_ready: dict[np.dtype, int] = {}
_lock = threading.RLock()


def is_cached(dtype: Any = "float32") -> bool:
    """Whether the kernels for a number type are on the disk, compiled for this processor."""
    from fastnn.kernels.loop import entries

    return entries.is_cached(_number_type(dtype))


def ensure(dtype: np.dtype) -> int:
    """Address of the compiled loop; where it must be compiled first, one line on stderr says so.

    Threads that come at once wait for one compilation.
    """
    if dtype in _ready:
        return _ready[dtype]
    from fastnn.kernels.loop import entries

    with _lock:
        if dtype not in _ready:
            if not entries.is_cached(dtype):
                _announce()
            _ready[dtype] = entries.compiled_loop(dtype)
    return _ready[dtype]


@explained
def warmup(dtype: Any = "float32") -> float:
    """Compile ahead all that `fit` and `predict` can need, or read it from the disk cache.

    The first `fit` ever on a machine does it by itself; every architecture, optimizer and batch
    size uses the same kernels.

    Parameters
    ----------
    dtype : {"float32", "float64"}, default "float32"
        Number type of the models.

    Returns
    -------
    seconds : float
        How long it took.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.warmup() >= 0
    True
    """
    from fastnn.kernels.loop import entries

    number = _number_type(dtype)
    start = time.perf_counter()
    ensure(number)
    entries.serial_entry()
    entries.parallel_entry()
    entries.shuffle_entry()
    return time.perf_counter() - start


def _number_type(given: Any) -> np.dtype:
    try:
        number = np.dtype(given)
    except TypeError:
        number = np.dtype(object)
    if number not in (np.float32, np.float64):
        raise ValueError(f"dtype is {given!r}; expected float32 or float64")
    return number


def _announce() -> None:
    from fastnn.kernels.machine.cache import write_error

    once = "" if write_error() else ", once"
    print(
        f"fastnn: compiling its kernels for this machine{once} (about 10 s)...",
        file=sys.stderr,
        flush=True,
    )
