"""Clients outside scikit-learn give the same numbers of ours as of scikit-learn's MLP.

They run where they are installed; none of them is needed otherwise.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

from fastnn import estimators

pytestmark = [pytest.mark.nightly, pytest.mark.filterwarnings("ignore")]
MODULES = neural_network, estimators
X, y = load_iris(return_X_y=True)
X = scale(X)
XR, YR = load_diabetes(return_X_y=True)
XR, YR = XR[:150] * 20, YR[:150] / 100
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 20, "learning_rate_init": 0.02, "random_state": 0}


def both(answer):
    """What a client answers around theirs, and around ours."""
    return [np.asarray(answer(m), float) for m in MODULES]


def agree(answer):
    assert_allclose(*both(answer)[::-1], rtol=1e-6, atol=1e-8)


def mlp(m, **more):
    return m.MLPClassifier(**QUICK | more)


def test_imbalanced_learn():
    over = pytest.importorskip("imblearn.over_sampling")
    ensemble = pytest.importorskip("imblearn.ensemble")
    pipeline = pytest.importorskip("imblearn.pipeline")
    rare = np.r_[0:50, 50:65, 100:120]

    def sampled(m):
        steps = over.RandomOverSampler(random_state=0), mlp(m)
        return pipeline.make_pipeline(*steps).fit(X[rare], y[rare]).predict_proba(X)

    def bagged(m):
        model = ensemble.BalancedBaggingClassifier(mlp(m), 3, random_state=0)
        return model.fit(X[rare], y[rare]).predict_proba(X)

    agree(sampled)
    agree(bagged)


def test_mlxtend():
    classifier = pytest.importorskip("mlxtend.classifier")
    evaluate = pytest.importorskip("mlxtend.evaluate")
    feature_selection = pytest.importorskip("mlxtend.feature_selection")
    agree(lambda m: classifier.EnsembleVoteClassifier([mlp(m), mlp(m, alpha=1)], voting="soft")
          .fit(X, y).predict_proba(X))  # fmt: skip
    agree(lambda m: classifier.StackingCVClassifier([mlp(m)], mlp(m), cv=3, use_probas=True,
          random_state=0).fit(X, y).predict_proba(X))  # fmt: skip
    agree(lambda m: feature_selection.SequentialFeatureSelector(mlp(m), 2, cv=3).fit(X, y)
          .k_feature_idx_)  # fmt: skip
    agree(lambda m: evaluate.bias_variance_decomp(
        mlp(m), X[::2], y[::2], X[1::2], y[1::2], loss="0-1_loss", num_rounds=3, random_seed=0
    ))  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"n_members": 2}, {"early_stopping": True}], ids=str)
def test_skops(more, tmp_path):
    io = pytest.importorskip("skops.io")
    model = estimators.MLPClassifier(**QUICK | more).fit(X, y)
    io.dump(model, tmp_path / "model.skops")
    trusted = io.get_untrusted_types(file=tmp_path / "model.skops")
    again = io.load(tmp_path / "model.skops", trusted=trusted)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_mapie():
    classification = pytest.importorskip("mapie.classification")
    regression = pytest.importorskip("mapie.regression")

    def sets(m):
        model = classification.SplitConformalClassifier(mlp(m).fit(X[::2], y[::2]), 0.9)
        return model.conformalize(X[1::2], y[1::2]).predict_set(X)[1]

    def intervals(m):
        fitted = m.MLPRegressor(**QUICK).fit(XR[::2], YR[::2])
        model = regression.SplitConformalRegressor(fitted, 0.9)
        return model.conformalize(XR[1::2], YR[1::2]).predict_interval(XR)[1]

    agree(sets)
    agree(intervals)


def test_shap():
    shap = pytest.importorskip("shap")

    def explained(m):
        fitted = mlp(m).fit(X, y)
        return shap.KernelExplainer(fitted.predict_proba, X[:10]).shap_values(X[:3], silent=True)

    def permuted(m):
        fitted = m.MLPRegressor(**QUICK).fit(XR, YR)
        return shap.PermutationExplainer(fitted.predict, XR[:20], seed=0)(XR[:3]).values

    agree(explained)
    agree(permuted)


def test_dask_ml():
    wrappers = pytest.importorskip("dask_ml.wrappers")
    array = pytest.importorskip("dask.array")
    rows = array.from_array(X, chunks=(50, 4)), array.from_array(y, chunks=50)

    def in_parts(m):
        model = wrappers.Incremental(mlp(m), shuffle_blocks=False)
        return model.fit(*rows, classes=[0, 1, 2]).predict(rows[0]).compute()

    def afterwards(m):
        model = wrappers.ParallelPostFit(mlp(m)).fit(X, y)
        return model.predict_proba(rows[0]).compute()

    agree(in_parts)
    agree(afterwards)


def test_optuna_integration():
    optuna = pytest.importorskip("optuna")
    search = pytest.importorskip("optuna_integration.sklearn")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {"alpha": optuna.distributions.FloatDistribution(1e-4, 1, log=True)}

    def found(m):
        model = search.OptunaSearchCV(mlp(m), space, cv=3, n_trials=3, random_state=0)
        return model.fit(X, y).predict_proba(X)

    agree(found)
