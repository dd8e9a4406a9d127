"""Compilation: the one time that kernels are compiled is announced, and can be ahead."""

import sys
import time
from typing import Any

import numpy as np

from fastnn.engine import team, threads
from fastnn.inputs.calls import explained
from fastnn.kernels.loop import door
from fastnn.kernels.machine.cache import write_error


def is_cached(dtype: Any = "float32") -> bool:
    """Whether the kernels for a number type need not be compiled on this processor."""
    return bool(door.found(_number_type(dtype)))


def ensure(dtype: np.dtype) -> door.Kernels:
    """The kernels; where they must be compiled first, one line on stderr says so."""
    return door.kernels(dtype, _announce)


@explained
def warmup(dtype: Any = "float32") -> float:
    """Compile ahead all that `fit` and `predict` can need, or load what was compiled before.

    The first `fit` ever on a machine does it by itself; every architecture, optimizer and batch
    size uses the same kernels. A wheel that brings kernels for this processor has nothing to
    compile.

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
    number = _number_type(dtype)
    start = time.perf_counter()
    kernels = ensure(number)
    if threads.get_num_threads() > 1:
        team.prepare(kernels)
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
    once = "" if write_error() else ", once"
    print(
        f"fastnn: compiling its kernels for this machine{once} (10 s to a minute)...",
        file=sys.stderr,
        flush=True,
    )
