"""preset="tabular" and what is missing among numbers."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.tables import TableEncoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Columns:
    """What the encoder asks of an estimator."""

    def __init__(self, n):
        self.n_features_in_ = n


def test_a_gap_is_the_median_and_told_by_a_column_of_its_own():
    rng = np.random.default_rng(0)
    X = rng.normal(5, 2, (101, 3))
    whole = TableEncoder(None).fit_transform(X, Columns(3))
    known = rng.random(101) < 0.7
    gappy, encoder = X.copy(), TableEncoder(None)
    gappy[~known, 1] = np.nan
    found = encoder.fit_transform(gappy, Columns(3))
    assert_array_equal(found[:, [0, 2]], whole[:, [0, 2]])
    low, median, high = np.percentile(X[known, 1], [25, 50, 75])
    scaled = (X[known, 1] - median) / (high - low)
    assert_allclose(found[known, 1], scaled / np.sqrt(1 + (scaled / 3) ** 2), rtol=1e-6)
    assert_array_equal(found[~known, 1], 0)
    assert len(np.unique(found[known, 3])) == len(np.unique(found[~known, 3])) == 1
    assert found[known, 3][0] < found[~known, 3][0]
    # A gap where there was none is the median; infinity is no gap.
    rows = np.array([[np.nan, median, X[0, 2]]])
    assert_allclose(encoder.transform(rows, Columns(3))[0, :2], [0, 0], atol=1e-7)
    with pytest.raises(ValueError, match="infinity"):
        encoder.transform(np.full((1, 3), np.inf), Columns(3))


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_column_of_gaps_alone_says_nothing():
    X = np.column_stack([np.arange(20.0), np.full(20, np.nan)])
    encoder = TableEncoder(None)
    assert_array_equal(encoder.fit_transform(X, Columns(2))[:, 1:], 0)
    assert_array_equal(encoder.transform([[1.0, 9.0]], Columns(2))[:, 1:], 0)


def test_a_column_of_denormal_numbers_is_scaled_by_a_number():
    encoder = TableEncoder(None)
    found = encoder.fit_transform(np.arange(20.0)[:, None] * 5e-324, Columns(1))
    assert np.isfinite(encoder.factor).all()
    assert np.isfinite(found).all()


def test_columns_of_one_name_are_refused():
    frame = pd.DataFrame(np.ones((20, 3)), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="several columns of the name 'a'"):
        MLPRegressor(preset="tabular").fit(frame, np.arange(20.0))


def test_numbers_whose_differences_are_none_are_refused():
    large = np.array([-1.7e308, 1.7e308, *[0.0] * 18])[:, None]
    with pytest.raises(ValueError, match=r"X holds -1.7e\+308; expected no more than 8.98"):
        TableEncoder(None).fit_transform(large, Columns(1))
    found = TableEncoder(None).fit_transform(large / 2, Columns(1))
    assert_allclose(np.unique(found), [-(0.9**0.5), 0, 0.9**0.5], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e160, 1e300])
def test_targets_of_any_size_are_learned(size):
    X = np.random.default_rng(0).normal(size=(300, 2))
    plain, other = (
        MLPRegressor(preset="tabular", max_iter=20, n_units=8, random_state=0).fit(X, y)
        for y in (X[:, 0], X[:, 0] * size)
    )
    assert_allclose(other.predict(X) / size, plain.predict(X), atol=1e-3)


def test_what_comes_in_a_column_that_was_empty_says_nothing():
    frame = pd.DataFrame({"a": np.arange(20.0), "empty": pd.Series([None] * 20, dtype=object)})
    encoder = TableEncoder(None)
    learned = encoder.fit_transform(frame, Columns(2))
    for later in ("text", 3.0, None, np.nan):
        other = frame.assign(empty=pd.Series([later, *[None] * 19], dtype=object))
        assert_array_equal(encoder.transform(other, Columns(2)), learned)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_the_preset_learns_from_what_is_missing(cls):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = rng.integers(0, 2, 300)
    X[y == 1, 2] = np.nan
    model = cls(preset="tabular", max_iter=20, n_units=8, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="contains NaN"):
        cls().fit(X, y)
