"""The estimators' training: continued, stopped, interrupted, diverged, converted."""

import copy
import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import fastnn
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.callbacks import Watch
from fastnn.training.epochs import Epochs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
XR, YR = make_regression(120, 4, noise=5, random_state=0)
FOREVER = {"n_iter_no_change": np.inf, "random_state": 0, "hidden_layer_sizes": (7,)}
WAYS = [
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.02},
    {"optimizer": "nadam", "dropout": 0.2, "batch_norm": True},
    {"schedule": "cosine", "max_iter": 12, "warmup": 3},
]
each_way = pytest.mark.parametrize("way", WAYS, ids=str)


def weights(model):
    return np.concatenate([a.ravel() for a in model.coefs_ + model.intercepts_])


@each_way
def test_partial_fit_epoch_by_epoch_is_fit(way):
    parameters = FOREVER | {"max_iter": 12} | way
    whole = MLPClassifier(**parameters).fit(X, y)
    parts = MLPClassifier(**parameters)
    for _ in range(whole.n_iter_):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    assert_array_equal(weights(parts), weights(whole))
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.history_.history["loss"] == whole.loss_curve_
    assert parts.t_ == whole.t_ == 12 * len(X)


@each_way
def test_a_warm_start_goes_on_with_the_optimizer(way):
    if "schedule" in way:
        pytest.skip("a schedule by name spans max_iter epochs, which is then another number")
    whole = MLPClassifier(**FOREVER | {"max_iter": 12} | way).fit(X, y)
    parts = MLPClassifier(**FOREVER | way | {"max_iter": 4, "warm_start": True})
    for _ in range(3):
        parts.fit(X, y)
    assert_array_equal(weights(parts), weights(whole))
    assert parts.loss_curve_ == whole.loss_curve_


def test_a_warm_start_with_another_solver_or_penalty_goes_on_from_the_weights():
    model = MLPClassifier(**FOREVER, max_iter=5, warm_start=True).fit(X, y)
    before = model.loss_
    model.set_params(alpha=1.0, solver="sgd", max_iter=1).fit(X, y)
    assert model.loss_ < before + 1
    with pytest.raises(ValueError, match="leave the layers as they are"):
        model.set_params(hidden_layer_sizes=(3,)).fit(X, y)


def test_a_warm_start_holds_out_the_same_rows():
    model = MLPClassifier(**FOREVER, max_iter=2, warm_start=True, early_stopping=True).fit(X, y)
    first = model._machine.split[2].copy()
    model.fit(X, y)
    assert_array_equal(model._machine.split[2], first)
    assert len(model.validation_scores_) == 4


def test_fit_starts_anew():
    model = MLPRegressor(**FOREVER, max_iter=5).fit(XR, YR)
    first = weights(model)
    assert_array_equal(weights(model.fit(XR, YR)), first)
    assert len(model.history_) == 5


@pytest.mark.parametrize("way", [{}, {"batch_size": 7}, {"batch_size": 7, "batch_norm": True}])
def test_the_number_of_epochs_in_one_go_changes_nothing(way):
    parameters = {"random_state": 0, "tol": 1e-2, "max_iter": 300, "learning_rate_init": 0.01}
    together = MLPClassifier(**parameters, **way).fit(X, y)
    alone = MLPClassifier(**parameters, **way, max_time=1e6).fit(X, y)
    assert 10 < together.n_iter_ == alone.n_iter_ < 300
    assert_array_equal(weights(together), weights(alone))
    assert together.loss_curve_ == alone.loss_curve_


def test_pickle_copy_and_clone():
    model = MLPClassifier(**FOREVER, max_iter=5, batch_norm=True, dropout=0.1).fit(X, y)
    twins = pickle.loads(pickle.dumps(model)), copy.deepcopy(model)
    for twin in twins:
        assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
        twin.partial_fit(X, y)
    model.partial_fit(X, y)
    for twin in twins:
        assert_array_equal(weights(twin), weights(model))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_arrays_put_into_coefs_count():
    model = MLPRegressor(**FOREVER, max_iter=2).fit(XR, YR)
    model.coefs_[-1] = np.zeros_like(model.coefs_[-1])
    model.intercepts_[-1][:] = 3.0
    assert_array_equal(model.predict(XR), np.full(len(XR), 3.0))
    model.coefs_[0] = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"has shape \(2, 2\); expected \(4, 7\)"):
        model.predict(XR)


