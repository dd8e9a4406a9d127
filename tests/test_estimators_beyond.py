"""What the estimators have beyond scikit-learn's."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError

import fastnn
from fastnn.estimators import MLPClassifier, MLPRegressor, schedules, stochastic
from fastnn.estimators.labels import log_odds
from fastnn.history import NOT_MEASURES
from fastnn.losses import Huber, LogPoisson, Pinball

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
XR, YR = load_diabetes(return_X_y=True)


def classifier(**parameters):
    defaults = {"max_iter": 60, "learning_rate_init": 0.01, "batch_size": 32, "random_state": 0}
    return MLPClassifier(**defaults | parameters)


def regressor(**parameters):
    defaults = {"max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
    return MLPRegressor(normalize_y=True, normalize="standard", **defaults | parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"batch_norm": True},
        {"dropout": 0.2, "input_dropout": 0.05},
        {"init": "he_normal", "activation": "leaky_relu"},
        {"init": fastnn.initializers.Orthogonal(), "activation": "mish"},
        {"init": "lecun_normal", "activation": "selu", "normalize": "standard"},
        {"optimizer": "adamw"},
        {"optimizer": "rprop", "batch_size": 150},
        {"optimizer": "lbfgs"},
        {"optimizer": fastnn.LBFGS()},
        {"optimizer": fastnn.NAdam(3e-3)},
        {"schedule": "cosine"},
        {"schedule": "coslog4"},
        {"schedule": lambda steps: 0.02 / (1 + steps / 100)},
        {"warmup": 10},
        {"clip_norm": 0.5},
        {"l1": 0.1},
        {"normalize": "robust"},
        {"label_smoothing": 0.1},
        {"loss": "squared_error"},
        {"loss": fastnn.losses.CrossEntropy(0.05)},
        {"class_weight": "balanced"},
        {"n_layers": 2, "n_units": 20},
        {"n_members": 3},
    ],
    ids=str,
)
def test_classifies(parameters):
    model = classifier(**parameters).fit(X, y)
    assert model.score(X, y) > 0.9
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    again = classifier(**parameters).fit(X, y)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile", Huber(2)])
def test_regresses_with_each_loss(loss):
    assert regressor(loss=loss).fit(XR, YR).score(XR, YR) > 0.5


def test_several_quantiles_at_once():
    model = regressor(loss=Pinball((0.1, 0.5, 0.9)), early_stopping=True).fit(XR, YR)
    low, _, high = model.predict(XR).T
    assert 0.6 < np.mean((low < YR) & (high > YR)) < 0.95
    assert len(model.validation_scores_) == model.n_iter_


def test_class_weights_count_as_sample_weights():
    weighted = classifier(class_weight={0: 1, 1: 5, 2: 0.5}).fit(X, y)
    by_row = classifier().fit(X, y, sample_weight=np.array([1, 5, 0.5])[y])
    assert_array_equal(weighted.predict_proba(X), by_row.predict_proba(X))


def test_balanced_weights_need_all_rows():
    with pytest.raises(ValueError, match="partial_fit sees only some of the rows"):
        classifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_label_smoothing_of_two_classes_bounds_the_answer():
    model = classifier(label_smoothing=0.2, max_iter=300, learning_rate_init=0.05)
    p = model.fit(X, y == 0).predict_proba(X)
    assert 0.08 < np.median(p[y == 0, 0]) < 0.12
    assert 0.08 < np.median(p[y > 0, 1]) < 0.12


def test_l1_gives_exact_zeros():
    W = classifier(l1=1.0, alpha=0).fit(X, y).coefs_[0]
    assert np.mean(W == 0) > 0.02
    assert np.mean(classifier().fit(X, y).coefs_[0] == 0) == 0


@pytest.mark.parametrize("target", [y == 1, y, np.eye(3)[y].astype(int)], ids=["2", "3", "labels"])
def test_decision_function_is_the_log_odds_of_the_mean_probability(target):
    model = classifier(n_members=2).fit(X, target)
    p, odds = model.predict_proba(X), model.decision_function(X)
    assert odds.shape == ((150,) if target.dtype == bool else (150, 3))
    expected = p[:, 1] if odds.ndim == 1 else p
    assert_allclose(1 / (1 + np.exp(-odds)), expected, atol=1e-12)


def test_decisions_are_finite_and_ordered_where_probabilities_are_not():
    z = np.array([[[800.0, 0.0, -800.0], [40.0, 0.0, 0.0]], [[700, 0, 0], [38.0, 0.0, 0.0]]])
    odds = log_odds(z, "softmax")
    # 1 - p is (e^-800 + 2 e^-700) / 2 in the first row, (2 e^-40 + 2 e^-38) / 2 in the second.
    assert_allclose(odds[0, 0], 700.0)
    assert_allclose(odds[1], [38 - np.log1p(np.exp(-2)), *[np.log((1 + np.exp(-2)) / 2) - 38] * 2])
    assert_allclose(log_odds(np.array([[[1e4]], [[1e4]]]), "logistic"), [[1e4]])
    rows = np.linspace(-5, 5, 200)[:, None] * np.ones(3)
    for target in (rows[:, 0] > 0, np.digitize(rows[:, 0], [-2, 2])):
        model = classifier(n_members=3, max_iter=300).fit(rows, target)
        assert np.isfinite(model.decision_function(1e3 * rows)).all()


def test_a_single_network_has_no_decision_function_as_scikit_learns():
    assert not hasattr(classifier(), "decision_function")
    for parameters in ({"n_members": 2}, {"preset": "tabular"}):
        assert hasattr(classifier(**parameters), "decision_function")


def test_a_validation_set_of_ones_own_is_looked_at_only():
    parts = {"X_val": X[1::2], "y_val": y[1::2]}
    model = classifier().fit(X[::2], y[::2], **parts)
    plain = classifier().fit(X[::2], y[::2])
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert len(model.validation_scores_) == model.n_iter_
    assert model.validation_scores_[-1] == model.score(X[1::2], y[1::2])
    history = model.history_.history
    assert set(history) == {"loss", "val_loss", "val_score"} | set(NOT_MEASURES)
    p = model.predict_proba(X[1::2])
    assert history["val_loss"][-1] == pytest.approx(-np.log(p[np.arange(75), y[1::2]]).mean())


def test_early_stopping_on_a_validation_set_of_ones_own():
    weight = np.linspace(0, 1, 75)
    model = classifier(early_stopping=True, patience=4, max_iter=500)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2], sample_weight_val=weight)
    assert model.t_ == 75 * model.n_iter_
    assert model.n_iter_ < 500
    best = max(model.validation_scores_)
    assert model.score(X[1::2], y[1::2], weight) == best == model.best_validation_score_
    with pytest.raises(ValueError, match="got X_val, but no y_val"):
        model.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="but no X_val"):
        model.fit(X, y, y_val=y)


@pytest.mark.parametrize("monitor", ["neg_log_loss", lambda e, X, y: -e.predict_proba(X)[0, 0]])
def test_any_scorer_can_be_the_monitor(monitor):
    model = classifier(early_stopping=True, monitor=monitor, max_iter=10).fit(X, y)
    assert all(score < 0 for score in model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_patience_is_the_number_of_epochs_that_bring_nothing():
    model = classifier(patience=3, tol=10.0).fit(X, y)
    assert model.n_iter_ == 4  # the first one is an improvement
    assert classifier(n_iter_no_change=3, tol=10.0).fit(X, y).n_iter_ == 5


def test_max_time():
    model = classifier(max_time=0.05, max_iter=10**7, n_iter_no_change=np.inf).fit(X, y)
    assert sum(model.history_["seconds"]) < 1


def test_a_schedule_by_name_ends_with_the_time(monkeypatch):
    now = [0.0]

    def later():
        now[0] += 1
        return now[0]

    # One second an epoch, at whose end the rates ask for the time.
    monkeypatch.setattr(schedules, "time", SimpleNamespace(perf_counter=later))
    monkeypatch.setattr(stochastic, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    settings = {"max_iter": 1000, "n_iter_no_change": np.inf, "max_time": 10.0}
    model = classifier(schedule="cosine", **settings).fit(X, y)
    shares = np.arange(len(model.loss_curve_)) / 10
    shares[0] = 4 / 5000
    expected = 0.005 * (1 + np.cos(np.pi * shares))
    assert_allclose(model.history_["learning_rate"], expected, atol=1e-12)
    assert model.n_iter_ == 11
    # By steps it is as before, where these are more than the time.
    quick = classifier(schedule="cosine", **settings | {"max_iter": 5}).fit(X, y)
    steps = np.arange(4, 25, 5) / 25
    assert_allclose(quick.history_["learning_rate"], 0.005 * (1 + np.cos(np.pi * steps)))


def test_schedule_and_warmup_are_the_learning_rates():
    model = classifier(schedule="cosine", warmup=4, max_iter=8, n_iter_no_change=np.inf).fit(X, y)
    steps = np.arange(8 * 5)
    expected = 0.005 * (1 + np.cos(np.pi * steps / 40)) * np.minimum((steps + 1) / 20, 1)
    assert_allclose(model.history_["learning_rate"], expected[4::5])


def test_an_ensemble_and_its_spread():
    model = regressor(n_members=3).fit(XR, YR)
    each = np.stack([member.predict(XR) for member in model.estimators_])
    assert_allclose(model.predict(XR), each.mean(axis=0))
    assert_allclose(model.predict_std(XR), each.std(axis=0))
    assert each.std(axis=0).min() > 0
    p = classifier(n_members=2).fit(X, y).predict_std(X)
    assert p.shape == (150, 3)
    with pytest.raises(NotFittedError, match="no members to differ"):
        regressor().fit(XR, YR).predict_std(XR)


def test_members_hold_out_each_row_once():
    model = classifier(n_members=3, early_stopping=True, max_iter=5).fit(X, y)
    assert [member.t_ for member in model.estimators_] == [500] * 3
    parts = classifier(n_members=2, max_iter=3, n_iter_no_change=np.inf)
    whole = classifier(n_members=2, max_iter=3, n_iter_no_change=np.inf).fit(X, y)
    for _ in range(3):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_refit_takes_all_rows_for_the_best_number_of_epochs():
    parameters = {"early_stopping": True, "random_state": 0, "normalize": "standard"}
    model = classifier(refit=True, **parameters).fit(X, y)
    best = int(np.argmax(model.validation_scores_)) + 1
    alone = classifier(normalize="standard", max_iter=best, n_iter_no_change=np.inf).fit(X, y)
    assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert len(model.loss_curve_) == model.n_iter_ > best


def test_gradient_of_a_sum_and_of_a_mean_are_one_under_any_optimizer_of_ours():
    several = np.eye(3)[y].astype(int)
    a = classifier(optimizer=fastnn.Adam(0.01, epsilon=1e-30)).fit(X, several)
    b = classifier(epsilon=1e-30).fit(X, several)
    assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"n_layers": 2, "hidden_layer_sizes": (3, 4)}, "expected one size for all layers"),
        ({"dropout": 1.0}, "dropout"),
        ({"optimizer": "adamm"}, "optimizer"),
        ({"preset": "images"}, "preset"),
        ({"solver": "lbfgs", "l1": 0.1}, "LBFGS needs a smooth loss"),
        ({"optimizer": "rprop"}, "needs the full batch"),
        ({"schedule": lambda steps: -1.0 * steps - 1}, "the schedule gave the learning rate"),
    ],
    ids=str,
)
def test_refused_with_a_sentence(parameters, error):
    with pytest.raises(ValueError, match=error):
        classifier(**parameters).fit(X, y)


def test_negative_counts_are_refused():
    for loss in ("poisson", fastnn.losses.LogPoisson()):
        with pytest.raises(ValueError, match="expects counts, so nothing below 0"):
            MLPRegressor(loss).fit(XR, -YR)
    with pytest.raises(ValueError, match="without normalize_y for counts"):
        MLPRegressor("poisson", normalize_y=True).fit(XR, YR)


@pytest.mark.parametrize(
    ("model", "loss", "error"),
    [
        (MLPClassifier, Pinball(0.5), "none for a classifier"),
        (MLPRegressor, fastnn.losses.CrossEntropy(), "none for a regressor"),
        (MLPRegressor, fastnn.losses.Poisson(), "which needs outputs above 0"),
        (MLPRegressor, Huber(reduction="sum"), "leave reduction at its default"),
    ],
)
def test_losses_that_do_not_fit(model, loss, error):
    with pytest.raises(ValueError, match=error):
        model(loss=loss).fit(X, y)


def test_both_cross_entropies_are_the_log_loss():
    for target in (y, y == 1):
        plain = classifier(label_smoothing=0.1).fit(X, target).predict_proba(X)
        loss = fastnn.losses.CrossEntropy(0.1)
        assert_array_equal(classifier(loss=loss).fit(X, target).predict_proba(X), plain)
    own = classifier(loss=fastnn.losses.BinaryCrossEntropy()).fit(X, y).predict_proba(X)
    assert_array_equal(own, classifier().fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    ("X_val", "y_val", "error"),
    [
        (X[:50], y[:30], "inconsistent numbers of samples"),
        (X[:, :2], y, "X has 2 features"),
        (X, y + 5, "classes not in `self.classes_`"),
        (X, np.eye(3)[y].astype(int), "y_val has shape"),
    ],
)
def test_validation_sets_that_do_not_fit(X_val, y_val, error):
    with pytest.raises(ValueError, match=error):
        classifier().fit(X, y, X_val=X_val, y_val=y_val)


def test_validation_targets_that_do_not_fit():
    with pytest.raises(ValueError, match="y_val has shape"):
        regressor().fit(XR, YR, X_val=XR, y_val=np.stack([YR, YR], axis=1))


@pytest.mark.parametrize("loss", ["poisson", LogPoisson()])
@pytest.mark.parametrize("members", [None, 1])
def test_the_preset_learns_counts(loss, members):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = rng.poisson(np.exp(X[:, 0]))
    model = MLPRegressor(preset="tabular", loss=loss, n_members=members, random_state=0).fit(X, y)
    assert np.corrcoef(model.predict(X), np.exp(X[:, 0]))[0, 1] > 0.9
    assert (model.predict(X) > 0).all()
