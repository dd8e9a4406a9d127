"""What the columns of a table hold: numbers, categories, or what no network reads."""

import datetime
import decimal
import uuid
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("sklearn")

from sklearn.ensemble import HistGradientBoostingClassifier

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.columns import columns_of
from fastnn.estimators.tables import TableEncoder

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N = 60
x = np.linspace(-1, 1, N)
y = x > 0
DAYS = pd.date_range("2020", periods=N)
IDS = [f"no. {k}" for k in range(N)]


def small(**parameters):
    """A preset's classifier that trains in no time."""
    chosen = {"preset": "tabular", "n_units": 4, "n_members": 1, "max_iter": 1, "random_state": 0}
    return MLPClassifier(**chosen | parameters)


def width(X, **parameters):
    """Number of columns that the network reads."""
    return small(**parameters).fit(X, y).coefs_[0].shape[0]


def repeated(*values):
    column = np.empty(N, dtype=object)
    column[:] = [values[k % len(values)] for k in range(N)]
    return column


COLUMNS = {
    "integers": (np.arange(N), "numbers"),
    "objects that are integers": (repeated(1, 2, np.int64(3)), "numbers"),
    "objects that are numbers": (repeated(1, 2.5, decimal.Decimal("3")), "numbers"),
    "numbers, some unknown": (repeated(1.0, None, pd.NA), "numbers"),
    "flags": (y, "flags"),
    "objects that are flags": (repeated(True, False, None), "flags"),
    "flags among numbers": (repeated(True, 2), "numbers"),
    "text": (repeated("u", "v", None, np.nan, pd.NA), "text"),
    "text of NumPy": (np.array(list("uv") * 30), "text"),
    "text of pandas": (pd.Series(list("uv") * 30, dtype="string"), "text"),
    "nothing": (repeated(None, np.nan), "nothing"),
    "nothing known": (np.full(N, np.nan), "nothing"),
    "integers of pandas": (pd.array([1, None] * 30, dtype="Int64"), "numbers"),
    "flags of pandas": (pd.array([True, None] * 30, dtype="boolean"), "flags"),
    "dates": (DAYS, "dates"),
    "dates of a zone": (DAYS.tz_localize("UTC"), "dates"),
    "dates of Python": (repeated(datetime.date(2020, 1, 1), None), "dates"),
    "periods": (pd.period_range("2020", periods=N), "dates"),
    "durations": (DAYS - DAYS[0], "durations"),
    "durations of Python": (repeated(datetime.timedelta(1)), "durations"),
    "both": (repeated("u", 1), "numbers and text"),
    "identifiers": ([uuid.UUID(int=k) for k in range(N)], "values of type UUID"),
    "lists": (repeated([1, 2]), "values of type list"),
    "complex": (x + 1j, "complex numbers"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_what_a_column_holds(name):
    values, holds = COLUMNS[name]
    (column,) = columns_of(pd.DataFrame({"c": values}), None)
    assert (column.label, column.holds, column.declared) == ('column "c"', holds, False)
    if holds in ("numbers", "flags", "nothing"):
        assert column.values.dtype == np.float64
    known = holds in ("numbers", "flags", "text", "nothing")
    if not known:
        with pytest.raises((TypeError, ValueError), match=f"column 0 of X .*{holds[:5]}|Complex"):
            columns_of(np.array(pd.DataFrame({"c": values})), None)[0].check()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Categorical(np.arange(N) % 20), 20),
        (pd.Categorical([1, None, 3] * 20), 3),
        (pd.cut(x, 4), 4),
        (pd.Categorical(DAYS.month), 1),
        (pl.Series(list("abc") * 20, dtype=pl.Categorical), 3),
        (pl.Series(list("abc") * 20, dtype=pl.Enum(list("abcd"))), 3),
        (list("abc") * 20, 3),
        (["a", "b", None] * 20, 3),
        ([True, False] * 30, 1),
        ([True, False, None] * 20, 3),
        (np.arange(N), 1),
        (repeated(1, 2, 3), 1),
    ],
    ids=str,
)
def test_categories_by_type(column, expected):
    frames = pl if isinstance(column, pl.Series) else pd
    frame = frames.DataFrame({"c": column, "x": x})
    for given in (None, "from_dtype"):
        assert width(frame, categorical_features=given) == expected + 1


def test_the_types_that_are_categories_elsewhere_in_scikit_learn_are_categories():
    frame = pd.DataFrame({"zip": pd.Categorical(np.arange(N) % 7), "x": x, "n": np.arange(N)})
    theirs = HistGradientBoostingClassifier(categorical_features="from_dtype").fit(frame, y)
    ours = small(categorical_features="from_dtype").fit(frame, y)
    assert_array_equal(np.flatnonzero(theirs.is_categorical_), ours._inputs.columns)


