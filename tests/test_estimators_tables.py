"""preset="tabular", and sparse input."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split

from fastnn import Scale
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.tables import TableEncoder

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
XD, YD = load_digits(return_X_y=True)


class Columns:
    """What the encoder asks of an estimator."""

    def __init__(self, n):
        self.n_features_in_ = n


def test_robust_scaling_with_smooth_clipping_by_hand():
    rng = np.random.default_rng(0)
    X = rng.normal(5, 2, (101, 4)) ** 3
    X[:, 1] = (np.arange(101) > 95) * 4.0  # its quartiles are equal: half the range counts
    X[:, 2] = 7
    found = TableEncoder(None).fit_transform(X, Columns(4))
    low, median, high = np.percentile(X, [25, 50, 75], axis=0)
    scaled = (X - median) / np.where(high > low, high - low, 2.0)
    expected = scaled / np.sqrt(1 + (scaled / 3) ** 2)
    assert found.dtype == np.float32
    assert_allclose(found[:, [0, 1, 3]], expected[:, [0, 1, 3]], rtol=1e-6, atol=1e-7)
    assert_array_equal(found[:, 2], 0)
    encoder = TableEncoder(None)
    encoder.fit_transform(X, Columns(4))
    assert_allclose(encoder.transform(np.full((1, 4), 1e300), Columns(4)), [[3, 3, 0, 3]])


def test_the_network_is_that_of_the_paper():
    model = MLPClassifier(preset="tabular", max_iter=2, random_state=0).fit(XD, YD)
    layers = model._machine.layers
    assert layers[0] == Scale(rate=6.0)
    assert [layer.units for layer in layers if hasattr(layer, "units")] == [256, 256, 256, 10]
    assert layers[1].rate == pytest.approx(1 / 8)
    assert layers[1].bias_rate == 0.1
    assert model.coefs_[0].dtype == np.float32
    fresh = MLPRegressor(preset="tabular", max_iter=1, learning_rate_init=1e-30, random_state=0)
    fresh.fit(XD, YD)
    assert fresh.coefs_[1].std() == pytest.approx(1 / 16, rel=0.02)
    assert fresh.intercepts_[0].std() == pytest.approx(1, rel=0.2)
    assert np.abs(fresh.coefs_[-1]).max() < 1e-20
    assert fresh._machine.layers[2].name == "Mish"


def test_what_is_set_by_hand_stays():
    model = MLPClassifier((20,), preset="tabular", max_iter=3, label_smoothing=0.3, random_state=0)
    assert model.fit(XD, YD).coefs_[0].shape == (64, 20)
    assert model.n_iter_ == 3
    assert model.get_params()["schedule"] is None


@pytest.mark.parametrize(
    ("load", "cls", "least"),
    [(load_breast_cancer, MLPClassifier, 0.92), (load_diabetes, MLPRegressor, 0.25)],
)
def test_it_learns_tables(load, cls, least):
    X, Xt, y, yt = train_test_split(*load(return_X_y=True), random_state=0)
    model = cls(preset="tabular", n_units=64, max_iter=60, random_state=0).fit(X, y)
    assert model.score(Xt, yt) > least
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize(
    "given", ["from_dtype", ["kind", "flag"], [1, 3], [False, True, False, True]]
)
def test_categories_become_columns(given):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "a": rng.normal(size=200), "kind": rng.choice(list("uvw"), 200), "b": rng.normal(size=200),
        "flag": rng.random(200) > 0.5,
    })  # fmt: skip
    target = ((frame["kind"] == "u") ^ frame["flag"]).astype(int)
    model = MLPClassifier(
        preset="tabular", categorical_features=given, n_units=32, max_iter=40, random_state=0
    ).fit(frame, target)
    assert model._machine.n_in == 2 + 3 + 2
    assert model.n_features_in_ == 4
    assert model.score(frame, target) > 0.95
    other = frame.assign(kind="never seen")
    assert np.isfinite(model.predict_proba(other)).all()


@pytest.mark.parametrize(
    ("given", "error"),
    [(["c"], "expected names of columns"), ([64], "expected columns from 0 to 63"),
     ([True, False], r"expected \(64,\)")],
)  # fmt: skip
def test_categories_that_are_not_there(given, error):
    with pytest.raises(ValueError, match=error):
        MLPClassifier(preset="tabular", categorical_features=given).fit(XD, YD)


# ----------------------------------------------------------------------- sparse


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "sgd"},
        {"early_stopping": True},
        {"normalize": "standard", "dropout": 0.1},
    ],
    ids=str,
)
def test_sparse_rows_train_as_dense_ones(form, parameters):
    model = MLPClassifier((16,), max_iter=5, random_state=0, **parameters)
    dense = model.fit(XD, YD).predict_proba(XD)
    assert_allclose(model.fit(form(XD), YD).predict_proba(form(XD)), dense, atol=1e-10)
    assert_allclose(model.decision_function(form(XD)), model.decision_function(XD), atol=1e-10)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_have_their_weights(solver):
    weight = np.random.default_rng(0).random(len(XD))
    model = MLPClassifier((16,), solver=solver, max_iter=5, random_state=0)
    dense = model.fit(XD, YD, weight).predict_proba(XD)
    found = model.fit(sparse.csr_matrix(XD), YD, weight).predict_proba(XD)
    assert_allclose(found, dense, atol=1e-10)


def test_sparse_lbfgs_adds_blocks_up(monkeypatch):
    from fastnn.estimators import full_batch

    model = MLPClassifier((16,), solver="lbfgs", max_iter=8, random_state=0)
    dense = model.fit(XD, YD).predict_proba(XD)
    monkeypatch.setattr(full_batch, "BLOCK_BYTES", 100 * 64 * 8)
    assert_allclose(model.fit(sparse.csr_matrix(XD), YD).predict_proba(XD), dense, atol=1e-9)


def test_a_large_sparse_table_is_never_dense():
    rng = np.random.default_rng(0)
    n, width = 20_000, 3_000
    X = sparse.random_array((n, width), density=1e-3, format="csr", rng=rng)
    y = np.asarray(X[:, :1500].sum(axis=1) > X[:, 1500:].sum(axis=1)).ravel()
    model = MLPClassifier((4,), max_iter=1, random_state=0)
    tracemalloc.start()
    model.fit(X, y).predict(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n * width * 8 / 6


def test_what_sparse_tables_cannot_have():
    X = sparse.csr_matrix(XD)
    with pytest.raises(TypeError, match="X is sparse"):
        MLPClassifier(preset="tabular").fit(X, YD)
    with pytest.raises(ValueError, match='normalize is "robust"'):
        MLPClassifier(normalize="robust").fit(X, YD)
