#!/usr/bin/env bash
# pandas 3.1.1, Parquet: a category of whole numbers comes back as int64 by pyarrow, and without its unused categories by fastparquet.
#
# A category of text keeps its type, order and all its values on the same way. So a column that was declared a category
# (a region code, a grade with a level that this file lacks) is a plain number after to_parquet and read_parquet, with the
# default engine; fastparquet 2026.9.0 keeps it a category, and forgets the levels that no row has. Polars reads Int64.
#
# Seen: text ['b', 'a', 'c'] -> pyarrow ['b', 'a', 'c']; numbers [3, 1, 2] -> pyarrow int64, fastparquet [3, 1], polars Int64
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 fastparquet==2026.9.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import pandas as pd
import polars as pl

frame = pd.DataFrame(
    {
        "text": pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"], ordered=True),
        "number": pd.Categorical([3, 1, 3], categories=[3, 1, 2], ordered=True),
    }
)
frame.to_parquet("t.parquet")
by_arrow = pd.read_parquet("t.parquet")
by_fast = pd.read_parquet("t.parquet", engine="fastparquet")
text = by_arrow["text"].cat.categories.tolist()
kept = by_fast["number"].cat.categories.tolist()
plain, of_polars = str(by_arrow["number"].dtype), str(pl.read_parquet("t.parquet").schema["number"])
print(f"text -> pyarrow {text}; numbers [3, 1, 2] -> pyarrow {plain}, fastparquet {kept}, polars {of_polars}")
assert text == ["b", "a", "c"] and plain == "int64" and kept == [3, 1] and of_polars == "Int64"
PY
