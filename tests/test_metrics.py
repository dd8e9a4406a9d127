"""Metrics agree with scikit-learn; ties, missing classes and every form of y included."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fastnn import metrics

sk = pytest.importorskip("sklearn.metrics")


def probabilities(rng, n, k):
    p = rng.random((n, k))
    return p / p.sum(axis=1, keepdims=True)


def labels_and_scores(seed, n=200, k=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), probabilities(rng, n, k)


MACRO = {"average": "macro", "zero_division": 0}
CLASS_METRICS = [
    (metrics.accuracy, lambda y, p: sk.accuracy_score(y, p.argmax(1))),
    (metrics.precision, lambda y, p: sk.precision_score(y, p.argmax(1), **MACRO)),
    (metrics.recall, lambda y, p: sk.recall_score(y, p.argmax(1), **MACRO)),
    (metrics.f1, lambda y, p: sk.f1_score(y, p.argmax(1), **MACRO)),
    (metrics.log_loss, lambda y, p: sk.log_loss(y, p, labels=np.arange(p.shape[1]))),
    (metrics.top_k(2), lambda y, p: top_k_reference(y, p, 2)),
    (metrics.top_k(3), lambda y, p: top_k_reference(y, p, 3)),
]
REAL_METRICS = [
    (metrics.mse, sk.mean_squared_error),
    (metrics.rmse, sk.root_mean_squared_error),
    (metrics.mae, sk.mean_absolute_error),
    (metrics.r2, sk.r2_score),
]


def top_k_reference(y, p, k):
    return sk.top_k_accuracy_score(y, p, k=k, labels=np.arange(p.shape[1]))


@pytest.mark.parametrize(("metric", "reference"), CLASS_METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_metrics_of_labels(metric, reference, seed):
    y, p = labels_and_scores(seed)
    assert type(metric(y, p)) is float
    assert_allclose(metric(y, p), reference(y, p), rtol=1e-12)


@pytest.mark.parametrize(("metric", "reference"), CLASS_METRICS)
def test_every_form_of_labels_gives_the_same(metric, reference):
    y, p = labels_and_scores(3)
    expected = reference(y, p)
    for form in (y.astype(np.uint8), y[:, None], y.astype(np.float32), np.eye(5)[y], list(y)):
        assert_allclose(metric(form, p), expected, rtol=1e-12)


@pytest.mark.parametrize(("metric", "reference"), CLASS_METRICS)
def test_classes_missing_in_y_or_in_the_prediction(metric, reference):
    y, p = labels_and_scores(4)
    y[y == 4] = 0
    p[:, 1] = 1e-9
    p /= p.sum(axis=1, keepdims=True)
    assert_allclose(metric(y, p), reference(y, p), rtol=1e-12)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"])
def test_a_sigmoid_output_is_two_softmax_outputs(name):
    metric = metrics.get(name)[1]
    y, p = labels_and_scores(5, k=2)
    assert_allclose(metric(y, p[:, 1:]), metric(y, p), rtol=1e-12)
    assert_allclose(metric(y[:, None].astype(np.float32), p[:, 1:]), metric(y, p), rtol=1e-12)
    assert_allclose(metric(y == 1, p[:, 1]), metric(y, p), rtol=1e-12)


def test_exactly_one_half_is_class_0_as_for_argmax():
    assert metrics.accuracy(np.array([0, 1]), np.array([[0.5], [0.5]])) == 0.5
    assert metrics.accuracy(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])) == 0.5


def test_top_1_is_accuracy_with_ties_too():
    rng = np.random.default_rng(6)
    y, p = rng.integers(0, 4, 300), rng.integers(0, 3, (300, 4)) / 2
    assert metrics.top_k(1)(y, p) == metrics.accuracy(y, p)
    assert metrics.top_k(4)(y, p) == 1.0


def test_top_k_counts_a_nan_row_as_a_miss():
    assert metrics.top_k(2)(np.array([1]), np.full((1, 3), np.nan)) == 0.0


@pytest.mark.parametrize("k", [0, -1, 1.0, True, "3"])
def test_top_k_of_nonsense(k):
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        metrics.top_k(k)


@pytest.mark.parametrize("levels", [3, 10, 10**6])
def test_binary_roc_auc_with_ties(levels):
    rng = np.random.default_rng(levels)
    y, score = rng.integers(0, 2, 300), rng.integers(0, levels, (300, 1)) / levels
    expected = sk.roc_auc_score(y, score[:, 0])
    assert_allclose(metrics.roc_auc(y, score), expected, rtol=1e-12)
    assert_allclose(metrics.roc_auc(y, score.astype(np.float32)), expected, rtol=1e-12)


def test_roc_auc_of_several_classes_with_ties():
    rng = np.random.default_rng(7)
    y, p = rng.integers(0, 4, 300), rng.integers(1, 5, (300, 4)).astype(float)
    p /= p.sum(axis=1, keepdims=True)
    expected = sk.roc_auc_score(y, p, multi_class="ovr", average="macro")
    assert_allclose(metrics.roc_auc(y, p), expected, rtol=1e-12)
    assert_allclose(metrics.roc_auc(np.eye(4)[y], p), expected, rtol=1e-12)


def test_roc_auc_leaves_classes_without_a_curve_out():
    y, p = labels_and_scores(8, k=3)
    y[y == 2] = 1
    areas = [sk.roc_auc_score(y == c, p[:, c]) for c in (0, 1)]
    assert_allclose(metrics.roc_auc(y, p), np.mean(areas), rtol=1e-12)
    assert np.isnan(metrics.roc_auc(np.zeros(3, int), p[:3]))
    assert np.isnan(metrics.roc_auc(np.array([0, 1]), np.array([[np.nan], [0.5]])))


def test_multilabel():
    rng = np.random.default_rng(9)
    y, p = rng.integers(0, 2, (100, 4)), rng.random((100, 4))
    y[0] = 1
    chosen = p > 0.5
    assert_allclose(metrics.accuracy(y, p), (chosen == y).mean(), rtol=1e-12)
    assert_allclose(metrics.precision(y, p), sk.precision_score(y, chosen, **MACRO), rtol=1e-12)
    assert_allclose(metrics.recall(y, p), sk.recall_score(y, chosen, **MACRO), rtol=1e-12)
    assert_allclose(metrics.f1(y, p), sk.f1_score(y, chosen, **MACRO), rtol=1e-12)
    assert_allclose(metrics.roc_auc(y, p), sk.roc_auc_score(y, p, average="macro"), rtol=1e-12)
    each = [sk.log_loss(y[:, k], p[:, k]) for k in range(4)]
    assert_allclose(metrics.log_loss(y, p), np.mean(each), rtol=1e-12)
    with pytest.raises(ValueError, match="one true class per row"):
        metrics.top_k(2)(y, p)


def test_multilabel_column_without_a_positive():
    y = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    p = np.array([[0.9, 0.1, 0.9], [0.1, 0.2, 0.8], [0.2, 0.1, 0.3]])
    for name, reference in (("precision", sk.precision_score), ("f1", sk.f1_score)):
        assert_allclose(metrics.get(name)[1](y, p), reference(y, p > 0.5, **MACRO), rtol=1e-12)


def test_log_loss_of_soft_targets_is_the_cross_entropy():
    rng = np.random.default_rng(10)
    y, p = probabilities(rng, 50, 3), probabilities(rng, 50, 3)
    assert_allclose(metrics.log_loss(y, p), -(y * np.log(p)).sum(1).mean(), rtol=1e-12)
    golden = metrics.log_loss(np.array([[0, 1, 0, 0]]), np.array([[0.3, 0.2, 0.1, 0.4]]))
    assert_allclose(golden, -np.log(0.2), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_loss_of_certainty_is_finite(dtype):
    p = np.array([[1, 0], [0, 1]], dtype)
    assert_allclose(metrics.log_loss(np.array([0, 0]), p), sk.log_loss([0, 0], p, labels=[0, 1]))
    assert np.isfinite(metrics.log_loss(np.array([1, 1]), p[:, :1]))


@pytest.mark.parametrize(("metric", "reference"), REAL_METRICS)
@pytest.mark.parametrize("targets", [1, 3])
def test_metrics_of_real_targets(metric, reference, targets):
    rng = np.random.default_rng(targets)
    y = rng.normal(size=(80, targets))
    prediction = y + rng.normal(size=y.shape)
    assert type(metric(y, prediction)) is float
    assert_allclose(metric(y, prediction), reference(y, prediction), rtol=1e-12)
    # Sums of float32 arrays are taken in float64.
    y32, p32 = y.astype(np.float32), prediction.astype(np.float32)
    expected = reference(y32.astype(float), p32.astype(float))
    assert_allclose(metric(y32, p32), expected, rtol=1e-12)


@pytest.mark.parametrize(("metric", "reference"), REAL_METRICS)
def test_a_vector_is_a_column(metric, reference):
    rng = np.random.default_rng(11)
    y, prediction = rng.integers(0, 5, 40), rng.normal(size=(40, 1))
    assert_allclose(metric(y, prediction), reference(y, prediction[:, 0]), rtol=1e-12)
    assert_allclose(metric(y, prediction[:, 0]), reference(y, prediction[:, 0]), rtol=1e-12)


def test_r2_of_constant_targets():
    y = np.ones((3, 2))
    prediction = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert metrics.r2(y, prediction) == sk.r2_score(y, prediction) == 0.5
    assert np.isnan(metrics.r2(np.ones(1), np.ones((1, 1))))


@pytest.mark.parametrize("name", ["mse", "rmse", "mae", "r2"])
def test_real_metrics_refuse_labels(name):
    with pytest.raises(ValueError, match='for class labels use "accuracy"'):
        metrics.get(name)[1](np.array([0, 1]), np.ones((2, 3)))


@pytest.mark.parametrize("name", list(metrics.METRICS))
def test_lengths_must_agree(name):
    with pytest.raises(ValueError, match=r"y has shape \(3,\) but the prediction has 2 rows"):
        metrics.get(name)[1](np.zeros(3, int), np.ones((2, 1)))


def test_columns_must_agree():
    with pytest.raises(ValueError, match="integer labels or one column per output"):
        metrics.accuracy(np.ones((2, 3)), np.ones((2, 4)))


@pytest.mark.parametrize("name", [*metrics.METRICS, "top_3"])
def test_inputs_stay_as_they_were_and_no_warning_appears(name):
    y, p = labels_and_scores(12, k=5)
    y = y if name not in ("mse", "rmse", "mae", "r2") else np.eye(5)[y]
    y_before, p_before = y.copy(), p.copy()
    y.flags.writeable = p.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.get(name)[1](y, p)
    assert np.array_equal(y, y_before)
    assert np.array_equal(p, p_before)


def test_get():
    assert metrics.get("accuracy") == ("accuracy", metrics.accuracy)
    assert metrics.get("acc") == ("accuracy", metrics.accuracy)
    assert metrics.get(metrics.f1) == ("f1", metrics.f1)
    name, top = metrics.get("top_3")
    assert (name, top.__name__) == ("top_3", "top_3")
    assert metrics.get(metrics.top_k(2))[0] == "top_2"

    def bias(y, prediction):
        return float(np.mean(prediction[:, 0] - y))

    assert metrics.get(bias) == ("bias", bias)
    assert metrics.get(("off by", bias)) == ("off by", bias)
    assert metrics.get(("hits", "acc")) == ("hits", metrics.accuracy)


def test_get_of_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match='unknown metric "acuracy"; did you mean "accuracy"'):
        metrics.get("acuracy")
    with pytest.raises(ValueError, match='"top_x"; did you mean "top_5"'):
        metrics.get("top_x")


@pytest.mark.parametrize("spec", [3, None, (1, 2), ("a", 3), ("a", "b", "c")])
def test_get_of_nonsense(spec):
    with pytest.raises(TypeError, match=r"a function \(y, prediction\) -> float"):
        metrics.get(spec)
