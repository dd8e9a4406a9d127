"""What an estimator refuses leaves it as it was; what members warn of is said once, to the user."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from fastnn.estimators import MLPClassifier, MLPRegressor

X, y = load_iris(return_X_y=True)
QUICK = {"max_iter": 3, "random_state": 0, "early_stopping": True, "tol": 0.0}
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def kept(model):
    """What would tell that something is lost."""
    return set(vars(model)), model.predict_proba(X), model.n_iter_, list(model.classes_)


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("members", [1, 3])
def test_a_refused_fit_changes_nothing(members, warm_start):
    model = MLPClassifier((8,), n_members=members, warm_start=warm_start, **QUICK).fit(X, y)
    other = MLPClassifier((8,), n_members=members, warm_start=warm_start, **QUICK).fit(X, y)
    before = kept(model)
    one_row = np.where(np.arange(150) == 7, 1.0, 0.0)
    with pytest.raises(ValueError, match="sample_weight is 0 in all of the"):
        model.fit(X, y, sample_weight=one_row)
    with pytest.raises(ValueError, match="X_val"):
        model.fit(X, y, y_val=y)
    if not warm_start:
        with pytest.raises(ValueError, match="sample_weight is 0 in all of the"):
            model.fit(X[:, :2], y == 0, sample_weight=one_row)
    for now, then in zip(kept(model), before, strict=True):
        assert_array_equal(now, then) if isinstance(now, np.ndarray) else None
        assert isinstance(now, np.ndarray) or now == then
    assert_array_equal(model.fit(X, y).predict_proba(X), other.fit(X, y).predict_proba(X))


def test_a_first_fit_that_is_refused_leaves_no_attributes():
    model = MLPClassifier((8,), n_members=2, **QUICK)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="sample_weight is 0"):
        model.fit(X, y, sample_weight=np.eye(150)[3])
    assert vars(model) == before


TOO_FEW = {
    "no row to learn from": (
        MLPRegressor, [1.0], {}, "validation_fraction=0.2 cannot hold out some of 1 sample; exp"
    ),
    "one row to hold out": (MLPRegressor, range(5), {}, "some of 5 samples; .* learn from: pass"),
    "a class of one row": (
        MLPClassifier, [0, 0, 1], {},
        r"have 2 and 1\): pass more, another validation_fraction, or rows to validate on, fit\(...",
    ),
    "fewer held out than classes": (MLPClassifier, [0, 0, 1, 1], {}, "its classes have 2 and 2"),
    "one class": (MLPClassifier, [0], {}, "its classes have 1"),
    "two rows a member": (
        MLPClassifier, [0, 1] * 4, {"n_members": 5},
        "n_members=5 cannot hold out some of 8 samples; .* for each member: pass more, another n_m",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "targets", "settings", "words"), TOO_FEW.values(), ids=TOO_FEW)
def test_too_few_rows_to_hold_some_out(kind, targets, settings, words):
    model = kind(preset="tabular", max_iter=2, random_state=0, **settings)
    with pytest.raises(ValueError, match=words):
        model.fit(X[: len(targets)], targets)
    assert not hasattr(model, "coefs_")
    # Rows to validate on, and the fewest that do.
    validation = [0, 0] if 1 not in targets else [0, 1]
    model.fit(X[: len(targets)], targets, X_val=X[:2], y_val=validation)
    model.fit(X[:10], [0, 1] * 5)


def test_fractions_are_no_classes():
    with pytest.raises(ValueError, match=r"Unknown label type: y holds 0\.5, .* use MLPRegressor"):
        MLPClassifier().fit(X[:3], [1, 0.5, 2])


@pytest.mark.parametrize("members", [1, 3])
def test_a_schedule_that_is_over_is_told_once_at_the_line_of_the_call(members):
    model = MLPClassifier((8,), n_members=members, max_iter=1, schedule="cosine", random_state=0)
    model.fit(X, y)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.partial_fit(X, y)
    (warning,) = told
    assert "'cosine' is over" in str(warning.message)
    assert warning.filename == __file__


def test_members_warn_once_at_the_line_of_the_call():
    model = MLPClassifier((8,), n_members=3, max_iter=2, random_state=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(X, y)
    (warning,) = [w for w in told if issubclass(w.category, ConvergenceWarning)]
    assert warning.filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="sklearn")
        model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning, match=r"Maximum iterations \(2\)"):
            model.fit(X, y)
    assert model.predict_proba(X).shape == (150, 3)