def test_a_frame_with_text_needs_no_further_parameter():
    rng = np.random.default_rng(0)
    kind = rng.choice(["oak", "elm", "fir"], 300)
    frame = pd.DataFrame({"kind": kind, "height": rng.normal(size=300), "old": kind == "fir"})
    model = MLPClassifier(preset="tabular", n_units=16, max_iter=30, random_state=0)
    assert model.fit(frame, kind == "elm").score(frame, kind == "elm") > 0.95
    rows = frame.astype(object).values.tolist()
    assert_array_equal(
        small().fit(rows, kind == "elm").predict_proba(rows),
        small().fit(frame.to_numpy(), kind == "elm").predict_proba(frame.to_numpy()),
    )
    MLPRegressor(preset="tabular", n_units=4, max_iter=1, n_members=1).fit(frame, rng.random(300))


@pytest.mark.parametrize("name", ["dates", "durations", "both", "identifiers", "lists"])
@pytest.mark.parametrize("given", [None, "from_dtype", ["c"]])
def test_what_no_network_reads_is_refused_by_name(name, given):
    frame = pd.DataFrame({"x": x, "c": COLUMNS[name][0]})
    with pytest.raises(TypeError, match='column "c" of X holds'):
        small(categorical_features=given).fit(frame, y)
    with pytest.raises(TypeError, match='column "c" of X holds'):
        small().fit(frame.assign(c=x), y).predict(frame)


