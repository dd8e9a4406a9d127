#!/usr/bin/env bash
# skl2onnx 1.20.0, scikit-learn 1.9.1, onnxruntime 1.32.0: encoders of numeric categories code other rows than scikit-learn's.
#
# OneHotEncoder(handle_unknown="ignore"), fitted on 1, 2 and 3, has zeros for 2.5; its ONNX twin casts to whole numbers first,
# so 2.5 is category 2. OrdinalEncoder hands NaN on as NaN, which is its documented rule for missing values; its ONNX twin gives
# -1. Neither the conversion nor the checker says a word.
#
# Seen: 2.5: scikit-learn [0, 0, 0], ONNX [0, 1, 0]; NaN: scikit-learn nan, ONNX -1
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
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder


def both(encoder, row):
    X = np.array([[row]], np.float32)
    file = to_onnx(encoder, X).SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return encoder.transform(X)[0].tolist(), session.run(None, {"X": X})[0][0].tolist()


known = np.array([[1], [2], [3]], np.float32)
hot, hot_onnx = both(OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(known), 2.5)
gap, gap_onnx = both(OrdinalEncoder().fit(np.array([[1], [np.nan], [2]], np.float32)), np.nan)
print(f"2.5: scikit-learn {hot}, ONNX {hot_onnx}; NaN: scikit-learn {gap[0]}, ONNX {gap_onnx[0]}")
assert (hot, hot_onnx) == ([0, 0, 0], [0, 1, 0])
assert np.isnan(gap[0]) and gap_onnx == [-1]
PY
