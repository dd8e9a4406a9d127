"""scikit-learn's checks of estimators, for ours in many settings."""

import doctest

import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from fastnn import estimators
from fastnn.estimators import MLPClassifier, MLPRegressor, classifier, regressor

pytestmark = pytest.mark.filterwarnings("ignore")
TABULAR = {"preset": "tabular", "n_units": 16, "max_iter": 20}
FEW = "some of its rows are too few to hold out a part of them"
PARTIAL = "there is no partial_fit with early stopping"
HELD_OUT = {
    "check_fit_score_takes_y": PARTIAL,
    "check_n_features_in_after_fitting": PARTIAL,
    "check_estimators_partial_fit_n_features": PARTIAL,
    "check_estimators_nan_inf": FEW,
    "check_fit2d_1feature": FEW,
}
OF_NUMBERS = {"check_regressors_no_decision_function": FEW}
"""scikit-learn's MLP fails these too with early stopping, see below."""
WEIGHTS = "a row of weight 2 is not the row twice where "
EQUIVALENCE = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def cannot_hold(estimator):
    """The checks that cannot hold in a setting, and why: they do fail, each of them."""
    names = EQUIVALENCE if estimator.preset is None else EQUIVALENCE[:1]
    if estimator.early_stopping:
        kind = {} if is_classifier(estimator) else OF_NUMBERS
        found = HELD_OUT | kind | dict.fromkeys(names, WEIGHTS + "rows are held out")
        if is_classifier(estimator):
            # scikit-learn's MLP has no class_weight.
            few = "the epochs until it stops are too few for weights of classes to show"
            found["check_class_weight_classifiers"] = few
        return found
    if estimator.preset:
        return dict.fromkeys(names, WEIGHTS + "rows are held out")
    if estimator.batch_norm:
        return dict.fromkeys(names, WEIGHTS + "a batch's moments count each of its rows once")
    if estimator.dropout:
        return dict.fromkeys(names, WEIGHTS + "each row of a batch has dropped units of its own")
    return {}


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPClassifier(max_iter=50, solver="lbfgs"),
        MLPRegressor(max_iter=50, n_members=2),
        MLPClassifier(**TABULAR, n_members=1),
    ],
    expected_failed_checks=cannot_hold,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


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
    ],
    expected_failed_checks=cannot_hold,
)
def test_scikit_learn_checks_in_other_settings(estimator, check):
    check(estimator)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_scikit_learns_mlp_fails_what_ours_fails_with_early_stopping(name):
    own = {} if name == "MLPRegressor" else {"n_iter_no_change": 20}
    theirs, ours = (
        getattr(module, name)(max_iter=60, early_stopping=True, **own)
        for module in (neural_network, estimators)
    )
    found = check_estimator(theirs, on_fail=None, on_skip=None)
    failed = {check["check_name"] for check in found if check["status"] == "failed"}
    # Its classifier has no weights of classes, and of the last it is judged by L-BFGS.
    assert set(cannot_hold(ours)) - {"check_class_weight_classifiers", EQUIVALENCE[0]} <= failed


@pytest.mark.parametrize("module", [estimators, classifier, regressor])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 2) == (0, True)
