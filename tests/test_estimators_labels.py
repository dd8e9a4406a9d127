"""Labels: few of them, many at once, sparse ones, their weights; and who warns."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn import neural_network
from sklearn.datasets import load_iris, make_multilabel_classification

from fastnn.estimators import MLPClassifier, MLPRegressor

X, y = load_iris(return_X_y=True)
XM, YM = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def quick(**parameters):
    return MLPClassifier((6,), **{"max_iter": 3, "random_state": 0} | parameters)


@quiet
@pytest.mark.parametrize("more", [{}, {"n_members": 2}], ids=str)
def test_a_chunk_need_not_hold_each_class_that_has_a_weight(more):
    weights = {0: 2.0, 1: 5.0, 2: 0.5}
    chunk = y != 1
    ours = quick(class_weight=weights, **more)
    ours.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2]).partial_fit(X, y)
    by_row = quick(**more)
    by_row.partial_fit(X[chunk], y[chunk], np.array([2.0, 0, 0.5])[y[chunk]], classes=[0, 1, 2])
    by_row.partial_fit(X, y, np.array([2.0, 5.0, 0.5])[y])
    assert_array_equal(ours.predict_proba(X), by_row.predict_proba(X))
    only = quick(class_weight={1: 5.0}, **more).partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
    plain = quick(**more).partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
    assert_array_equal(only.predict_proba(X), plain.predict_proba(X))
    with pytest.raises(ValueError, match="are not in class_weight"):
        quick(class_weight={7: 2.0}, **more).fit(X, y)


@quiet
def test_each_label_of_several_has_weights():
    weights = [{0: 1, 1: 3}, {0: 1, 1: 1}, {1: 0.5}]
    row_weights = np.array([1, 3])[YM[:, 0]] * np.array([1, 0.5])[YM[:, 2]]
    chunk = YM[:, 2] == 0
    for rows in (slice(None), chunk):
        for form in (np.asarray, sparse.csr_matrix):
            ours = quick(class_weight=weights).partial_fit(
                XM[rows], form(YM[rows]), classes=range(3)
            )
            by_row = quick().partial_fit(XM[rows], YM[rows], row_weights[rows], classes=range(3))
            assert_array_equal(ours.predict_proba(XM), by_row.predict_proba(XM))


@quiet
@pytest.mark.parametrize("more", [{}, {"n_members": 2}, {"preset": "tabular"}], ids=str)
def test_a_single_class_is_certain(more):
    model = quick(**more).fit(X[:20], ["one"] * 20)
    assert_array_equal(model.predict(X), ["one"] * len(X))
    assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))
    assert_array_equal(model.predict_log_proba(X), np.zeros((len(X), 1)))


@quiet
@pytest.mark.parametrize("more", [{}, {"n_members": 2}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
def test_labels_learned_from_a_sparse_matrix_are_predicted_as_one(form, more):
    found = quick(**more).fit(XM, form(YM)).predict(XM)
    theirs = neural_network.MLPClassifier((6,), max_iter=3, random_state=0).fit(XM, form(YM))
    dense = quick(**more).fit(XM, YM).predict(XM)
    assert sparse.issparse(found)
    assert type(found) is type(theirs.predict(XM))
    assert_array_equal(found.toarray(), dense)
    assert isinstance(dense, np.ndarray)


@pytest.mark.parametrize("sizes", [(10.7,), True, (8, True), 10.0, (8, 2.5), ("8",)], ids=str)
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_sizes_that_are_no_whole_numbers_are_refused(cls, sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        cls(hidden_layer_sizes=sizes).fit(X, y)


@quiet
def test_sizes_of_any_integer_type():
    for sizes in (np.array([4, 3]), [np.int32(4), 3], (4, np.uint8(3))):
        shapes = [W.shape for W in MLPClassifier(sizes, max_iter=1).fit(X, y).coefs_]
        assert shapes == [(4, 4), (4, 3), (3, 3)]
    assert MLPClassifier(np.int64(5), max_iter=1).fit(X, y).coefs_[0].shape == (4, 5)


REASONS = {
    "max_iter": lambda m: m.MLPClassifier(max_iter=1).fit(X, y),
    "lbfgs": lambda m: m.MLPClassifier(solver="lbfgs", max_iter=2).fit(X, y),
    "batch_size": lambda m: m.MLPRegressor(batch_size=999, max_iter=1).fit(X, y),
    "column": lambda m: m.MLPClassifier(max_iter=1).fit(X, y[:, None]),
    "column of targets": lambda m: m.MLPRegressor(max_iter=1).fit(X, y[:, None]),
}


@pytest.mark.parametrize("reason", REASONS)
def test_what_silences_scikit_learns_mlp_silences_ours(reason):
    import fastnn.estimators

    for module in (neural_network, fastnn.estimators):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", module="sklearn")
            REASONS[reason](module)
        assert [str(w.message) for w in caught] == []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            warnings.filterwarnings("ignore", module="fastnn")
            REASONS[reason](module)
        assert caught


def test_a_warning_names_the_line_that_it_comes_from_and_is_said_once():
    from fastnn.estimators.warning import warn

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("enough")
    assert [(w.filename, w.category) for w in caught] == [(__file__, UserWarning)]


def test_stopping_lbfgs_by_a_callback_is_no_failure():
    if not hasattr(MLPClassifier, "set_callbacks"):
        pytest.skip("scikit-learn before 1.9")
    from test_estimators_ecosystem import Recorder

    model = quick(solver="lbfgs", max_iter=50).set_callbacks(Recorder(stop_after=2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(X, y).n_iter_ == 2


@quiet
def test_weighted_rows_of_one_label_agree_with_scikit_learn():
    rows = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    ours = quick().fit(X, y == 1, rows).predict_proba(X)
    theirs = neural_network.MLPClassifier((6,), max_iter=3, random_state=0).fit(X, y == 1, rows)
    assert_allclose(ours, theirs.predict_proba(X), atol=1e-12)
