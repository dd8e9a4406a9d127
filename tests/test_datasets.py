"""The embedded data: shapes, dtypes, known values, and the copies they were made from."""

import doctest

import numpy as np
import pytest

from fastnn import datasets
from fastnn.datasets import load_digits, load_iris

CASES = {
    "digits": (load_digits, (1797, 64), datasets.DIGITS_FEATURES, datasets.DIGITS_CLASSES),
    "iris": (load_iris, (150, 4), datasets.IRIS_FEATURES, datasets.IRIS_CLASSES),
}


@pytest.mark.parametrize("name", CASES)
def test_shapes_dtypes_and_names(name):
    load, shape, features, classes = CASES[name]
    X, y = load()
    assert X.shape == shape
    assert y.shape == shape[:1]
    assert X.dtype == np.float32
    assert y.dtype == np.int64
    assert X.flags.c_contiguous
    assert len(features) == shape[1]
    np.testing.assert_array_equal(np.unique(y), np.arange(len(classes)))


@pytest.mark.parametrize("name", CASES)
def test_each_call_gives_fresh_writeable_arrays(name):
    load = CASES[name][0]
    X, y = load()
    X[:] = -1
    y[:] = -1
    X, y = load()
    assert X.min() >= 0
    assert y.min() == 0


def test_digits_values():
    X, y = load_digits()
    assert X.min() == 0
    assert X.max() == 1
    np.testing.assert_array_equal(X * 16, np.round(X * 16))
    assert (X * 16).sum(dtype=np.float64) == 561718
    np.testing.assert_array_equal(X[0, :8] * 16, [0, 0, 5, 13, 9, 1, 0, 0])
    np.testing.assert_array_equal(
        np.bincount(y), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    )


def test_iris_has_the_rows_that_fisher_printed():
    X, y = load_iris()
    np.testing.assert_array_equal(X[34], np.float32([4.9, 3.1, 1.5, 0.2]))
    np.testing.assert_array_equal(X[37], np.float32([4.9, 3.6, 1.4, 0.1]))
    np.testing.assert_array_equal(np.bincount(y), [50, 50, 50])


def test_equal_to_the_copies_of_scikit_learn():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    theirs = sklearn_datasets.load_digits()
    X, y = load_digits()
    np.testing.assert_array_equal(X, (theirs.data / 16).astype(np.float32))
    np.testing.assert_array_equal(y, theirs.target)
    assert list(datasets.DIGITS_FEATURES) == list(theirs.feature_names)
    theirs = sklearn_datasets.load_iris()
    X, y = load_iris()
    np.testing.assert_array_equal(X, theirs.data.astype(np.float32))
    np.testing.assert_array_equal(y, theirs.target)
    assert list(datasets.IRIS_FEATURES) == list(theirs.feature_names)
    assert list(datasets.IRIS_CLASSES) == list(theirs.target_names)


def test_examples_run():
    failed, tried = doctest.testmod(datasets)
    assert tried > 0
    assert failed == 0
