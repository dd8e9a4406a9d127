"""Estimators by the preset, and tabular models, that encode the columns of large tables."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import PiecewiseLinearEncoding
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.ensemble import rounds
from fastnn.estimators.presets import ENCODED_ALONE_FROM, ENCODED_FROM
from fastnn.estimators.tables import MOST_ENCODED


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def table(rng, n):
    X = rng.normal(size=(n, 5))
    X[:, 1] = rng.integers(0, 2, n)
    return X, np.sin(4 * X[:, 0]) + X[:, 1]


def encodings(estimator):
    """Of each of its networks, None without one."""
    members = getattr(estimator, "estimators_", [estimator])
    first = [member._machine.layers[0] for member in members]
    return [layer if isinstance(layer, PiecewiseLinearEncoding) else None for layer in first]


def test_the_preset_encodes_columns_of_tables_that_have_rows_enough(rng):
    for members, least in ((None, ENCODED_FROM), (1, ENCODED_ALONE_FROM)):
        for n, wanted in ((least - 1, None), (least, [9, 0, 9, 9, 9])):
            X, y = table(rng, n)
            estimator = MLPRegressor(preset="tabular", random_state=0, n_members=members)
            found = encodings(estimator.fit(X, y))
            assert len(found) == (members or 5)
            assert all(one == found[0] for one in found)
            assert (found[0] and [len(own) for own in found[0].knots]) == wanted
    plain = MLPRegressor(max_iter=1, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        assert encodings(plain.fit(X, y)) == [None]


def test_tables_of_many_columns_of_numbers_are_left_alone(rng):
    y = rng.normal(size=ENCODED_ALONE_FROM)
    for columns, wanted in ((MOST_ENCODED, True), (MOST_ENCODED + 1, False)):
        X = np.column_stack([rng.normal(size=(len(y), columns)), rng.integers(0, 2, (len(y), 9))])
        estimator = MLPRegressor(preset="tabular", n_members=1, random_state=0, max_iter=1)
        assert (encodings(estimator.fit(X, y)) != [None]) == wanted


@pytest.mark.parametrize("members", [1, 2])
def test_numbers_that_are_normalized_once_more_have_no_encoding(members, tmp_path, rng):
    X, y = table(rng, ENCODED_ALONE_FROM)
    given = {"preset": "tabular", "max_iter": 1, "warm_start": True, "random_state": 0}
    estimator = MLPRegressor(**given, n_members=members, normalize="standard").fit(X, y)
    assert encodings(estimator) == [None] * members
    estimator.save(tmp_path / "e.safetensors")
    twin = fastnn.load(tmp_path / "e.safetensors")
    assert_array_equal(twin.fit(X, y).predict(X), estimator.fit(X, y).predict(X))


def test_the_preset_learns_what_bends_often(rng):
    X, y = table(rng, 4000)
    estimator = MLPRegressor(preset="tabular", random_state=0, max_iter=10).fit(X[:3000], y[:3000])
    assert estimator.score(X[3000:], y[3000:]) > 0.98


@pytest.mark.parametrize("members", [1, 2])
def test_an_encoded_estimator_is_saved_exported_and_learns_on(members, tmp_path, rng):
    onnxruntime = pytest.importorskip("onnxruntime")
    X, y = table(rng, ENCODED_ALONE_FROM)
    estimator = MLPClassifier(preset="tabular", n_members=members, random_state=0, max_iter=5)
    estimator.fit(X, y > 0)
    wanted = estimator.predict_proba(X[:50])
    estimator.save(tmp_path / "e.safetensors")
    twins = [fastnn.load(tmp_path / "e.safetensors"), pickle.loads(pickle.dumps(estimator))]
    for twin in (*twins, estimator):
        assert encodings(twin)[0] is not None
        assert encodings(twin) == encodings(estimator)
        assert_array_equal(twin.predict_proba(X[:50]), wanted)
    assert_allclose(estimator.to_numpy()(X[:50]), wanted, atol=1e-5)
    estimator.to_onnx(tmp_path / "e.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "e.onnx")
    assert_allclose(session.run(["probabilities"], {"input": X[:50]})[0], wanted, atol=1e-5)
    for twin in (*twins, estimator):
        twin.set_params(warm_start=True).fit(X, y > 0)
    for twin in twins:
        assert_array_equal(twin.predict_proba(X[:50]), estimator.predict_proba(X[:50]))


def test_a_file_whose_networks_have_other_knots_is_refused(tmp_path, rng):
    X, y = table(rng, ENCODED_ALONE_FROM)
    given = {"preset": "tabular", "n_members": 2, "random_state": 0, "max_iter": 5}
    found = [MLPRegressor(**given).fit(rows, y) for rows in (X, 2 * X**3)]
    found[0].estimators_[1] = found[1].estimators_[1]
    assert None not in encodings(found[0])
    found[0].save(tmp_path / "e.safetensors")
    with pytest.raises(fastnn.ModelFileError, match="do not encode the columns in the same way"):
        fastnn.load(tmp_path / "e.safetensors")


def test_another_fit_takes_knots_of_its_own(rng):
    X, y = table(rng, ENCODED_ALONE_FROM)
    estimator = MLPRegressor(preset="tabular", n_members=1, random_state=0, max_iter=1).fit(X, y)
    first = encodings(estimator)
    estimator.fit(X[:500], y[:500])
    assert encodings(estimator) == [None]
    estimator.fit(X**3, y)
    assert encodings(estimator) not in (first, [None])


def rotated(rng, n=3000):
    """Rows of which no single column tells the class: four clouds, two a class, at the ends of two
    diameters of a circle in a random plane.
    """
    axes = np.linalg.qr(rng.normal(size=(30, 30)))[0][:2]
    corner = rng.integers(0, 4, n)
    angles = np.pi / 2 * corner
    X = 3 * np.column_stack([np.cos(angles), np.sin(angles)]) @ axes + rng.normal(size=(n, 30))
    return X, corner % 2


def trained(monkeypatch):
    """Whether each network that is trained from now on has the encoding, in their sequence."""
    found, learn = [], MLPClassifier._learn

    def noting(estimator, fit):
        found.append(isinstance(fit.machine.layers[0], PiecewiseLinearEncoding))
        learn(estimator, fit)

    monkeypatch.setattr(MLPClassifier, "_learn", noting)
    return found


@pytest.mark.parametrize("warm_start", [False, True])
def test_members_go_without_it_where_the_first_one_does_better_so(warm_start, monkeypatch, rng):
    fastnn.set_num_threads(1)
    order = trained(monkeypatch)
    X, y = rotated(rng)
    estimator = MLPClassifier(preset="tabular", random_state=0, warm_start=warm_start).fit(X, y)
    assert order == [True] + 5 * [False]
    assert encodings(estimator) == [None] * 5
    assert all(member._inputs is estimator._inputs for member in estimator.estimators_)
    # As if there had never been an encoding.
    monkeypatch.setattr("fastnn.estimators.ensemble.ENCODED_FROM", np.inf)
    plain = MLPClassifier(preset="tabular", random_state=0).fit(X, y)
    assert_array_equal(estimator.predict_proba(X[:99]), plain.predict_proba(X[:99]))
    fastnn.set_num_threads(None)


def test_a_tabular_model_goes_without_it_where_its_first_member_does_better_so(monkeypatch, rng):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    order = trained(monkeypatch)
    X, y = rotated(rng, 4000)
    frame = pandas.DataFrame(X).rename(columns="x{}".format).assign(y=np.where(y > 0, "a", "b"))
    model = fastnn.TabularModel("y").fit(frame)
    assert sorted(order) == 5 * [False] + [True]
    assert not any(
        isinstance(member.network.layers[0], PiecewiseLinearEncoding) for member in model.members_
    )


def test_what_is_tried_costs_one_member_more_and_no_callback_hears_of_it(monkeypatch, rng):
    order = trained(monkeypatch)
    X, y = table(rng, ENCODED_ALONE_FROM)
    given = {"preset": "tabular", "random_state": 0, "max_iter": 5}
    estimator = MLPClassifier(**given).fit(X, y > 0)
    assert sorted(order) == [False] + 5 * [True]
    assert len(estimator.estimators_) == len(estimator.loss_curve_) == 5
    order.clear()
    # Where nothing is held out, or a single network trains, nothing can be tried.
    MLPClassifier(**given, n_members=1).fit(X, y > 0)
    with pytest.warns(match="lbfgs"):
        MLPClassifier(**given, n_members=2, solver="lbfgs").fit(X, y > 0)
    assert order == 3 * [True]


def test_time_is_divided_by_the_rounds_that_training_takes():
    assert [rounds(5, threads, False) for threads in (1, 2, 3, 5)] == [5, 3, 2, 1]
    assert [rounds(5, threads, True) for threads in (1, 2, 3, 4, 5)] == [6, 3, 3, 2, 2]


def test_a_tabular_model_encodes_its_columns(tmp_path, rng):
    pandas = pytest.importorskip("pandas")
    X, y = table(rng, 1000)
    frame = pandas.DataFrame(X, columns=list("abcde")).assign(
        kind=np.where(y > 0, "yes", "no"), y=y
    )
    model = fastnn.TabularModel("y", settings={"max_iter": 1}).fit(frame)
    found = [member.network.layers[0] for member in model.members_]
    assert all(isinstance(layer, PiecewiseLinearEncoding) for layer in found)
    wanted = model.predict(frame[:50])
    model.save(tmp_path / "m.safetensors")
    assert_array_equal(fastnn.load(tmp_path / "m.safetensors").predict(frame[:50]), wanted)
    columns = {name: frame[name].to_numpy()[:50] for name in frame}
    assert_allclose(model.to_numpy()(columns)[:, 0], wanted, rtol=1e-4, atol=1e-5)
