"""Dropout with a counter-based generator: the same bits on any thread, after any resume.

The generator is Squares (Widynski 2020, arXiv 2004.06278), keyed by seed, step and layer and
counted by element.
"""

import numpy as np

from fastnn.kernels.machine.functions import ZERO
from fastnn.kernels.machine.jit import kernel

_32 = np.uint64(32)


@kernel
def splitmix64(x):
    """One round of SplitMix64 (Steele, Lea & Flood 2014) on a uint64."""
    x += np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def dropout_key(seed, step, layer):
    """Key of one layer in one step."""
    key = splitmix64(splitmix64(np.uint64(seed)) ^ np.uint64(step))
    return splitmix64(key ^ np.uint64(layer)) | np.uint64(1)


@kernel
def squares32(counter, key):
    """Squares: 32 random bits from a counter and a key."""
    x = counter * key
    y = x
    z = y + key
    x = x * x + y
    x = (x >> _32) | (x << _32)
    x = x * x + z
    x = (x >> _32) | (x << _32)
    x = x * x + y
    x = (x >> _32) | (x << _32)
    return (x * x + z) >> _32


@kernel
def dropout(x, rate, key, start):
    """x / (1 - rate) where the element is kept, else 0, in place; backward does it to gradients."""
    limit = np.uint64(rate * 4294967296.0)
    scale = x.dtype.type(1.0 / (1.0 - rate))
    first = np.uint64(start)
    for i in range(x.size):
        kept = squares32(first + np.uint64(i), key) >= limit
        x[i] *= scale if kept else ZERO
