"""preset="tabular", and sparse input."""

import tracemalloc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from fastnn import Scale
from fastnn.estimators import MLPClassifier, MLPRegressor, ensemble, presets
from fastnn.estimators.schedules import cosine
from fastnn.estimators.scoring import log_likelihood
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
    one = {"preset": "tabular", "n_members": 1, "random_state": 0}
    model = MLPClassifier(max_iter=2, **one).fit(XD, YD)
    layers = model._machine.layers
    assert layers[0] == Scale(rate=6.0)
    assert [layer.units for layer in layers if hasattr(layer, "units")] == [256, 256, 256, 10]
    assert layers[1].rate == pytest.approx(1 / 8)
    assert layers[1].bias_rate == 0.1
    assert model.coefs_[0].dtype == np.float32
    fresh = MLPRegressor(max_iter=1, learning_rate_init=1e-30, **one)
    fresh.fit(XD, YD)
    assert fresh.coefs_[1].std() == pytest.approx(1 / 16, rel=0.02)
    assert fresh.intercepts_[0].std() == pytest.approx(1, rel=0.2)
    assert np.abs(fresh.coefs_[-1]).max() < 1e-20
    assert fresh._machine.layers[2].name == "Mish"


def test_what_is_set_by_hand_stays():
    model = MLPClassifier((20,), preset="tabular", max_iter=3, label_smoothing=0.3, random_state=0)
    assert [m.coefs_[0].shape[1] for m in model.fit(XD, YD).estimators_] == [20] * 5
    assert model.n_iter_ == 3
    assert model.get_params()["schedule"] is None


@pytest.mark.parametrize(
    ("load", "cls", "least"),
    [(load_breast_cancer, MLPClassifier, 0.92), (load_diabetes, MLPRegressor, 0.25)],
)
def test_it_learns_tables(load, cls, least):
    X, Xt, y, yt = train_test_split(*load(return_X_y=True), random_state=0)
    model = cls(preset="tabular", n_units=32, max_iter=60, random_state=0).fit(X, y)
    assert model.score(Xt, yt) > least
    for member in model.estimators_:
        assert member.best_validation_score_ == max(member.validation_scores_)


def test_the_preset_is_five_small_networks(monkeypatch):
    monkeypatch.setattr(presets, "FEW_ROWS", 1000)
    held = []
    split = ensemble._splits
    monkeypatch.setattr(ensemble, "_splits", lambda *a: held.extend(split(*a)) or held)
    for n, units, batch in ((999, 64, 64), (1000, 128, 256)):
        held.clear()
        model = MLPClassifier(preset="tabular", max_iter=2, random_state=0).fit(XD[:n], YD[:n])
        assert [m.coefs_[1].shape for m in model.estimators_] == [(units, units)] * 5
        assert {m._settings(False).batch_size for m in model.estimators_} == {batch}
        assert_array_equal(np.sort(np.concatenate([s["split"][1] for s in held])), np.arange(n))
    assert len(model.coefs_) == len(model.loss_curve_) == 5


def test_the_papers_single_network_is_one_that_is_asked_for():
    model = MLPClassifier(preset="tabular", n_members=1, max_iter=2, random_state=0).fit(XD, YD)
    assert not hasattr(model, "estimators_")
    assert model.coefs_[1].shape == (256, 256)


@pytest.mark.parametrize(
    ("parameters", "widths"),
    [
        ({"n_members": 1}, [256]),
        ({"n_members": 2}, [256] * 2),
        ({"hidden_layer_sizes": np.array([30, 40])}, [30] * 5),
        ({"n_layers": 1, "n_units": 7}, [7] * 5),
        ({"n_layers": 1}, [64] * 5),
        ({"solver": "lbfgs"}, [256]),
    ],
    ids=str,
)
def test_what_is_set_by_hand_stays_with_few_rows(parameters, widths):
    model = MLPRegressor(preset="tabular", max_iter=1, random_state=0, **parameters)
    model.fit(XD[:60, 20:30], YD[:60])
    members = getattr(model, "estimators_", [model])
    assert [m.coefs_[0].shape[1] for m in members] == widths


