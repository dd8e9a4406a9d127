"""Sums down columns, and transposes: right at every size, nothing else touched."""

import ctypes
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit, types
from numba.core.bytecode import FunctionIdentity
from numpy.testing import assert_allclose, assert_array_equal

from fastnn.kernels.machine import objects
from fastnn.kernels.machine.jit import kernel, object_code
from fastnn.kernels.machine.memory import start_of
from fastnn.kernels.machine.target import current
from fastnn.kernels.machine.transposes import transpose
from fastnn.kernels.math import columns, members

dtypes = st.sampled_from([np.float32, np.float64])
sizes = {"rows": st.integers(1, 40), "n": st.integers(1, 70), "dtype": dtypes}


@njit
def products(x, y, k, out):
    members.scale_rows_products(start_of(x), start_of(y), x.shape[0], k, x.shape[1], start_of(out))


@njit
def run(kind, x, y, out):
    if kind == 0:
        columns.column_sums(x, out[0])
    elif kind == 1:
        products(x, y, 1, out[0])
    elif kind == 2:
        columns.column_moments(x, out)
    else:
        columns.column_slopes(x, y, out)


@given(**sizes, kind=st.integers(0, 3))
@settings(deadline=None, max_examples=100)
def test_sums(rows, n, dtype, kind):
    rng = np.random.default_rng(rows * 99 + n)
    x, y = (rng.normal(size=(rows, n)).astype(dtype) for _ in range(2))
    out = np.full((4, n), 7, dtype)
    out[:2] = rng.normal(size=(2, n))
    mean = out[:2].astype(float).sum(axis=0)
    run(kind, x, y, out)
    X, Y = x.astype(float), y.astype(float)
    above = X - X[0]
    expected = [
        [X.sum(axis=0)],
        [(X * Y).sum(axis=0)],
        [X[0], above.mean(axis=0), ((X - X.mean(axis=0)) ** 2).sum(axis=0)],
        [Y.sum(axis=0), (Y * (X - mean)).sum(axis=0)],
    ][kind]
    found = out[: len(expected)]
    assert_allclose(found, expected, rtol=1e-5, atol=200 * np.finfo(dtype).eps)
    assert (out[max(2, len(expected)) :] == 7).all()


@pytest.mark.parametrize("rows", [1, 3, 4, 6, 17])
@pytest.mark.parametrize("n", [1, 2047, 2048, 5000])
def test_products_of_several_members(rows, n):
    k, rng = 3, np.random.default_rng(rows + n)
    x, y = rng.normal(size=(rows, n)), rng.normal(size=(rows, k, n))
    out = np.full((k + 1, n), 7.0)
    products(x, y.reshape(rows, -1), k, out)
    assert_allclose(out[:k], (x[:, None] * y).sum(axis=0), atol=1e-13)
    assert (out[k] == 7).all()


@njit
def turn(source, step, target, target_step, rows, n):
    transpose(start_of(source), step, start_of(target), target_step, rows, n)


@given(**sizes, more=st.integers(0, 3))
@settings(deadline=None, max_examples=100)
def test_transpose(rows, n, dtype, more):
    source = np.random.default_rng(0).normal(size=(rows, n + more)).astype(dtype)
    target = np.full((n + 1, rows + more), 7, dtype)
    turn(source, n + more, target, rows + more, rows, n)
    assert_array_equal(target[:n, :rows], source[:, :n].T)
    assert (target[n] == 7).all()
    assert (target[:, rows:] == 7).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mean_of_large_numbers_keeps_its_digits(dtype):
    x = (1e4 + 1e-2 * np.random.default_rng(0).normal(size=(999, 5))).astype(dtype)
    out, exact = np.empty((3, 5), dtype), x.astype(np.longdouble)
    run(2, x, x, out)
    mean = out[0].astype(np.longdouble) + out[1]
    assert_allclose(
        mean.astype(float), exact.mean(axis=0).astype(float), rtol=np.finfo(dtype).eps * 0.1
    )
    spread = ((exact - exact.mean(axis=0)) ** 2).sum(axis=0)
    assert_allclose(out[2], spread.astype(float), rtol=1e-4)


def entry_of(write, inputs, name):
    """The address of a function over columns, whose kernels are numbered from one million on."""
    strips = columns._strips(write, inputs)

    @kernel
    def entry(x, y, out):
        strips(x, y, 1, 2, out)

    pointer = types.CPointer(types.float64)
    code = object_code({name: (entry, (pointer,) * 3)}, current())
    return objects.load([code], [name])[0]


def test_a_kernel_of_the_same_name_in_another_entry_is_another(monkeypatch):
    # As one that another process compiled and numbered, and this one reads from the disk.
    for write, inputs, expected in [
        (columns._write_sums, 1, [1.0 + 2.0, 0.0]),
        (columns._write_slopes, 2, [3.0 + 4.0, 1.0 * 3.0 + 2.0 * 4.0]),
    ]:
        monkeypatch.setattr(FunctionIdentity, "_unique_ids", itertools.count(10**6))
        run_entry = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(entry_of(write, inputs, "entry"))
        x, y, out = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.zeros(2)
        run_entry(*(a.ctypes.data for a in (x, y, out)))
        assert out.tolist() == expected