@pytest.mark.parametrize("declared", [False, True])
def test_a_text_for_each_row_is_left_out_with_a_warning(declared):
    frame = pd.DataFrame({"id": pd.Categorical(IDS) if declared else IDS, "x": x})
    with pytest.warns(UserWarning, match='column "id" of X: nearly each row has a text of its own'):
        model = small(n_members=2).fit(frame, y)
    assert [member.coefs_[0].shape[0] for member in model.estimators_] == [1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = frame.assign(id="new")
        assert_array_equal(model.predict_proba(other), model.predict_proba(frame))
        assert width(frame, categorical_features=["id"]) == N + 1
    with pytest.raises(ValueError, match="nothing can be learned"):
        small().fit(frame[["id"]], y)


def test_what_is_missing_is_a_category_of_its_own_however_it_is_written():
    encoder = TableEncoder(None)
    learned = encoder.fit_transform(pd.DataFrame({"c": ["u", "v", None] * 20}), Features(1))
    assert learned.shape == (N, 3)
    for missing in (None, np.nan, pd.NA, pd.NaT):
        frame = pd.DataFrame({"c": pd.Series(["u", missing, "v"], dtype=object)})
        assert_array_equal(encoder.transform(frame, Features(1)), learned[[0, 2, 1]])
    alone = pd.DataFrame({"c": [np.nan, np.nan]})
    assert_array_equal(encoder.transform(alone, Features(1)), learned[[2, 2]])
    for numbers in (repeated(1, 2, pd.NA), pd.array([1, 2, None] * 20, dtype="Int64")):
        found = TableEncoder(None).fit_transform(pd.DataFrame({"c": numbers}), Features(1))
        assert_array_equal(found[:, 1] > 0, [False, False, True] * 20)
        assert_array_equal(found[:, 0] == 0, [False, False, True] * 20)


class Features:
    """What the encoder asks of an estimator."""

    def __init__(self, n):
        self.n_features_in_ = n


@pytest.mark.parametrize(
    ("at_fit", "at_predict"),
    [
        ((1, 2, 3), [3, 1]),
        ((1, 2, 3), [3.0, 1.0]),
        ((1.0, 2.0, 3.0), ["object", 3, 1]),
        ((1, 0, None), [True, False]),
        ((True, False), [0, 1]),
        (("a", "b", "c"), pd.Categorical(["c", "a"])),
        (("a", "b", "c"), np.array(["c", "a"])),
    ],
    ids=str,
)
def test_one_category_in_two_types_is_one_category(at_fit, at_predict):
    model = small(categorical_features=["c"], max_iter=5)
    model.fit(pd.DataFrame({"c": repeated(*at_fit), "x": x}), y)
    if isinstance(at_predict, list) and at_predict[0] == "object":
        at_predict = np.array(at_predict[1:], dtype=object)
    same = np.array([next(v for v in at_fit if v == a) for a in at_predict], dtype=object)
    found, expected = (
        model.predict_proba(pd.DataFrame({"c": values, "x": [0, 0]}))[:, 0]
        for values in (at_predict, same)
    )
    assert_array_equal(found, expected)
    assert found[0] != found[1]


@pytest.mark.parametrize("given", [["c"], None])
@pytest.mark.parametrize(
    ("at_fit", "at_predict", "error"),
    [
        ((1, 2, 3), np.array(["3", "1"]), "held numbers in fit and holds text now"),
        (("1", "2", "3"), [3, 1], "held text in fit and holds numbers now"),
    ],
)
def test_other_types_than_in_fit_are_refused(given, at_fit, at_predict, error):
    model = small(categorical_features=given)
    model.fit(pd.DataFrame({"c": repeated(*at_fit), "x": x}), y)
    with pytest.raises(TypeError, match=f'column "c" of X {error}'):
        model.predict(pd.DataFrame({"c": at_predict, "x": x[:2]}))


def test_text_that_is_not_among_the_categories_named():
    frame = pd.DataFrame({"a": list("uv") * 30, "b": list("uvw") * 20, "x": x})
    with pytest.raises(ValueError, match='column "b" of X holds text, and categorical_features'):
        small(categorical_features=["a"]).fit(frame, y)
    assert width(frame.assign(b=y), categorical_features=["a"]) == 3


def test_without_the_preset_categories_are_refused_and_text_is_named():
    frame = pd.DataFrame({"x": x, "kind": list("uv") * 30})
    with pytest.raises(ValueError, match="categorical_features is given, but preset is None"):
        MLPClassifier(categorical_features=["kind"]).fit(frame, y)
    for X in (frame, pl.DataFrame(frame.to_dict("list"))):
        with pytest.raises(
            ValueError, match='column "kind" of X holds text; expected numbers: pass'
        ):
            MLPClassifier().fit(X, y)
    model = MLPClassifier(max_iter=1).fit(frame.assign(kind=1), y)
    with pytest.raises(ValueError, match='column "kind" of X holds text'):
        model.predict(frame)


@pytest.mark.parametrize("parameters", [{}, {"preset": "tabular"}, {"n_members": 2}])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_what_is_no_table_has_scikit_learns_words(cls, parameters):
    X = np.stack([x, x**2], axis=1)
    model = cls(max_iter=1, random_state=0, **parameters).fit(X, y)
    for wrong in (X[0], X[0].tolist(), pd.Series(X[0])):
        with pytest.raises(ValueError, match=r"Expected (2D array|a 2-dim)"):
            model.predict(wrong)
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        cls(early_stopping=True, **parameters).fit(X, None)
    for wrong in (X[:0], pd.DataFrame(X[:0])):
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
            model.predict(wrong)
    with pytest.raises(ValueError, match=r"X has 1 features, but MLP.* is expecting 2"):
        model.predict(X[:, :1])


def test_the_members_of_an_ensemble_read_one_table(monkeypatch):
    calls = []
    learn = TableEncoder.fit_transform
    monkeypatch.setattr(TableEncoder, "fit_transform", lambda *a: calls.append(1) or learn(*a))
    model = small(n_members=3).fit(pd.DataFrame({"c": list("abc") * 20, "x": x}), y)
    assert len(calls) == 1
    assert all(member._inputs is model._inputs for member in model.estimators_)
    frame = pd.DataFrame({"c": ["b"], "x": [0.5]})
    each = [member.predict_proba(frame) for member in model.estimators_]
    assert_array_equal(np.mean(each, axis=0), model.predict_proba(frame))


def test_a_table_of_arrow_is_read_as_the_frame_that_it_comes_from():
    pa = pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    kind = rng.choice(["oak", "elm", "fir"], 60)
    frame = pd.DataFrame({"kind": kind, "height": rng.normal(size=60), "old": kind == "fir"})
    frame["sort"] = frame["kind"].astype("category")
    frame.loc[:4, "kind"], frame.loc[5:9, "height"] = None, np.nan
    table = pa.Table.from_pandas(frame)
    models = [small().fit(X, kind == "elm") for X in (frame, table)]
    for X in (frame, table):
        assert_array_equal(*(model.predict_proba(X) for model in models))
    assert models[1].feature_names_in_.tolist() == list(frame)
    with pytest.raises(ValueError, match='column "kind" of X holds text; expected numbers'):
        MLPClassifier().fit(table, kind)
    days = pa.table({"day": [datetime.date(2026, 1, 1 + k) for k in range(9)]})
    for given in ({}, {"preset": "tabular"}):
        with pytest.raises(TypeError, match='column "day" of X holds dates'):
            MLPRegressor(**given).fit(days, np.arange(9.0))


def test_a_column_of_pandas_may_be_called_as_what_arrow_has():
    frame = pd.DataFrame({"column_names": list("ab") * 20, "x": np.arange(40)})
    small().fit(frame, frame["column_names"]).predict(frame)
