"""Numbers too large to learn from and weights that leave nothing to learn from are said."""

import warnings

import numpy as np
import pytest

from fastnn import SGD, Adam, BatchNorm, Dense, ReLU, Sequential, Softmax, Standardize
from fastnn.inputs.arrays import as_features

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
y = (X[:, 0] > 0).astype(int)
SOME = np.where(np.arange(200) < 150, 0.0, 1.0)


def network(*first, dtype="float32", optimizer="adam"):
    model = Sequential([*first, Dense(8), BatchNorm(), ReLU(), Dense(2), Softmax()], 0, dtype)
    model.compile(optimizer)
    return model


@pytest.mark.parametrize("n", [200, 20_000])
@pytest.mark.parametrize("form", [np.float32, np.float64])
def test_features_whose_squares_overflow_are_refused(n, form):
    model = network()
    large = np.ones((n, 4), form)
    large[n - 3, 2] = -1e30
    with pytest.raises(
        ValueError, match=rf"X holds -1e\+30 at row {n - 3}, column 2; .*1\.845e\+19"
    ):
        model.fit(large, np.zeros(n, int), verbose=0)
    assert model.epoch == 0
    large[n - 3, 2] = 1.8e19
    assert as_features(large, dtype=np.float32, squares=True) is large


def test_standardize_and_double_precision_take_them():
    for model in (network(Standardize()), network(dtype="float64")):
        before = model.build(4).get_weights()
        model.fit(1e30 * X, y, 5, verbose=0)
        moved = [np.abs(a - b).max() for a, b in zip(model.get_weights(), before, strict=True)]
        assert max(moved[-2:]) > 1e-3
    with pytest.raises(ValueError, match=r"1e\+200 at row 0.*1\.341e\+154.*float64"):
        network(dtype="float64").fit(np.full((9, 4), 1e200), np.zeros(9, int), verbose=0)


@pytest.mark.parametrize("optimizer", [Adam(), SGD(1e-30)], ids=["adam", "sgd"])
def test_a_gradient_that_overflows_is_said_once(optimizer):
    model = Sequential([Dense(1)], seed=0)
    model.compile(optimizer, "mse")
    with pytest.warns(UserWarning, match="squares are beyond float32.*rescale X and y"):
        model.fit(1e15 * X, y, 2, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(1e15 * X, y, 2, verbose=0)


def test_batches_of_weight_0_teach_nothing():
    model = network()
    history = model.fit(X, y, 60, 8, shuffle=False, sample_weight=SOME, verbose=0)
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("weight", "others", "match"),
    [
        (np.where(np.arange(200) == 3, -1, 1), {}, "sample_weight holds -1 at row 3"),
        (np.zeros(200), {}, "is 0 in every row"),
        (None, {"validation_data": (X, y, np.zeros(200))}, "validation sample_weight is 0 in ev"),
        (SOME, {"validation_split": np.arange(9)}, "0 in all of the 9 rows .*for validation"),
        (1 - SOME, {"validation_split": np.arange(150)}, "0 in all of the 50 rows .*for training"),
    ],
)
def test_weights_that_leave_nothing_are_refused(weight, others, match):
    model = network()
    with pytest.raises(ValueError, match=match):
        model.fit(X, y, sample_weight=weight, verbose=0, **others)
    assert model.epoch == 0


def test_of_estimators_too():
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPClassifier, MLPRegressor

    negative = np.where(np.arange(200) == 3, -1.0, 1.0)
    for model in (MLPClassifier(max_iter=5), MLPRegressor(max_iter=5, solver="lbfgs")):
        with pytest.raises(ValueError, match="sample_weight is -1 at row 3, class_weight included"):
            model.fit(X, y, sample_weight=negative)
        assert not hasattr(model, "coefs_")
        with pytest.raises(ValueError, match="sample_weight_val is -1 at row 3"):
            model.fit(X, y, X_val=X, y_val=y, sample_weight_val=negative)
    with pytest.raises(ValueError, match="sample_weight is -2 at row"):
        MLPClassifier(class_weight={0: 1, 1: -2}).fit(X, y)
    alone = np.where(np.arange(200) == 7, 1.0, 0.0)
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(ValueError, match=r"0 in all of the (20|180) rows that early stopping"):
            kind(early_stopping=True, random_state=0).fit(X, y, sample_weight=alone)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimators_batches_of_weight_0_teach_nothing():
    pytest.importorskip("sklearn")
    from fastnn.estimators import MLPClassifier

    model = MLPClassifier(batch_size=8, max_iter=30, shuffle=False, random_state=0)
    assert model.fit(X, y, sample_weight=SOME).score(X[150:], y[150:]) > 0.9
