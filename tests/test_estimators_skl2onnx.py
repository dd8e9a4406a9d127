"""Pipelines in ONNX by skl2onnx: what onnxruntime computes is what the pipeline predicts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from fastnn.estimators import MLPClassifier, MLPRegressor

skl2onnx = pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(90, 3)) * 5 + 2).astype(np.float32)
CLASS = (X[:, 0] > 2).astype(int) + (X[:, 1] > 4)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}
PLAIN = {"zipmap": False}


@pytest.fixture(autouse=True)
def registered():
    import fastnn.estimators.skl2onnx  # noqa: F401


def answers(model, given, **settings):
    proto = skl2onnx.to_onnx(model, given[:1], **settings)
    session = runtime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if isinstance(given, pd.DataFrame):
        given = {name: given[[name]].values for name in given}
    else:
        given = {session.get_inputs()[0].name: given}
    return session.run(None, given)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("labels", [CLASS, CLASS % 2, np.array(["a", "b", "c"])[CLASS]])
def test_classifiers_in_pipelines(labels, members, dtype):
    rows = X.astype(dtype)
    model = make_pipeline(StandardScaler(), MLPClassifier(**SMALL, n_members=members))
    label, proba = answers(model.fit(rows, labels), rows, options=PLAIN)
    np.testing.assert_array_equal(label, model.predict(rows))
    np.testing.assert_allclose(proba, model.predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("labels", [CLASS, np.array(["a", "b", "c"])[CLASS]])
def test_probabilities_by_name_which_are_the_default(labels, alone, dtype):
    rows, model = X.astype(dtype), MLPClassifier(**SMALL)
    model = (model if alone else make_pipeline(StandardScaler(), model)).fit(rows, labels)
    label, named = answers(model, rows)
    np.testing.assert_array_equal(label, model.predict(rows))
    proba = np.array([[row[name] for name in np.unique(labels).tolist()] for row in named])
    np.testing.assert_allclose(proba, model.predict_proba(rows), atol=1e-5)


def test_a_pipeline_whose_last_step_encodes_its_columns():
    rows = RNG.normal(size=(2000, 3))
    y = np.sin(4 * rows[:, 0]) > 0
    last = MLPClassifier(preset="tabular", n_members=1, max_iter=3, random_state=0)
    model = make_pipeline(StandardScaler(), last).fit(rows, y)
    assert last._inputs.encoding is not None
    _, proba = answers(model, rows[:50], options=PLAIN)
    np.testing.assert_allclose(proba, model.predict_proba(rows[:50]), atol=1e-5)


@pytest.mark.parametrize("preset", [None, "tabular"])
def test_regressors_in_pipelines(preset):
    y = X[:, 0] * 100
    model = make_pipeline(MinMaxScaler(), MLPRegressor(**SMALL, preset=preset, normalize_y=True))
    found = answers(model.fit(X, y), X)[0]
    np.testing.assert_allclose(found.ravel(), model.predict(X), rtol=1e-4, atol=1e-2)


def test_text_columns_before_the_network():
    table = pd.DataFrame({"size": X[:, 0], "colour": np.array(["red", "blue"])[CLASS % 2]})
    columns = make_column_transformer((StandardScaler(), ["size"]), (OneHotEncoder(), ["colour"]))
    model = make_pipeline(columns, MLPClassifier(**SMALL)).fit(table, CLASS)
    label, proba = answers(model, table, options=PLAIN)
    np.testing.assert_array_equal(label, model.predict(table))
    np.testing.assert_allclose(proba, model.predict_proba(table), atol=1e-5)


def test_what_cannot_be_written_is_refused():
    table = pd.DataFrame({"size": X[:, 0], "colour": np.array(["red", "blue"])[CLASS % 2]})
    model = MLPClassifier(**SMALL, preset="tabular", n_members=1).fit(table.values, CLASS)
    with pytest.raises(ValueError, match="write it alone, with its to_onnx"):
        skl2onnx.to_onnx(model, X[:1, :2])
    plain = MLPClassifier(**SMALL).fit(X, CLASS)
    with pytest.raises(ValueError, match="expected 18 or more"):
        skl2onnx.to_onnx(plain, X[:1], target_opset=15)