@pytest.mark.parametrize(
    ("parameters", "more"), [({}, 51), ({"n_iter_no_change": 4}, 5), ({"patience": 4}, 4)], ids=str
)
def test_epochs_without_a_better_one_end_it(parameters, more):
    model = MLPRegressor(preset="tabular", n_members=1, n_units=8, random_state=0, **parameters)
    scores = model.fit(XD[:60, 20:30], np.random.default_rng(0).random(60)).validation_scores_
    assert len(scores) == np.argmax(scores) + 1 + more < 256


@pytest.mark.parametrize(("cls", "epochs"), [(MLPClassifier, 30), (MLPRegressor, 60)], ids=str)
def test_few_rows_have_few_epochs_of_one_cosine_unless_they_are_set(cls, epochs):
    X, y = np.repeat(XD[:60, 20:30], 3, axis=0), np.arange(180) % 2
    model = cls(preset="tabular", random_state=0).fit(X, y)
    for member in model.estimators_:
        rates = np.array(member.history_["learning_rate"])
        share = (3 * np.arange(epochs) + 2) / (3 * epochs)
        assert_allclose(rates / rates[0], cosine(share) / cosine(share[0]))
        # 144 rows are learned from: two batches of 64, and one of the rest.
        assert member._machine.step == 3 * epochs
    own = {"max_iter": 30, "batch_size": 40, "patience": 2, "schedule": "coslog4"}
    set_by_hand = cls(preset="tabular", random_state=0, **own).fit(X, y)
    for member in set_by_hand.estimators_:
        assert {name: getattr(member, name) for name in own} == own
        scores = member.validation_scores_
        assert len(scores) == min(30, np.argmax(scores) + 1 + 2)
        assert member._machine.step == 4 * len(scores)


def test_few_rows_with_a_validation_set_or_in_parts_are_learned_by_one_network():
    model = MLPClassifier(preset="tabular", n_units=8, max_iter=40, random_state=0)
    model.fit(XD[:100], YD[:100], X_val=XD[100:150], y_val=YD[100:150])
    assert model.coefs_[0].shape == (64, 8)
    assert model.best_validation_score_ == max(model.validation_scores_) > np.log(0.2)
    p = model.predict_proba(XD[100:150])[np.arange(50), YD[100:150]]
    # It is of before the temperature, which makes these rows likelier.
    assert model.best_validation_score_ < np.log(p).mean() < model.best_validation_score_ + 0.1
    with pytest.warns(UserWarning, match="'coslog4' is over.*go on with schedule="):
        model.partial_fit(XD[:30], YD[:30])
    assert model.coefs_[0].shape == (64, 8)
    first = MLPClassifier(preset="tabular", n_units=8, random_state=0)
    assert hasattr(first.partial_fit(XD[:30], YD[:30], classes=range(10)), "coefs_")


def test_a_warm_start_keeps_the_number_of_networks():
    model = MLPRegressor(preset="tabular", n_units=4, max_iter=2, warm_start=True, random_state=0)
    first = model.fit(XD[:100], YD[:100]).estimators_
    assert model.fit(XD, YD).estimators_ is first
    one = MLPRegressor(preset="tabular", n_units=4, max_iter=2, warm_start=True, random_state=0)
    assert not hasattr(one.fit(XD[:9], YD[:9]).fit(XD[:100], YD[:100]), "estimators_")