def test_divergence_is_scikit_learns_error():
    model = MLPRegressor(solver="sgd", learning_rate_init=1e4, random_state=0)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.fit(XR, YR)


@pytest.mark.filterwarnings("ignore:the gradient is so large")
def test_divergence_after_a_good_epoch_keeps_it():
    model = MLPRegressor(activation="identity", solver="sgd", learning_rate_init=1, max_iter=20)
    model.set_params(early_stopping=True, random_state=0)
    with pytest.warns(ConvergenceWarning, match="the loss is not finite in iteration"):
        model.fit(X, y)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(weights(model)).all()


def test_ctrl_c_keeps_what_is_there(monkeypatch):
    model = MLPClassifier(**FOREVER, max_iter=50, max_time=1e6)
    take, count = Epochs.take, []

    def interrupted(self, *args):
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return take(self, *args)

    monkeypatch.setattr(Epochs, "take", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    assert model.predict(X).shape == (150,)


@pytest.mark.skipif(os.name == "nt", reason="a thread cannot press Ctrl-C there")
@pytest.mark.parametrize("way", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_ctrl_c_reaches_members_in_threads(way, monkeypatch):
    # None of them would end by itself; the third begins after Ctrl-C.
    way = {"alpha": 0.0, "max_fun": 10**9, "tol": 0.0, "max_iter": 10**9} | way
    model = MLPClassifier(**FOREVER | way, n_members=3)
    end, pressed = Watch.end_epoch, []

    def pressing(watch):
        if not pressed:
            pressed.append(signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
        return end(watch)

    monkeypatch.setattr(Watch, "end_epoch", pressing)
    fastnn.set_num_threads(2)
    try:
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            model.fit(X, y)
    finally:
        fastnn.set_num_threads(None)
    assert all(member.n_iter_ >= 1 for member in model.estimators_)
    assert model.n_iter_ < 10**9
    assert model.predict(X).shape == (150,)


def test_ctrl_c_before_all_members_are_in_their_threads_ends_the_fit(monkeypatch):
    model = MLPClassifier(**FOREVER, max_iter=10**9, n_members=3)
    submit, count = ThreadPoolExecutor.submit, []

    def interrupted(pool, task, *args):
        # The first three make the members ready.
        count.append(1)
        if len(count) == 5:
            raise KeyboardInterrupt
        return submit(pool, task, *args)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert len(count) == 5
    assert model.set_params(max_iter=2).fit(X, y).n_iter_ == 2


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"batch_norm": True, "normalize": "robust", "dropout": 0.1},
        {"normalize": "standard", "activation": "logistic"},
        {"solver": "lbfgs", "activation": "tanh"},
    ],
    ids=str,
)
def test_to_sklearn_predicts_the_same(parameters):
    model = MLPClassifier((8, 5), max_iter=10, random_state=0, **parameters).fit(X, y)
    twin = model.to_sklearn()
    assert type(twin).__module__.startswith("sklearn")
    assert_allclose(twin.predict_proba(X), model.predict_proba(X), rtol=0, atol=1e-13)
    assert_array_equal(twin.predict(X), model.predict(X))
    regressor = MLPRegressor(max_iter=10, random_state=0, normalize_y=True, **parameters)
    regressor.fit(XR, np.stack([YR, 3 * YR + 1], axis=1))
    assert_allclose(regressor.to_sklearn().predict(XR), regressor.predict(XR), atol=1e-9)
    if model.solver != "lbfgs":
        twin.partial_fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"activation": "selu"}, 'the activation "selu" is none of'),
        ({"n_members": 2}, "an ensemble of 2 networks"),
        ({"preset": "tabular", "max_iter": 2}, "transforms X before the network"),
    ],
)
def test_to_sklearn_says_why_it_cannot(parameters, reason):
    model = MLPClassifier(random_state=0, **{"max_iter": 2} | parameters).fit(X, y)
    with pytest.raises(ValueError, match=reason):
        model.to_sklearn()
