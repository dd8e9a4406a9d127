"""The estimators against scikit-learn's own: the same random_state gives the same model."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

neural_network = pytest.importorskip("sklearn.neural_network")

from sklearn.datasets import (  # noqa: E402
    load_iris,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning  # noqa: E402

from fastnn import estimators  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]

ATOL = 1e-9
rng = np.random.default_rng(0)
N = 150
IRIS = load_iris(return_X_y=True)
X, Y = make_regression(N, 5, n_targets=3, noise=3, random_state=0)
Y /= 100
LABELS = make_multilabel_classification(N, 6, n_classes=4, random_state=0)
WEIGHT = rng.integers(0, 4, N).astype(float)
CLASSIFIER, REGRESSOR = "MLPClassifier", "MLPRegressor"
TASKS = {
    "classes": (CLASSIFIER, *IRIS, {}),
    "two classes": (CLASSIFIER, IRIS[0], np.where(IRIS[1] == 1, 7, 3), {}),
    "labels": (CLASSIFIER, *LABELS, {}),
    "target": (REGRESSOR, X, Y[:, 0], {}),
    "targets": (REGRESSOR, X, Y, {}),
    "counts": (REGRESSOR, X, rng.poisson(2, N), {"loss": "poisson"}),
    "several counts": (REGRESSOR, X, rng.poisson(2, (N, 2)), {"loss": "poisson"}),
}
each_task = pytest.mark.parametrize("task", TASKS)


def needs_scikit_learn_1_7():
    if "loss" not in neural_network.MLPRegressor().get_params():
        pytest.skip("scikit-learn before 1.7 has neither weights nor losses")


def fitted(name, X, y, weight=None, **parameters):
    """scikit-learn's estimator and ours, fitted alike."""
    if weight is not None or parameters.get("loss") == "poisson":
        needs_scikit_learn_1_7()
    more = {} if weight is None else {"sample_weight": weight}
    defaults = {"random_state": 3, "hidden_layer_sizes": (9,), "max_iter": 20, "batch_size": 40}
    parameters = defaults | parameters
    return [
        getattr(module, name)(**parameters).fit(X, y, **more)
        for module in (neural_network, estimators)
    ]


def answers(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def assert_same(theirs, ours, X, atol=ATOL):
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(answers(ours, X), answers(theirs, X), rtol=0, atol=atol)
    assert_array_equal(ours.predict(X).shape, theirs.predict(X).shape)
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert_allclose(a, b, rtol=0, atol=atol)
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.loss_ == pytest.approx(theirs.loss_, abs=atol)
    if not hasattr(theirs, "loss_curve_"):
        assert not hasattr(ours, "loss_curve_")
        return
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0, atol=atol)
    assert ours.t_ == theirs.t_
    for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert_allclose(a, b, rtol=0, atol=atol)


@each_task
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_same_model_for_each_solver_and_target(task, weighted, solver):
    name, X, y, more = TASKS[task]
    # L-BFGS doubles rounding errors in each iteration: scikit-learn's own predictions move by 0.02
    # after 60, for an error of one bit in X.
    iterations = 10 if solver == "lbfgs" else 20
    pair = fitted(
        name, X, y, WEIGHT if weighted else None, solver=solver, alpha=0.1, max_iter=iterations,
        **more,
    )  # fmt: skip
    assert_same(*pair, X)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_same_model_for_each_activation(activation, solver):
    pair = fitted(
        CLASSIFIER, *IRIS, solver=solver, activation=activation, hidden_layer_sizes=(8, 5),
        max_iter=8,
    )  # fmt: skip
    assert_same(*pair, IRIS[0])


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("way", ["constant", "invscaling", "adaptive"])
def test_same_course_of_the_learning_rate(way, nesterov, early_stopping):
    pair = fitted(
        CLASSIFIER, *IRIS, solver="sgd", learning_rate=way, nesterovs_momentum=nesterov,
        early_stopping=early_stopping, learning_rate_init=0.1, power_t=0.2, tol=1e-2,
        n_iter_no_change=2, max_iter=150,
    )  # fmt: skip
    assert_same(*pair, IRIS[0])
    assert 3 < pair[0].n_iter_ < 150 or way == "adaptive"


@each_task
@pytest.mark.parametrize("weighted", [False, True])
def test_same_early_stopping(task, weighted):
    name, X, y, more = TASKS[task]
    pair = fitted(
        name, X, y, WEIGHT if weighted else None, early_stopping=True, learning_rate_init=0.01,
        max_iter=200, **more,
    )  # fmt: skip
    assert_same(*pair, X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"shuffle": False},
        {"batch_size": "auto"},
        {"batch_size": 1, "max_iter": 2},
        {"batch_size": 149, "max_iter": 5},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1},
        {"solver": "sgd", "momentum": 0},
        {"solver": "sgd", "momentum": 1.0, "max_iter": 3},
        {"hidden_layer_sizes": 7},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": [4, 3, 2]},
        {"tol": 0.05, "n_iter_no_change": 1, "max_iter": 200},
        {"n_iter_no_change": np.inf},
        {"alpha": 0},
        {"validation_fraction": 0.3, "early_stopping": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("task", ["classes", "targets"])
def test_same_model_for_other_parameters(parameters, task):
    name, X, y, more = TASKS[task]
    assert_same(*fitted(name, X, y, **parameters | more), X)


def test_float32_stays_float32_and_agrees():
    X32 = IRIS[0].astype(np.float32)
    theirs, ours = fitted(CLASSIFIER, X32, IRIS[1])
    assert {a.dtype for a in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
    assert ours.predict_proba(X32).dtype == theirs.predict_proba(X32).dtype == np.float32
    assert_same(theirs, ours, X32, atol=1e-5)


def test_words_as_labels():
    words = np.array(["no", "yes"])[(IRIS[1] == 1).astype(int)]
    theirs, ours = fitted(CLASSIFIER, IRIS[0], words)
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_array_equal(ours.predict(IRIS[0]), theirs.predict(IRIS[0]))


def test_a_random_state_object_is_used_up_alike():
    states = [np.random.RandomState(5), np.random.RandomState(5)]
    for module, state in zip((neural_network, estimators), states, strict=True):
        module.MLPClassifier((4,), max_iter=3, random_state=state).fit(*IRIS)
    assert states[0].randint(1 << 30) == states[1].randint(1 << 30)


def test_same_warnings():
    for module in (neural_network, estimators):
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(3\) reached"):
            module.MLPClassifier((4,), max_iter=3).fit(*IRIS)
        with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger"):
            module.MLPClassifier((4,), max_iter=3, batch_size=999).fit(*IRIS)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            module.MLPClassifier((4,), solver="lbfgs", max_iter=3, random_state=0).fit(*IRIS)
        assert any(issubclass(w.category, ConvergenceWarning) for w in caught)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0"),
        ({"alpha": -1}, "alpha"),
        ({"solver": "rprop"}, "solver"),
        ({"batch_size": 0}, "batch_size"),
        ({"momentum": 2}, "momentum"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
    ],
    ids=str,
)
def test_same_errors(parameters, error):
    for module in (neural_network, estimators):
        with pytest.raises(ValueError, match=error):
            module.MLPClassifier(**parameters).fit(*IRIS)


def test_each_parameter_of_scikit_learn_has_its_default():
    for name in (CLASSIFIER, REGRESSOR):
        theirs = getattr(neural_network, name)().get_params()
        ours = getattr(estimators, name)().get_params()
        assert {k: ours[k] for k in theirs} == theirs