def test_rows_too_few_for_five_parts_and_classes_too_rare():
    model = MLPClassifier(preset="tabular", n_units=4, max_iter=3, random_state=0)
    few = model.fit(XD[:9], YD[:9] % 2)
    assert not hasattr(few, "estimators_")
    labels = np.repeat([0, 1, 2], [40, 38, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(XD[:80], labels).predict_proba(XD).shape == (len(XD), 3)
        each = model.fit(XD[:12], np.arange(12))
    assert [len(m.classes_) for m in each.estimators_] == [12] * 5


def test_a_schedule_that_comes_to_its_end_is_no_reason_to_warn():
    model = MLPClassifier((8,), early_stopping=True, n_members=1, max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(XD, YD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(schedule="cosine").fit(XD, YD)
        model.set_params(schedule=None, preset="tabular").fit(XD, YD)


def test_the_members_share_the_time(monkeypatch):
    monkeypatch.setattr(ensemble, "get_num_threads", lambda: 2)
    model = MLPClassifier(preset="tabular", n_units=4, max_iter=2, max_time=6.0, random_state=0)
    model.fit(XD[:100], YD[:100])
    assert [m.max_time for m in model.estimators_] == [2.0] * 5  # three after each other


def test_a_preset_taken_back_leaves_nothing_behind():
    model = MLPClassifier((8,), preset="tabular", n_members=1, max_iter=3, random_state=0)
    model.fit(XD, YD).set_params(preset=None).fit(XD, YD)
    fresh = MLPClassifier((8,), n_members=1, max_iter=3, random_state=0).fit(XD, YD)
    assert_array_equal(model.predict_proba(XD), fresh.predict_proba(XD))


def test_log_likelihood_by_hand():
    p = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])
    by_label = np.log([0.8, 0.5, np.finfo(np.float64).eps])
    y = np.array([1, 0, 1])
    assert log_likelihood(y, p, None) == pytest.approx(by_label.mean())
    assert log_likelihood(y, p, np.array([1, 3, 0])) == pytest.approx(by_label @ [0.25, 0.75, 0])
    smoothed = np.array([[0.95, 0.05], [0.05, 0.95], [0.95, 0.05]])
    of_rows = np.log(0.2 * 0.2), np.log(0.5 * 0.5), 0.0
    assert log_likelihood(smoothed, p, None) == pytest.approx(np.mean(of_rows))


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
        preset="tabular", categorical_features=given, n_units=32, max_iter=40, n_members=1,
        random_state=0,
    ).fit(frame, target)  # fmt: skip
    assert model._machine.n_in == 2 + 3 + 1
    assert model.n_features_in_ == 4
    assert model.score(frame, target) > 0.95
    other = frame.assign(kind="never seen")
    assert np.isfinite(model.predict_proba(other)).all()


def test_two_categories_are_one_column_of_both_signs():
    X = np.array([["a", "x", "p"], ["b", "y", "q"], ["a", "z", "q"], ["b", "x", "q"]], object)
    encoder = TableEncoder([0, 1, 2])
    encoder.fit_transform(X, Columns(3))
    found = encoder._numbers(X, Columns(3))
    assert_array_equal(found[:, 0], [1, -1, 1, -1])
    assert_array_equal(found[:, 1:4], np.eye(3)[[0, 1, 2, 0]])
    assert_array_equal(found[:, 4], [1, -1, -1, -1])
    unseen = np.array([["c", "w", "r"]], object)
    assert_array_equal(encoder._numbers(unseen, Columns(3)), np.zeros((1, 5)))


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


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_have_their_weights(solver):
    weight = np.random.default_rng(0).random(len(XD))
    model = MLPClassifier((16,), solver=solver, max_iter=5, random_state=0)
    dense = model.fit(XD, YD, weight).predict_proba(XD)
    found = model.fit(sparse.csr_matrix(XD), YD, weight).predict_proba(XD)
    assert_allclose(found, dense, atol=1e-10)


def test_sparse_lbfgs_adds_blocks_up(monkeypatch):
    from fastnn.estimators import rows

    model = MLPClassifier((16,), solver="lbfgs", max_iter=8, random_state=0)
    dense = model.fit(XD, YD).predict_proba(XD)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 100 * 64 * 8)
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
