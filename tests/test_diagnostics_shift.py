"""Covariate shift: what is found, what is not, and how often a shift is seen that is not there."""

import doctest
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ks_2samp

import fastnn.diagnostics as diagnostics
from fastnn import Adam, BatchNorm, Dense, Dropout, ReLU, Sequential, Softmax, Standardize
from fastnn.datasets import load_digits, load_iris
from fastnn.diagnostics import shift
from fastnn.diagnostics.statistics import Moments, compare, detectable

X, Y = load_digits()
ORDER = np.random.default_rng(0).permutation(len(X))
TRAIN, NEW = X[ORDER[:1000]], X[ORDER[1000:]]
PIXEL = 27


def trained(
    *first, data=TRAIN, labels=Y[ORDER[:1000]], seed=0, epochs=10, rate=1e-3, batch_size=32
):
    hidden = [Dense(32), BatchNorm(), ReLU()]
    classes = int(labels.max()) + 1
    model = Sequential([*first, *hidden, Dense(classes), Softmax()], seed=seed)
    model.compile(Adam(rate))
    model.fit(data, labels, epochs=epochs, batch_size=batch_size, verbose=0)
    return model


@pytest.fixture(scope="module")
def models():
    return {
        "standardize": trained(Standardize()),
        "batchnorm": trained(BatchNorm()),
        "plain": trained(),
    }


def moved(by, data=NEW):
    """One pixel moved by so many deviations."""
    return data + by * X[:, PIXEL].std() * (np.arange(64) == PIXEL)


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
    assert result.features.ks[PIXEL] < 0.08


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
    new = moved(1.0).astype(np.float64)
    reference = TRAIN.astype(np.float64)
    scale = np.where(reference.std(axis=0) > 0, reference.std(axis=0), 1)
    assert_allclose(result.mean_difference, (new.mean(0) - reference.mean(0)) / scale, atol=1e-6)
    varying = np.flatnonzero((reference.std(axis=0) > 0) & (new.std(axis=0) > 0))
    expected = np.log(new.var(axis=0)[varying] / reference.var(axis=0)[varying])
    assert_allclose(result.log_variance_ratio[varying], expected, atol=1e-5)
    for j in (3, PIXEL):
        assert_allclose(result.ks[j], ks_2samp(moved(1.0)[:, j], TRAIN[:, j]).statistic)


def test_the_moments_of_a_layer_are_those_of_its_inputs(models):
    model = models["plain"]
    W, gamma, beta, mean, var = model.get_weights()[:5]
    layer = shift(model, NEW).layers[0].units
    inputs = NEW.astype(np.float64) @ W
    expected = (inputs.mean(axis=0) - mean) / np.sqrt(var + 1e-5)
    assert_allclose(layer.mean_difference, expected, atol=1e-4)
    assert gamma.shape == beta.shape == layer.mean_difference.shape


# ------------------------------------------------------------ false alarms, and power


def test_no_false_alarms_on_any_number_of_rows():
    """Rows of the same kind as those trained on; heavy tails and rare events among them."""
    alarms = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        columns = [rng.normal(size=4000), rng.lognormal(0, 1.2, 4000), rng.random(4000) < 0.003]
        columns += [rng.normal(size=4000) + 30 * (rng.random(4000) < 0.01), np.ones(4000)]
        data = np.column_stack(columns).astype(np.float32)
        labels = (data[:, 0] > 0).astype(int)
        first = [Standardize(), BatchNorm()][seed % 2]
        drop = [Dropout(0.3)] if seed % 4 > 1 else []
        model = trained(first, *drop, data=data[:1000], labels=labels[:1000], seed=seed, epochs=5)
        for n in (2, 3, 5, 10, 30, 100, 300, 1000):
            rows = data[1000 + rng.choice(3000, n, replace=False)]
            alarms += [(seed, n, str(shift(model, rows, ref))) for ref in (None, data[:1000])]
        alarms += [(seed, "own", str(shift(model, data[:1000], r))) for r in (None, data[:1000])]
    assert len(alarms) == 360
    assert [a for a in alarms if not a[2].startswith("no shift")] == []


@pytest.mark.nightly
@pytest.mark.parametrize("batch_size", [8, 32, None])
@pytest.mark.parametrize("rate", [1e-3, 1e-2])
@pytest.mark.parametrize("kind", ["digits", "iris"])
def test_models_do_not_flag_their_own_kind(kind, rate, batch_size):
    data, labels = (X, Y) if kind == "digits" else load_iris()
    alarms = total = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(data))
        known, new = order[: len(order) * 3 // 5], order[len(order) * 3 // 5 :]
        first = [Standardize(), BatchNorm()][seed % 2]
        model = trained(
            first, data=data[known], labels=labels[known], seed=seed, rate=rate,
            batch_size=batch_size, epochs=20,
        )  # fmt: skip
        for reference in (None, data[known]):
            for rows in (known, new, new[:20], new[:5]):
                alarms += shift(model, data[rows], reference).verdict != "none"
                total += 1
    assert alarms <= 0.01 * total


def test_a_move_of_one_deviation_is_seen_in_a_hundred_rows(models):
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(20):
        rows = moved(1.0, NEW[rng.choice(len(NEW), 100, replace=False)])
        seen += str(PIXEL) in shift(models["standardize"], rows).shifted
        seen += str(PIXEL) in shift(models["plain"], rows, TRAIN).shifted
    assert seen == 40


def test_what_is_detectable_is_detected_about_half_of_the_time():
    rng = np.random.default_rng(0)
    rows, columns = 40, 10
    least = detectable(columns, 2, rows, 500)
    seen = 0
    for _ in range(200):
        new = rng.normal(size=(rows, columns))
        new[:, 0] += least
        known = Moments(rng.normal(size=columns) / np.sqrt(500), np.ones(columns), 500)
        seen += compare(new, known).level[0] != "none"
    assert 60 < seen < 140


def test_few_rows_say_what_they_cannot_see(models):
    result = shift(models["standardize"], NEW[:10])
    assert result.detectable > 1
    assert "may be there unseen" in str(result)
    assert result.detectable > shift(models["standardize"], NEW).detectable


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
