"""A row of weight 2 is the row twice, and one of weight 0 is not there: in what scales features."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastnn import Dense, Sequential, Softmax, Standardize
from fastnn.inputs.rows import Part, Rows
from fastnn.training.building import moments

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (40, 5))
X[:, 4] = 7.0
Y = RNG.integers(0, 3, 40)
TIMES = np.arange(40) % 4
X[TIMES == 0] *= 1000
AGAIN = np.repeat(np.arange(40), TIMES)


def test_moments_of_weighted_rows():
    mean, variance = moments(X, None, TIMES.astype(float))
    assert_allclose(mean, X[AGAIN].mean(axis=0))
    assert_allclose(variance, X[AGAIN].var(axis=0), atol=1e-12)
    some = np.arange(5, 30)
    mean, variance = moments(X, some, TIMES[some] * 0.1)
    often = np.repeat(some, TIMES[some])
    assert_allclose(mean, X[often].mean(axis=0))
    assert_allclose(variance, X[often].var(axis=0), atol=1e-12)


def test_weights_in_several_blocks(monkeypatch):
    whole = moments(X, None, TIMES.astype(float))
    monkeypatch.setattr("fastnn.training.building.BLOCK_ELEMENTS", 10)
    # Some of these blocks weigh nothing.
    order = np.argsort(TIMES, kind="stable")
    assert_allclose(moments(X, order, TIMES[order].astype(float)), whole, atol=1e-12)


def test_standardize_goes_by_the_weights():
    def moved(rows, weight):
        model = Sequential([Standardize(), Dense(3), Softmax()], seed=0, dtype="float64")
        model.compile("sgd")
        model.fit(X[rows], Y[rows], batch_size=None, sample_weight=weight, verbose=0)
        return model.get_weights()

    for a, b in zip(moved(slice(None), TIMES), moved(AGAIN, None), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    for a, b in zip(moved(AGAIN, None), moved(AGAIN, np.ones(len(AGAIN))), strict=True):
        assert_array_equal(a, b)


def test_quartiles_of_weighted_rows():
    pytest.importorskip("sklearn")
    from fastnn.estimators.normalize import quartiles

    weighted = quartiles(Part(Rows(X, True, sample_weight=TIMES.astype(float))))
    plain = quartiles(Part(Rows(X, True), AGAIN))
    assert_allclose(weighted, plain)
    assert_allclose(plain[1], np.median(X[AGAIN], axis=0))
    assert_allclose(quartiles(Part(Rows(X, True, sample_weight=TIMES / 4))), plain)
    four = Part(Rows(np.array([[1.0], [2.0], [4.0], [8.0]]), True))
    assert quartiles(four)[:, 0].tolist() == [1.5, 3.0, 6.0]


@pytest.mark.parametrize("normalize", ["standard", "robust"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_estimators_that_normalise(normalize, dtype):
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPClassifier

    def answers(rows, weight):
        model = MLPClassifier((8,), max_iter=3, random_state=0, normalize=normalize, tol=0)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X[rows].astype(dtype), Y[rows], sample_weight=weight)
        return model.predict_proba(X.astype(dtype))

    tolerance = 1e-9 if dtype is np.float64 else 1e-4
    assert_allclose(answers(slice(None), TIMES), answers(AGAIN, None), rtol=tolerance)


def test_sparse_rows():
    pytest.importorskip("sklearn")
    from scipy.sparse import csr_array

    from fastnn.estimators import MLPClassifier

    def answers(X, Y, weight=None):
        model = MLPClassifier((8,), max_iter=3, random_state=0, normalize="standard", tol=0)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X, Y, sample_weight=weight)
        return model.predict_proba(csr_array(TABLE))

    TABLE = np.where(X > 2, X, 0)
    dense = answers(TABLE, Y, TIMES)
    assert_allclose(answers(csr_array(TABLE), Y, TIMES), dense, rtol=1e-9)
    assert_allclose(answers(csr_array(TABLE[AGAIN]), Y[AGAIN]), dense, rtol=1e-9)
