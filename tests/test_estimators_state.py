"""What an estimator holds: in subclasses, by hand, in a pickle, and what its tags say of it."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

from fastnn.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:lbfgs failed to converge"
)
X, y = load_iris(return_X_y=True)
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0}
BY_HAND = ("coefs_", "intercepts_", "out_activation_", "n_layers_", "n_outputs_")


class OfKeywords(MLPClassifier):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)


class OfItsOwn(MLPClassifier):
    def __init__(self, alpha=1e-3):
        super().__init__((6,), alpha=alpha, max_iter=8, random_state=0)


class WithOneMore(MLPClassifier):
    def __init__(self, hidden_layer_sizes=(6,), *, shift=0.0, **kwargs):
        super().__init__(hidden_layer_sizes, **kwargs)
        self.shift = shift

    def fit(self, X, y):
        return super().fit(X + self.shift, y)


@pytest.mark.parametrize("more", [{}, {"n_members": 2}, {"solver": "lbfgs"}], ids=str)
def test_subclasses_with_an_init_of_their_own_are_what_they_are_made_from(more):
    plain = MLPClassifier(**QUICK | more).fit(X, y).predict_proba(X)
    parameters = QUICK | more
    assert_array_equal(OfKeywords(**parameters).fit(X, y).predict_proba(X), plain)
    moved = WithOneMore(shift=1.0, **parameters)
    assert_array_equal(
        moved.fit(X - 1, y).predict_proba(X),
        MLPClassifier(**parameters).fit(X - 1 + 1, y).predict_proba(X),
    )
    own = OfItsOwn(alpha=0.5)
    for name, value in more.items():
        setattr(own, name, value)
    expected = MLPClassifier(alpha=0.5, **parameters).fit(X, y)
    assert_array_equal(own.fit(X, y).predict_proba(X), expected.predict_proba(X))
    assert all(type(member) is OfItsOwn for member in getattr(own, "estimators_", []))
    assert clone(own).alpha == 0.5
    assert_array_equal(pickle.loads(pickle.dumps(own)).predict_proba(X), own.predict_proba(X))


def test_subclasses_in_searches_presets_and_conversion():
    search = GridSearchCV(OfItsOwn(), {"alpha": [1e-3, 1.0]}, cv=2).fit(X, y)
    assert search.best_estimator_.hidden_layer_sizes == (6,)
    twin = OfItsOwn().fit(X, y).to_sklearn()
    assert type(twin) is neural_network.MLPClassifier
    assert twin.hidden_layer_sizes == (6,)
    tabular = OfKeywords(preset="tabular", n_units=4, max_iter=1).fit(X, y)
    assert [member.coefs_[0].shape[1] for member in tabular.estimators_] == [4] * 5


@pytest.mark.parametrize(
    ("parameters", "sparse_too"),
    [
        ({}, True), ({"normalize": "standard"}, True), ({"n_members": 2}, True),
        ({"preset": "tabular"}, False), ({"normalize": "robust"}, False),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_the_sparse_tag_says_what_fit_does(cls, parameters, sparse_too):
    model = cls(max_iter=1, **parameters)
    assert get_tags(model).input_tags.sparse == sparse_too
    if sparse_too:
        model.fit(sparse.csr_matrix(X), y)
    else:
        with pytest.raises((TypeError, ValueError), match="X is sparse"):
            model.fit(sparse.csr_matrix(X), y)


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [
        (MLPClassifier, {}),
        (MLPClassifier, {"activation": "tanh", "hidden_layer_sizes": (5, 4)}),
        (MLPClassifier, {"hidden_layer_sizes": ()}),
        (MLPRegressor, {}),
        (MLPRegressor, {"loss": "poisson"}),
    ],
    ids=str,
)
def test_attributes_set_by_hand_predict(cls, parameters):
    model = cls(**QUICK | parameters).fit(X, y)
    by_hand = cls(**{k: v for k, v in parameters.items() if k != "hidden_layer_sizes"})
    for name in (*BY_HAND, *["classes_"] * hasattr(model, "classes_")):
        setattr(by_hand, name, getattr(model, name))
    assert_array_equal(by_hand.predict(X), model.predict(X))
    by_hand.intercepts_[-1] = by_hand.intercepts_[-1] * 0
    model.intercepts_[-1][:] = 0
    assert_array_equal(by_hand.predict(X), model.predict(X))
    with pytest.raises(ValueError, match=r"X has 3 features, but MLP.* is expecting 4"):
        by_hand.predict(X[:, :3])


def test_attributes_of_scikit_learns_own_predict_the_same():
    theirs = neural_network.MLPClassifier(**QUICK).fit(X, y)
    ours = MLPClassifier(**QUICK)
    for name in (*BY_HAND, "classes_", "_label_binarizer"):
        setattr(ours, name, copy.deepcopy(getattr(theirs, name)))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("again", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_arrays_of_a_copy_are_those_it_predicts_with(again):
    model = again(MLPRegressor(**QUICK).fit(X, y))
    W, b = model.coefs_[0], model.intercepts_[-1]
    W[:] = 0
    b[:] = 7
    model.coefs_[-1][:] = 0
    assert_array_equal(model.predict(X), np.full(len(X), 7.0))
    assert model.coefs_[0] is W
    model.coefs_[-1] = np.ones_like(model.coefs_[-1])
    assert (again(model).predict(X) != 7).all()


@pytest.mark.parametrize(
    ("parameters", "copies"),
    [({}, 3), ({"early_stopping": True}, 3), ({"n_members": 2}, 3), ({"solver": "lbfgs"}, 1)],
    ids=str,
)
def test_a_pickle_holds_each_weight_once(parameters, copies):
    wide = QUICK | {"hidden_layer_sizes": (400, 400)} | parameters
    model = MLPClassifier(**wide).fit(X, y)
    weights = sum(
        a.nbytes for m in getattr(model, "estimators_", [model]) for a in m.coefs_ + m.intercepts_
    )
    # Adam has a mean and a mean square for each weight.
    assert len(pickle.dumps(model)) < (copies + 0.1) * weights


def test_a_pickle_goes_back_to_the_best_epoch_it_has_seen():
    ways = []
    for way in (lambda m: m, lambda m: pickle.loads(pickle.dumps(m))):
        model = MLPClassifier(**QUICK, early_stopping=True, warm_start=True, learning_rate_init=0.1)
        for _ in range(3):
            model = way(model.fit(X, y))
        ways.append(model)
    assert_array_equal(ways[0].predict_proba(X), ways[1].predict_proba(X))
    assert ways[0].best_validation_score_ == ways[1].best_validation_score_


def test_an_ensemble_shows_what_its_members_have():
    model = MLPClassifier(**QUICK, n_members=3, early_stopping=True).fit(X, y)
    for again in (model, pickle.loads(pickle.dumps(model))):
        for name in ("coefs_", "intercepts_", "loss_curve_", "validation_scores_", "history_"):
            shown = getattr(again, name)
            assert len(shown) == 3
            assert all(a is getattr(m, name) for a, m in zip(shown, again.estimators_, strict=True))
    assert [len(h) for h in model.history_] == [m.n_iter_ for m in model.estimators_]
    before = model.predict_proba(X)
    model.coefs_[1][0][:] = 0
    assert (model.predict_proba(X) != before).any()
    model.set_params(n_members=1, early_stopping=False, warm_start=True).fit(X, y)
    assert model.coefs_[0].shape == (4, 6)
    assert not hasattr(model, "estimators_")


def test_the_best_epoch_of_a_history_is_the_one_that_early_stopping_kept():
    plotting = pytest.importorskip("matplotlib") and pytest.importorskip("fastnn.plotting")
    parameters = QUICK | {"max_iter": 60, "learning_rate_init": 0.05, "early_stopping": True}
    model = MLPClassifier(**parameters, n_members=3).fit(X, y)
    for member, history in zip(model.estimators_, model.history_, strict=True):
        assert history.best_epoch == int(np.argmax(member.validation_scores_)) + 1
        assert history.best_epoch == member._best[1]
    with pytest.raises(TypeError, match=r"pass that of a member, such as history_\[0\]"):
        plotting.learning_curves(model.history_)
    panels = plotting.learning_curves(model.history_[0])
    of_score = next(panel for panel in panels if panel.get_ylabel() == "score")
    labels = of_score.get_legend_handles_labels()[1]
    assert f"best: {model.estimators_[0].best_validation_score_:.4g}"[:9] in labels[-1]
    assert labels[-1].endswith(f"at epoch {model.history_[0].best_epoch}")


def test_ours_are_instances_of_scikit_learns_mlp():
    for ours, theirs in (
        (MLPClassifier, neural_network.MLPClassifier),
        (MLPRegressor, neural_network.MLPRegressor),
    ):
        assert isinstance(ours(), theirs)
        assert not isinstance(theirs(), ours)
    assert isinstance(OfItsOwn(), neural_network.MLPClassifier)
    assert not isinstance(MLPRegressor(), neural_network.MLPClassifier)
