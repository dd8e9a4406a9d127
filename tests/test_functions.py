"""The scalar functions to their stated bounds, and the random numbers of dropout bit for bit.

A kernel is called by compiled code only, so each is wrapped in an njit function here.
"""

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
import pytest
import reference as ref
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special

from fastnn.kernels.machine import functions
from fastnn.kernels.math import dropout as random

LONG = np.longdouble
needs_long_double = pytest.mark.skipif(
    np.finfo(LONG).eps > 1e-18, reason="long double is no longer than double here"
)


def over(function):
    """The function of one number over a vector."""

    @numba.njit(error_model="numpy")
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    def call(x):
        y = np.empty_like(x)
        loop(x, y)
        return y

    return call


def exact_sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Case(NamedTuple):
    """A function, its exact twin for a wider type, and the stated bound in ULP.

    The bound holds from `low` to `high` (log of the smallest normal and of the largest number).
    """

    name: str
    exact: Callable
    bound: float
    low: Callable = lambda tiny, most: -np.inf
    high: Callable = lambda tiny, most: np.inf

    def within(self, x):
        """Those of x for which the bound holds."""
        kind = np.finfo(x.dtype)
        ends = np.log(kind.tiny), np.log(kind.max)
        return x[(x >= self.low(*ends)) & (x <= self.high(*ends))]


CASES = [
    Case("exp", np.exp, 2),
    # It overflows at half of the largest number: it is there for negative arguments.
    Case("expm1", np.expm1, 2, high=lambda tiny, most: most - np.log(2)),
    # It goes to 0 where the result is subnormal.
    Case("sigmoid", exact_sigmoid, 3, low=lambda tiny, most: tiny),
    Case("tanh", np.tanh, 4),
]
OURS = {case.name: over(getattr(functions, case.name)) for case in CASES}
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def worst_ulp(ours, exact):
    """Largest distance in units of the last place of ours; what overflows must be infinite.

    Subnormal results count in units of the smallest normal number's last place.
    """
    kind = np.finfo(ours.dtype)
    with np.errstate(over="ignore"):
        rounded = exact.astype(ours.dtype)
    finite = np.isfinite(rounded)
    assert_array_equal(np.isfinite(ours), finite)
    unit = np.spacing(np.maximum(np.abs(rounded[finite]), kind.tiny)).astype(exact.dtype)
    return float(np.max(np.abs(ours[finite].astype(exact.dtype) - exact[finite]) / unit))


def every_float32(step):
    """One float32 in `step`, of both signs and all sizes up to 120."""
    last = np.float32(120).view(np.uint32)
    x = np.arange(0, last, step, dtype=np.uint32).view(np.float32)
    return np.concatenate([x, -x])


@each_case
def test_float32_bound(case):
    dense = np.linspace(-20, 20, 1_000_003).astype(np.float32)
    x = case.within(np.concatenate([every_float32(997), dense]))
    with np.errstate(over="ignore"):
        exact = case.exact(x.astype(float))
    assert worst_ulp(OURS[case.name](x), exact) <= case.bound


def test_erf_float32_bound():
    x = np.concatenate([every_float32(997), np.linspace(-5, 5, 1_000_003).astype(np.float32)])
    assert worst_ulp(over(functions.erf)(x), special.erf(x.astype(float))) <= 1


@pytest.mark.parametrize(
    ("dtype", "wider"),
    [(np.float32, float), pytest.param(np.float64, LONG, marks=needs_long_double)],
)
def test_log_bound(dtype, wider):
    kind, rng = np.finfo(dtype), np.random.default_rng(0)
    sizes = np.exp(rng.uniform(np.log(kind.tiny), np.log(kind.max), 300_000))
    x = np.concatenate([sizes, rng.uniform(0.5, 2, 300_000), [1, kind.tiny, kind.max]]).astype(
        dtype
    )
    log = over(functions.log)
    assert worst_ulp(log(x), np.log(x.astype(wider))) <= 1
    assert np.isnan(log(np.array([np.nan], dtype))).all()


