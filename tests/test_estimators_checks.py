"""scikit-learn's checks of estimators, for ours in many settings."""

import doctest

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn import estimators
from fastnn.estimators import MLPClassifier, MLPRegressor, classifier, regressor

pytestmark = pytest.mark.filterwarnings("ignore")
TABULAR = {"preset": "tabular", "n_units": 16, "max_iter": 20}
HELD_OUT = {
    "check_fit_score_takes_y", "check_n_features_in_after_fitting", "check_estimators_nan_inf",
    "check_classifiers_one_label", "check_estimators_partial_fit_n_features",
    "check_fit2d_1feature", "check_regressors_no_decision_function",
}  # fmt: skip
"""scikit-learn's MLP fails these too with early stopping: no partial_fit, no rows to hold out."""
EQUIVALENCE = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}
"""A row of weight 2 is not the row twice where rows are held out, dropped out, or normalised."""


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPClassifier(max_iter=50, solver="lbfgs"),
        MLPRegressor(max_iter=50, n_members=2),
        MLPClassifier(**TABULAR, n_members=1),
    ]
)
def test_scikit_learn_checks(estimator, check):
    run(estimator, check)


@pytest.mark.nightly
@parametrize_with_checks(
    [
        MLPClassifier(max_iter=50, n_members=3),
        MLPRegressor(max_iter=50, solver="lbfgs", n_members=2),
        MLPClassifier(max_iter=60, batch_norm=True),
        MLPClassifier(max_iter=60, dropout=0.1),
        MLPClassifier(max_iter=60, early_stopping=True, n_iter_no_change=20),
        MLPRegressor(max_iter=60, early_stopping=True),
        MLPClassifier(**TABULAR),
        MLPRegressor(**TABULAR),
        MLPClassifier(max_iter=60, normalize="standard", optimizer="nadam"),
        MLPRegressor(max_iter=60, normalize="robust", schedule="cosine"),
    ]
)
def test_scikit_learn_checks_in_other_settings(estimator, check):
    run(estimator, check)


def run(estimator, check):
    """The check, but for those that cannot hold in this setting."""
    kept = set()
    if estimator.early_stopping:
        # Few epochs follow each other there, too few for weights of classes to show.
        kept = HELD_OUT | EQUIVALENCE | {"check_class_weight_classifiers"}
    elif estimator.preset or estimator.batch_norm or estimator.dropout or estimator.normalize:
        kept = EQUIVALENCE
    if getattr(check, "func", check).__name__ in kept:
        pytest.skip("cannot hold in this setting")
    check(estimator)


@pytest.mark.parametrize("module", [estimators, classifier, regressor])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 2) == (0, True)
