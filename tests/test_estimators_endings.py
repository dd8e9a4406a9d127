"""How an estimator's training ends: schedules that are over, scores that are no number."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris, make_regression

from fastnn import Adam
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.schedules import Constant, Cosine, steps

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
XR, YR = make_regression(120, 4, noise=5, random_state=0)
FOREVER = {"n_iter_no_change": np.inf, "random_state": 0, "hidden_layer_sizes": (7,)}


def weights(model):
    return np.concatenate([a.ravel() for a in model.coefs_ + model.intercepts_])


def rates_of(model, start=0):
    return model.history_["learning_rate"][start:]


@pytest.mark.parametrize("name", ["cosine", "coslog4"])
def test_a_schedule_by_name_begins_anew_with_each_fit(name):
    model = MLPClassifier(**FOREVER, schedule=name, warmup=2, max_iter=6, warm_start=True)
    first = rates_of(model.fit(X, y))
    before = weights(model)
    assert rates_of(model.fit(X, y), 6) == first
    assert np.abs(weights(model) - before).max() > 1e-4
    with pytest.warns(UserWarning, match=f"'{name}' is over.*max_iter=6.*go on with"):
        model.partial_fit(X, y)
    assert rates_of(model, 12) == [0]
    model.set_params(schedule=Constant(1e-3), warmup=None).partial_fit(X, y)
    assert rates_of(model, 13) == [1e-3]


def test_a_schedule_by_steps_goes_on_and_another_one_begins_anew():
    n = steps(8, len(X), 30)
    way = {"batch_size": 30, "max_iter": 4, "warm_start": True}
    model = MLPClassifier(**FOREVER | way, schedule=Cosine(1e-2, n))
    first = rates_of(model.fit(X, y).fit(X, y))
    assert first == Adam(Cosine(1e-2, n)).rates(0, n)[n // 8 - 1 :: n // 8].tolist()
    with pytest.warns(UserWarning, match=r"in each epoch of this fit.*Cosine.*is over.*set_params"):
        model.fit(X, y)
    model = pickle.loads(pickle.dumps(model.set_params(schedule=Cosine(2e-2, n))))
    assert_allclose(rates_of(model.fit(X, y).fit(X, y), 12), 2 * np.array(first), rtol=1e-12)
    model.set_params(schedule=None, optimizer=Adam(Cosine(1e-2, n)))
    assert rates_of(model.fit(X, y).fit(X, y), 20) == first
    with pytest.warns(UserWarning, match=r"from epoch 9 of this fit on.*more steps"):
        MLPClassifier(**FOREVER | way | {"max_iter": 20}, schedule=Cosine(1e-2, n)).fit(X, y)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_score_that_is_never_a_number_stops_and_keeps_the_last_weights(refit, batch_norm):
    way = {"random_state": 0, "learning_rate_init": 0.01, "batch_norm": batch_norm}
    model = MLPClassifier(
        **way, early_stopping=True, patience=7, refit=refit, monitor=lambda e, X, y: np.nan
    )
    with pytest.warns(UserWarning, match="validation score is NaN in each of 7 epochs"):
        model.fit(X, y)
    assert model.n_iter_ == 7
    if refit:
        learned = MLPClassifier(**way, max_iter=7, n_iter_no_change=99).fit(X, y)
        assert_array_equal(weights(model), weights(learned))
    assert model.score(X, y) > 0.5


def test_a_score_that_is_sometimes_no_number_counts_as_none():
    scores = iter([0.1, 0.5, np.nan, 0.3, np.nan, 0.9])
    model = MLPClassifier(
        **FOREVER | {"n_iter_no_change": 2}, early_stopping=True, max_iter=50,
        monitor=lambda e, X, y: next(scores),
    ).fit(X, y)  # fmt: skip
    assert (model.n_iter_, model._best[1], model.best_validation_score_) == (5, 2, 0.5)


def test_what_diverges_at_once_is_no_model():
    model = MLPRegressor(early_stopping=True, random_state=0)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(XR * 1e150, YR * 1e150)
