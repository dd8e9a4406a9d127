"""Softmax and cross-entropy as kernels: few classes and many, any number of rows, NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from numpy.testing import assert_allclose, assert_array_equal

from fastnn.kernels.math import softmax

DTYPES = [np.float32, np.float64]
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@njit
def softmax_forward(z, y):
    softmax.softmax_forward(z, y)


@njit
def cross_entropy(z, t, w, dz):
    return softmax.cross_entropy(z, t, w, dz)


def framed(rows, columns, dtype):
    """A matrix, and an array around it that must stay as it is."""
    frame = np.full((rows + 2) * columns, 7, dtype)
    return frame[columns : (rows + 1) * columns].reshape(rows, columns), frame


def frame_is_untouched(frame, columns):
    return bool((frame[:columns] == 7).all() and (frame[-columns:] == 7).all())


def exact_softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


shapes = {"rows": st.integers(1, 40), "classes": st.integers(1, softmax.CLASSES + 6)}


@given(**shapes, dtype=st.sampled_from(DTYPES), size=st.sampled_from([0.1, 3, 100]))
@settings(deadline=None, max_examples=80)
def test_softmax(rows, classes, dtype, size):
    z = np.random.default_rng(rows * 99 + classes).normal(0, size, (rows, classes)).astype(dtype)
    y, frame = framed(rows, classes, dtype)
    softmax_forward(z, y)
    # The difference to the largest is rounded to its own last place.
    rtol = (8 + classes + np.ptp(z)) * np.finfo(dtype).eps
    assert_allclose(y, exact_softmax(z.astype(float)), rtol=rtol, atol=1e-37)
    assert frame_is_untouched(frame, classes)
    softmax_forward(z, z)
    assert_array_equal(z, y)


@given(**shapes, dtype=st.sampled_from(DTYPES), labels=st.booleans())
@settings(deadline=None, max_examples=80)
def test_cross_entropy(rows, classes, dtype, labels):
    rng = np.random.default_rng(rows * 99 + classes)
    z, w = rng.normal(0, 3, (rows, classes)).astype(dtype), rng.uniform(0, 2, rows).astype(dtype)
    t = np.eye(classes)[rng.integers(classes, size=rows)] if labels else rng.random(z.shape)
    t = t.astype(dtype)
    dz, frame = framed(rows, classes, dtype)
    value = cross_entropy(z, t, w, dz)
    p, t, w = exact_softmax(z.astype(float)), t.astype(float), w.astype(float)
    eps = np.finfo(dtype).eps
    assert_allclose(value, -(w * (t * np.log(p)).sum(axis=1)).sum(), rtol=99 * eps, atol=9 * eps)
    expected = w[:, None] * (p * t.sum(axis=1, keepdims=True) - t)
    assert_allclose(dz, expected, rtol=0, atol=(9 + classes) * classes * eps)
    assert frame_is_untouched(frame, classes)


@each_dtype
@pytest.mark.parametrize("classes", [3, softmax.CLASSES + 1])
def test_rows_do_not_depend_on_the_rows_beside_them(dtype, classes):
    z = np.random.default_rng(0).normal(size=(37, classes)).astype(dtype)
    y, part = np.empty_like(z), np.empty_like(z[:5])
    softmax_forward(z, y)
    softmax_forward(z[:5], part)
    assert_array_equal(part, y[:5])


@each_dtype
@pytest.mark.parametrize("classes", [3, softmax.CLASSES + 1])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_number_spoils_its_row_alone_and_the_loss(dtype, classes, bad):
    z, w = np.zeros((20, classes), dtype), np.ones(20, dtype)
    t, dz = np.eye(classes, dtype=dtype)[np.zeros(20, int)], np.empty_like(z)
    z[4, 1] = bad
    softmax_forward(z, dz)
    assert_array_equal(np.isnan(dz).any(axis=1), np.arange(20) == 4)
    assert np.isnan(cross_entropy(z, t, w, dz))
    assert_array_equal(np.isnan(dz).any(axis=1), np.arange(20) == 4)


@each_dtype
def test_a_class_that_cannot_be_costs_nothing_unless_it_is_asked_for(dtype):
    z, w, dz = np.array([[0, -np.inf, 0]], dtype), np.ones(1, dtype), np.empty((1, 3), dtype)
    assert cross_entropy(z, np.array([[1, 0, 0]], dtype), w, dz) == pytest.approx(np.log(2))
    assert_allclose(dz, [[-0.5, 0, 0.5]])
    assert cross_entropy(z, np.array([[0, 1, 0]], dtype), w, dz) == np.inf
