"""Covariate shift: what is found, and how it is told."""

import doctest
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ks_2samp, wasserstein_distance
from shifted import NEW, ORDER, PIXEL, TRAIN, Y, moved, trained

import fastnn.diagnostics as diagnostics
from fastnn import BatchNorm, Dense, Sequential, Softmax, Standardize
from fastnn.datasets import load_iris
from fastnn.diagnostics import shift


@pytest.fixture(scope="module")
def models():
    return {
        "standardize": trained(Standardize()),
        "batchnorm": trained(BatchNorm()),
        "plain": trained(),
    }


SOURCES = [("standardize", None), ("batchnorm", None), ("plain", TRAIN)]
each_source = pytest.mark.parametrize(("kind", "reference"), SOURCES, ids=[s[0] for s in SOURCES])


# ------------------------------------------------------------------ what is found


@each_source
def test_new_rows_of_the_same_kind_have_not_moved(models, kind, reference):
    for rows in (TRAIN, NEW, NEW[:20]):
        result = shift(models[kind], rows, reference)
        assert result.verdict == "none"
        assert result.shifted == ()
        assert str(result).startswith(f"no shift seen in {len(rows):,} new rows")


@each_source
def test_a_feature_that_has_moved_is_named(models, kind, reference):
    result = shift(models[kind], moved(2.0), reference)
    assert result.verdict == "strong"
    assert result.shifted == (str(PIXEL),)
    assert_allclose(result.features.mean_difference[PIXEL], 2, atol=0.3)
    assert result.features.most_shifted[0] == PIXEL
    assert "strong shift in 797 new rows: 1 of 64 features" in str(result)


def test_a_small_move_is_some_shift(models):
    result = shift(models["standardize"], moved(0.4))
    assert (result.verdict, result.shifted) == ("some", (str(PIXEL),))


def test_the_size_decides_and_not_the_number_of_rows(models):
    many = np.tile(NEW, (40, 1))
    assert shift(models["standardize"], moved(0.1, many)).verdict == "none"
    result = shift(models["standardize"], moved(0.1, many), TRAIN)
    assert result.features.p_value[PIXEL] < 0.01
    assert result.features.level[PIXEL] != "strong"


@each_source
def test_noise_is_found_by_the_variance(models, kind, reference):
    rng = np.random.default_rng(0)
    result = shift(models[kind], NEW + 2 * rng.normal(size=NEW.shape), reference)
    assert result.verdict == "strong"
    assert result.features.n_shifted == 64
    assert np.all(result.features.log_variance_ratio > np.log(3.5))
    assert np.median(np.abs(result.features.mean_difference)) < 0.5


def test_a_stuck_feature_is_found_by_its_distribution_alone(models):
    stuck = np.where(np.arange(64) == PIXEL, TRAIN[:, PIXEL].mean(), NEW)
    without = shift(models["standardize"], stuck)
    assert without.verdict == "none"
    assert without.features.log_variance_ratio[PIXEL] == -np.inf
    assert shift(models["standardize"], stuck, TRAIN).shifted == (str(PIXEL),)


def test_few_gross_errors_are_found_in_the_moments(models):
    wrong = NEW.copy()
    wrong[::20, PIXEL] = 1000
    result = shift(models["plain"], wrong, TRAIN)
    assert result.shifted == (str(PIXEL),)
    assert result.features.ks[PIXEL] < 0.1


def test_images_moved_by_a_pixel_reach_the_batch_norms(models):
    rolled = np.roll(NEW.reshape(-1, 8, 8), 1, axis=2).reshape(-1, 64)
    result = shift(models["plain"], rolled)
    assert result.verdict != "none"
    assert result.features is None
    assert [layer.layer for layer in result.layers] == [1]
    assert result.layers[0].mean_difference > 0.5
    assert result.layers[0].units.n_shifted > 5
    assert "pass reference=X_train" in str(result)
    assert "layer 2, BatchNorm" in str(result)


def test_reference_rows_tell_smaller_moves_of_a_layer_than_running_averages(models):
    model = models["plain"]
    direction = model.get_weights()[0].mean(axis=1)
    slightly = NEW + 0.6 * direction / np.linalg.norm(direction)
    assert shift(model, slightly).layers[0].level == "none"
    assert shift(model, slightly, NEW).layers[0].level == "some"


def test_the_measures_are_what_they_say(models):
    result = shift(models["plain"], moved(1.0), TRAIN).features
    new, reference = moved(1.0).astype(np.float64), TRAIN.astype(np.float64)
    varying = np.flatnonzero((reference.std(axis=0) > 0) & (new.std(axis=0) > 0))
    moves = ((new.mean(0) - reference.mean(0))[varying]) / reference.std(axis=0)[varying]
    assert_allclose(result.mean_difference[varying], moves, atol=1e-5)
    expected = np.log(new.var(axis=0)[varying] / reference.var(axis=0)[varying])
    assert_allclose(result.log_variance_ratio[varying], expected, atol=1e-5)
    for j in (3, PIXEL):
        a, b = new[:, j], reference[:, j]
        assert_allclose(result.ks[j], ks_2samp(a, b).statistic)
        assert_allclose(result.distance[j], wasserstein_distance(a, b) / b.std(), rtol=1e-5)
    assert_allclose(result.distance[PIXEL], 1, atol=0.05)


