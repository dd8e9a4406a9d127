"""Estimators elsewhere: onnxruntime, and NumPy alone, make of raw rows what they predict."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from fastnn.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
RNG = np.random.default_rng(0)
ROWS = 120
NUMBERS = RNG.normal(size=(ROWS, 3))
CLASS = (NUMBERS @ [1, -1, 0.5] + RNG.normal(size=ROWS) * 0.2 > 0).astype(int) + (NUMBERS[:, 2] > 1)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}


def frame():
    """Text with gaps, two words, integers as categories, yes and no, numbers."""
    texts = RNG.choice(["red", "green", "blue"], ROWS).astype(object)
    texts[::17] = None
    few = RNG.choice([3, 5, 8], ROWS)
    return pd.DataFrame(
        {
            "size": NUMBERS[:, 0],
            "colour": texts,
            "side": RNG.choice(["left", "right"], ROWS),
            "level": pd.Series(few).astype("category"),
            "flag": few > 4,
            "weight": NUMBERS[:, 1] * 1e6,
        }
    )


def answers(e, X, path):
    """label and probabilities, or predictions, by onnxruntime."""
    e.to_onnx(path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    kinds = {"tensor(double)": np.float64, "tensor(float)": np.float32}
    given = {}
    for one in session.get_inputs():
        if one.name == "input":
            given["input"] = np.asarray(X, kinds[one.type])
        elif one.type == "tensor(string)":
            given[one.name] = X[[one.name]].astype(object).where(X[[one.name]].notna(), "").values
        else:
            given[one.name] = X[[one.name]].astype(np.float64).values
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, given), strict=True))


def assert_same_in_numpy(e, X, path):
    """The function, and the module that it writes."""
    predict = e.to_numpy(path)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    expected = e.predict_proba(X) if hasattr(e, "classes_") else e.predict(X)
    assert "fastnn" not in path.read_text().partition('"""\n\nfrom')[2]
    for found in (predict(X), module.predict(X)):
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)


def assert_same(e, X, path, atol=1e-6):
    if isinstance(X, np.ndarray):
        assert_same_in_numpy(e, X, path.with_name("exported.py"))
    found = answers(e, X, path)
    if hasattr(e, "classes_"):
        np.testing.assert_array_equal(found["label"], e.predict(X))
        np.testing.assert_allclose(found["probabilities"], e.predict_proba(X), atol=atol)
        assert found["probabilities"].dtype == e.predict_proba(X).dtype
        return
    expected = e.predict(X)
    np.testing.assert_allclose(
        found["prediction"].reshape(expected.shape), expected, rtol=1e-5, atol=1e-5
    )


CLASSIFIERS = {
    "three classes": {},
    "batch norm and scaling": {"batch_norm": True, "normalize": "standard"},
    "ensemble": {"n_members": 3},
    "preset": {"preset": "tabular", "n_members": 2},
    "squared error": {"loss": "squared_error"},
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_of_numbers(name, dtype, tmp_path):
    X = NUMBERS.astype(dtype)
    e = MLPClassifier(**SMALL | CLASSIFIERS[name]).fit(X, CLASS)
    assert_same(e, X, tmp_path / "e.onnx")


LABELS = {
    "text": np.array(["no", "yes", "perhaps"])[CLASS],
    "two texts": np.array(["no", "yes"])[CLASS % 2],
    "flags": CLASS > 0,
    "numbers": CLASS * 2.0,
    "one class": np.array(["only"] * ROWS),
    "several labels": np.column_stack([CLASS > 0, CLASS > 1]).astype(int),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_each_kind(name, tmp_path):
    members = {} if name == "one class" else {"n_members": 2}
    e = MLPClassifier(**SMALL | members).fit(NUMBERS, LABELS[name])
    assert_same(e, NUMBERS, tmp_path / "e.onnx")


REGRESSORS = {
    "one target": {},
    "scaled": {"normalize_y": True, "normalize": "robust"},
    "ensemble": {"n_members": 3, "normalize_y": True},
    "preset": {"preset": "tabular", "n_members": 2},
    "poisson": {"loss": "poisson", "n_members": 2},
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name, tmp_path):
    y = np.exp(NUMBERS[:, 0])
    e = MLPRegressor(**SMALL | REGRESSORS[name]).fit(NUMBERS, y)
    assert_same(e, NUMBERS, tmp_path / "e.onnx")


def test_several_targets(tmp_path):
    e = MLPRegressor(**SMALL, normalize_y=True, n_members=2).fit(NUMBERS, NUMBERS[:, :2] * [9, 1])
    assert_same(e, NUMBERS, tmp_path / "e.onnx")


@pytest.mark.parametrize("members", [1, 2])
def test_tables_with_text_gaps_and_categories_that_fit_has_not_seen(members, tmp_path):
    X = frame()
    e = MLPClassifier(**SMALL, preset="tabular", n_members=members).fit(X, CLASS)
    new = X.copy()
    new.loc[:9, "colour"] = "violet"
    new.loc[5:14, "side"] = "middle"
    assert_same(e, new, tmp_path / "e.onnx")
    with pytest.raises(ValueError, match="columns of categories; use to_onnx"):
        e.to_numpy(tmp_path / "e.py")
    assert not (tmp_path / "e.py").exists()


@pytest.mark.parametrize("named", [False, True])
def test_gaps_in_numbers(named, tmp_path):
    X = NUMBERS.copy()
    X[::5, 1] = np.nan
    table = frame().assign(weight=X[:, 1]) if named else X
    e = MLPClassifier(**SMALL, preset="tabular", n_members=2).fit(table, CLASS)
    new = table.copy()
    if named:
        new.loc[3:8, "size"] = np.nan
    else:
        new[3:8, 0] = np.nan
    assert_same(e, new, tmp_path / "e.onnx")


def test_rare_categories_and_columns_left_out(tmp_path):
    X = frame()
    X["name"] = [f"person {k}" for k in range(ROWS)]
    X["street"] = RNG.choice([f"street {k}" for k in range(100)], ROWS)
    many = pd.concat([X] * 4, ignore_index=True)
    many["name"] = [f"person {k}" for k in range(len(many))]
    many["code"] = [f"code {k % 150}" for k in range(len(many))]
    with pytest.warns(UserWarning, match="left out"):
        e = MLPClassifier(**SMALL, preset="tabular", n_members=1).fit(many, np.tile(CLASS, 4))
    many.loc[:9, "code"] = "another"
    assert_same(e, many, tmp_path / "e.onnx")


def test_an_estimator_without_weights_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        MLPClassifier().to_onnx(tmp_path / "e.onnx")
    with pytest.raises(ValueError, match="not fitted"):
        MLPRegressor().to_numpy(tmp_path / "e.py")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["label", "probabilities", "constant_0", "network0_output", ""])
def test_a_column_named_as_a_part_of_the_file_is_refused(name, tmp_path):
    X = frame().rename(columns={"size": name})
    e = MLPClassifier(**SMALL, preset="tabular", n_members=1).fit(X, CLASS)
    with pytest.raises(ValueError, match=f"a column is named '{name}', and .*; expected another n"):
        e.to_onnx(tmp_path / "e.onnx")
    assert not list(tmp_path.iterdir())
    other = e.fit(X.rename(columns={name: f"{name} of it"}), CLASS)
    assert_same(other, X.rename(columns={name: f"{name} of it"}), tmp_path / "e.onnx")
