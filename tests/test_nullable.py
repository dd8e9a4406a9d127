"""Frames of types that know gaps of their own: a gap is NaN, or is refused in a sentence."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("pandas")
pytest.importorskip("sklearn")

import pandas as pd

from fastnn import Dense, Sequential, Sigmoid, tune
from fastnn.estimators import MLPClassifier, MLPRegressor

N = 40
NUMBERS = np.random.default_rng(0).integers(0, 2, (N, 3))
Y = NUMBERS[:, 0]
TYPES = ["Int64", "UInt8", "Float32", "boolean", "object"]
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
ESTIMATORS = [MLPClassifier, MLPRegressor]
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
each_type = pytest.mark.parametrize("kind", TYPES)


def table(kind, gap=True):
    frame = pd.DataFrame(NUMBERS, columns=list("abc")).astype(kind)
    if gap:
        frame.loc[3, "b"] = pd.NA
    return frame


def network():
    model = Sequential([Dense(1), Sigmoid()], seed=0)
    model.compile(loss="binary_cross_entropy")
    return model


@each_type
def test_without_a_gap_they_are_the_numbers(kind):
    frame = table(kind, gap=False)
    models = [network(), network()]
    for model, X in zip(models, (frame, NUMBERS.astype(float)), strict=True):
        model.fit(X, Y, epochs=2, verbose=0)
    assert_array_equal(models[0].predict(frame), models[1].predict(NUMBERS))
    for cls in ESTIMATORS:
        own, plain = cls(**QUICK).fit(frame, Y), cls(**QUICK).fit(NUMBERS.astype(float), Y)
        assert_array_equal(own.predict(frame), plain.predict(NUMBERS.astype(float)))


@each_type
def test_a_gap_is_refused_where_nan_is_and_told_where_it_is(kind):
    frame, model = table(kind), network()
    with pytest.raises(ValueError, match=r'X holds NaN at row 3, column 1 \("b"\)'):
        model.fit(frame, Y, epochs=1, verbose=0)
    for name, given in (("y", {"y": frame["b"]}), ("sample_weight", {"sample_weight": frame["b"]})):
        with pytest.raises(ValueError, match=f"{name} holds NaN at row 3"):
            model.fit(**({"X": NUMBERS, "y": Y, "epochs": 1, "verbose": 0} | given))


@each_type
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_an_estimator_refuses_a_gap_and_its_preset_learns_from_it(cls, kind):
    frame = table(kind)
    with pytest.raises(ValueError, match=r'contains NaN|column "b" of X has a missing value at ro'):
        cls(**QUICK).fit(frame, Y)
    plain = frame.astype(float) if kind != "object" else frame
    own, other = (cls(**QUICK, preset="tabular").fit(X, Y) for X in (frame, plain))
    if kind != "boolean":
        assert_array_equal(own.predict(frame), other.predict(plain))
    fitted = cls(**QUICK).fit(frame.drop(columns="b"), Y)
    with pytest.raises(ValueError, match=r"contains NaN|missing value at row 3"):
        fitted.predict(frame[["b", "a"]].rename(columns={"b": "a", "a": "c"}))


@each_type
@pytest.mark.parametrize("preset", [None, "tabular"])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_gap_among_targets_or_weights_is_told(cls, preset, kind):
    X, gaps = NUMBERS.astype(float), table(kind)["b"]
    model = cls(**QUICK, preset=preset)
    told = r"contains NaN|y holds (<NA>|nan) at row 3(, column 0)?; expected a target everywhere"
    for y in (gaps, gaps.to_frame()):
        with pytest.raises(ValueError, match=told):
            model.fit(X, y)
    with pytest.raises(ValueError, match=r"contains NaN|y_val holds"):
        model.fit(X, Y, X_val=X, y_val=gaps)
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        model.fit(X, Y, sample_weight=gaps)


@pytest.mark.parametrize("y", [["a", None] * 20, pd.Series(["a", pd.NA] * 20, dtype="string")])
def test_a_class_without_a_name_is_no_class(y):
    with pytest.raises(ValueError, match=r"y holds (None|<NA>) at row 1; expected a target"):
        MLPClassifier(**QUICK).fit(NUMBERS, y)


def test_a_search_tells_of_gaps_before_it_deals_out_rows():
    for kind in ("boolean", "object"):
        with pytest.raises(ValueError, match="y holds <NA> at row 3; expected a target"):
            tune.cross_validate(network, NUMBERS, table(kind)["b"], cv=3, epochs=1)


DAYS = pd.Series(pd.date_range("2020", periods=N))
TIMES = {"dates": DAYS, "durations": DAYS - DAYS[0]}


@pytest.mark.parametrize("holds", TIMES)
def test_dates_are_no_numbers(holds):
    """scikit-learn takes them for numbers near 10^18, from which nothing is learned."""
    times = TIMES[holds]
    for X in (times.to_frame("when"), pd.DataFrame({"n": Y, "when": times})):
        for cls in ESTIMATORS:
            with pytest.raises(TypeError, match=f'"when" of X holds {holds}; expected'):
                cls(**QUICK).fit(X, Y)
    with pytest.raises(TypeError, match=f"y holds {holds}; expected numbers: pass"):
        MLPRegressor(**QUICK).fit(NUMBERS, times)
    lost = times.where(np.arange(N) != 3)
    for cls in ESTIMATORS:
        with pytest.raises(ValueError, match="y holds NaT at row 3"):
            cls(**QUICK).fit(NUMBERS, lost)
    names = times.iloc[[0, 1] * 20].reset_index(drop=True)
    assert set(MLPClassifier(**QUICK).fit(NUMBERS, names).classes_) == set(names.to_numpy())


@pytest.mark.parametrize(
    ("y", "holds"),
    [
        (np.array([0, 1] * 20, object), "numbers"),
        (np.array([True, False] * 20, object), "flags"),
        (np.array([0, "a"] * 20, object), "numbers and text"),
    ],
    ids=["numbers", "flags", "both"],
)
def test_classes_that_come_as_objects_are_told_what_to_become(y, holds):
    with pytest.raises(ValueError, match=f"y holds {holds}, as objects; expected an array of numb"):
        MLPClassifier(**QUICK).fit(NUMBERS, y)