def test_what_was_constant_and_moves_has_moved_without_limit(models):
    wrong = NEW.copy()
    wrong[::3, 0] = 0.01
    result = shift(models["plain"], wrong, TRAIN)
    assert result.shifted == ("0",)
    assert result.features.mean_difference[0] == result.features.distance[0] == np.inf
    assert "+inf" in str(result)


def test_rounding_moves_no_constant(models):
    known, new = np.full((50, 64), 0.1, np.float32), np.full((50, 64), 0.1)
    result = shift(models["plain"], np.hstack([NEW[:50, :32], new[:, 32:]]),
                   np.hstack([TRAIN[:50, :32], known[:, 32:]]))  # fmt: skip
    assert_array_equal(result.features.mean_difference[32:], 0)


def test_the_moments_of_a_layer_are_those_of_its_inputs(models):
    model = models["plain"]
    W, gamma, beta, mean, var = model.get_weights()[:5]
    layer = shift(model, NEW).layers[0].units
    inputs = NEW.astype(np.float64) @ W
    expected = (inputs.mean(axis=0) - mean) / np.sqrt(var + 1e-5)
    assert_allclose(layer.mean_difference, expected, atol=1e-4)
    assert gamma.shape == beta.shape == layer.mean_difference.shape


# ------------------------------------------------------------------------- the result


def test_a_frame_gives_the_names(models):
    pandas = pytest.importorskip("pandas")
    flowers, species = load_iris()
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    model = trained(Standardize(), data=flowers, labels=species, epochs=2)
    wrong = pandas.DataFrame(flowers / [1, 1, 2.54, 1], columns=names)
    result = shift(model, wrong)
    assert result.shifted == ("petal length",)
    frame = result.to_frame()
    assert list(frame.index) == names
    assert frame["level"]["petal length"] == "strong"
    right = pandas.DataFrame(flowers, columns=names)
    assert shift(model, wrong.to_numpy(), right).shifted == ("petal length",)
    with pytest.raises(ValueError, match='column 0 of X_new is "petal width", of the reference'):
        shift(model, right[names[::-1]], right)


def test_pandas_may_be_missing(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        shift(models["standardize"], NEW).to_frame()
    with pytest.raises(ValueError, match="no table of the features: not compared"):
        shift(models["plain"], NEW).to_frame()


def test_a_result_cannot_be_changed_and_the_model_is_not(models):
    model = models["batchnorm"]
    before, prediction = model.snapshot(), model.predict(NEW)
    result = shift(model, moved(3.0), TRAIN)
    assert_array_equal(model.snapshot().values, before.values)
    assert_array_equal(model.predict(NEW), prediction)
    with pytest.raises(FrozenInstanceError):
        result.verdict = "none"


def test_numbers_of_any_type_are_read(models):
    whole = np.rint(16 * TRAIN).astype(np.int64)
    model = trained(Standardize(), data=whole)
    assert shift(model, whole).verdict == "none"
    assert shift(model, (16 * NEW).tolist(), whole).verdict == "none"
    assert shift(model, NEW).verdict == "strong"


# ------------------------------------------------------------------------- refusals


def test_a_model_that_keeps_nothing_asks_for_a_reference():
    model = Sequential([Dense(10), Softmax()], seed=0)
    model.compile()
    model.fit(TRAIN, Y[ORDER[:1000]], verbose=0)
    with pytest.raises(ValueError, match=r"pass the training rows: shift\(model, X_new, reference"):
        shift(model, NEW)
    assert shift(model, NEW, TRAIN).verdict == "none"
    assert shift(model, moved(1.0), TRAIN).layers == ()


@pytest.mark.parametrize("first", [Standardize(), BatchNorm()])
def test_statistics_that_have_seen_nothing_do_not_count(first):
    model = Sequential([first, Dense(10), Softmax()], seed=0).build(64)
    with pytest.raises(ValueError, match="keeps nothing of the data"):
        shift(model, NEW)


@pytest.mark.parametrize(
    ("given", "reference", "error", "match"),
    [
        (NEW[:1], None, ValueError, "X_new has 1 row; expected at least 2"),
        (NEW, TRAIN[:1], ValueError, "reference has 1 row; expected at least 2"),
        (NEW[:, :5], None, ValueError, "X_new has 5 columns but the model was built for 64"),
        (NEW, TRAIN[:, :5], ValueError, "reference has 5 columns but the model was built for"),
        (np.where(NEW > 0, NEW, np.nan), None, ValueError, "X_new holds NaN at row 0"),
    ],
)
def test_wrong_data_is_refused(models, given, reference, error, match):
    with pytest.raises(error, match=match):
        shift(models["standardize"], given, reference)


def test_wrong_models_are_refused():
    with pytest.raises(TypeError, match="expected a trained Sequential"):
        shift("model", NEW)
    with pytest.raises(ValueError, match="the model has no weights yet"):
        shift(Sequential([Dense(1)]), NEW)


def test_the_examples_in_the_docstrings():
    module = sys.modules[diagnostics.shift.__module__]
    failed, tried = doctest.testmod(module)
    assert failed == 0
    assert tried > 5
