#!/usr/bin/env bash
# scikit-learn 1.9.1: SimpleImputer leaves the missing text of a polars frame as it is, and fills that of the same pandas frame.
#
# The default `missing_values` is NaN. pandas 3 marks missing text by NaN; polars 2.1.0 hands over None, which is another
# value, "most frequent" or not. Numbers are filled in both. The encoder after it then learns a category None. No warning;
# `missing_values=None` is what polars needs, and then pandas is not filled.
#
# Seen: pandas ['x', 'x', 'x'], polars ['x', None, 'x']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import pandas as pd
import polars as pl
from sklearn.impute import SimpleImputer

columns = {"a": ["x", None, "x"]}
found = [
    SimpleImputer(strategy="most_frequent").fit_transform(frame).ravel().tolist()
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns))
]
print(f"pandas {found[0]}, polars {found[1]}")
assert found == [["x", "x", "x"], ["x", None, "x"]]
PY