@needs_long_double
@each_case
def test_float64_bound(case):
    rng = np.random.default_rng(0)
    sizes = 10 ** rng.uniform(-300, 2.9, 100_000)
    middle = [rng.uniform(-40, 40, 300_000), rng.uniform(-1, 1, 200_000)]
    ends = [rng.uniform(700, 720, 10_000), rng.uniform(-750, -700, 10_000)]
    x = case.within(np.concatenate([sizes, -sizes, *middle, *ends]))
    assert worst_ulp(OURS[case.name](x), case.exact(x.astype(LONG))) <= case.bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "limits"),
    [("exp", (0, np.inf)), ("expm1", (-1, np.inf)), ("sigmoid", (0, 1)), ("tanh", (-1, 1))],
)
def test_limits_and_nan(name, limits, dtype):
    x = np.array([-np.inf, np.inf, np.nan, -1e30, 1e30], dtype)
    assert_array_equal(OURS[name](x), np.array([*limits, np.nan, *limits], dtype))
    assert OURS[name](x).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_is_never_off_by_more_than_the_smallest_normal_number_far_down(dtype):
    tiny = np.finfo(dtype).tiny
    x = np.linspace(np.log(tiny) * 1.1, np.log(tiny), 10_001).astype(dtype)
    with np.errstate(over="ignore"):
        exact = exact_sigmoid(x.astype(LONG))
    assert np.max(np.abs(OURS["sigmoid"](x) - exact)) <= tiny


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_softplus(dtype, tolerance):
    softplus = over(functions.softplus)
    x = np.linspace(-80, 120, 20_001).astype(dtype)
    assert_allclose(softplus(x), np.logaddexp(0, x.astype(float)), rtol=tolerance)
    ends = softplus(np.array([-np.inf, np.inf, np.nan], dtype))
    assert_array_equal(ends, np.array([0, np.inf, np.nan], dtype))


# --------------------------------------------------------------------- random numbers


@numba.njit
def splitmix64(x):
    return random.splitmix64(x)


@numba.njit
def dropout_key(seed, step, layer):
    return random.dropout_key(seed, step, layer)


@numba.njit
def squares32(counters, key, words):
    for i in range(counters.size):
        words[i] = random.squares32(counters[i], key)


@numba.njit
def dropout(x, rate, key, start):
    random.dropout(x, rate, key, start)


def test_splitmix64_and_keys_are_the_references():
    for x in (0, 1, 2**32, 2**63 + 12345, 2**64 - 1):
        assert int(splitmix64(np.uint64(x))) == ref.splitmix64(x)
    for key in [(0, 0, 0), (1, 0, 3), (2**62 + 5, 10**9, 7), (12345, 2, 0)]:
        assert int(dropout_key(*key)) == ref.dropout_key(*key)


def test_squares32_is_the_references():
    start = np.array([0, 2**31, 2**32 - 500, 2**40], np.uint64)
    counters = (start[:, None] + np.arange(1000, dtype=np.uint64)).ravel()
    for seed in range(5):
        key, words = ref.dropout_key(seed, 1, 2), np.empty(counters.size, np.uint64)
        squares32(counters, np.uint64(key), words)
        assert_array_equal(words, ref.squares32(counters, key))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_dropout_mask_is_the_references_wherever_a_chunk_begins(rate, dtype):
    x = np.linspace(1, 2, 60 * 7).astype(dtype)
    key = ref.dropout_key(3, 14, 1)
    mask = ref.dropout_mask((60, 7), rate, key).ravel()
    scale = dtype(1 / (1 - rate))
    for start, stop in [(0, 420), (70, 84), (413, 420)]:
        y = x[start:stop].copy()
        dropout(y, rate, np.uint64(key), start)
        assert_array_equal(y, np.where(mask[start:stop], x[start:stop] * scale, 0))


def test_dropout_lets_nan_through():
    x = np.full(100, np.nan)
    dropout(x, 0.5, np.uint64(ref.dropout_key(0, 0, 0)), 0)
    assert np.isnan(x).all()
