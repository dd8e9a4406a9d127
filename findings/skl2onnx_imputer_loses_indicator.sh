#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.9.1, onnxruntime 1.32.0: SimpleImputer(add_indicator=True) loses its indicator columns in ONNX.
#
# The indicator tells which numbers were missing; scikit-learn has it as a further column, the ONNX file has only the filled
# one, and to_onnx does not warn. The columns behind it move: a tree of a ColumnTransformer that splits by the indicator of the
# first column reads the second column in its place.
#
# Seen: scikit-learn 2 columns, ONNX 1; a tree that finds gaps: scikit-learn [1, 0], ONNX [0, 0]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier


def in_onnx(model, X):
    file = to_onnx(model, X).SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X})[0]


X = np.array([[np.nan], [2], [1], [3]] * 5, np.float32)
imputer = SimpleImputer(add_indicator=True).fit(X)
columns = imputer.transform(X).shape[1], in_onnx(imputer, X).shape[1]
X = np.column_stack([X, np.zeros(20, np.float32)])
columns_of = ColumnTransformer([("gaps", SimpleImputer(add_indicator=True), [0])], remainder="passthrough")
tree = make_pipeline(columns_of, DecisionTreeClassifier(random_state=0))
tree.fit(X, np.isnan(X[:, 0]).astype(int))
own, exported = tree.predict(X[:2]).tolist(), in_onnx(tree, X[:2]).tolist()
print(f"scikit-learn {columns[0]} columns, ONNX {columns[1]}; a tree that finds gaps: scikit-learn {own}, ONNX {exported}")
assert columns == (2, 1)
assert own == [1, 0] and exported == [0, 0]
PY
