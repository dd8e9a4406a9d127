#!/usr/bin/env bash
# Six words of a number column, four readers, no two alike (pandas 3.1.1, pyarrow 26.0.1, polars 2.1.0, duckdb 2.0.1).
#
# In a column of 1, WORD, 3: "nan" is a missing whole number to pyarrow (the column stays int64), NaN to pandas and duckdb,
# and makes the column text for polars, which takes "NaN". "Infinity" is text to polars, which takes "inf". "0x10" is 16 to
# pyarrow and duckdb, text to pandas and polars. "true" makes the numbers 1 and 0 booleans for pyarrow, text for the others.
# "NA" is missing to pandas and pyarrow, text to polars and duckdb. A model trained from one reader and fed by another sees
# other columns.
#
# Seen: the table below
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import duckdb
import pandas as pd
import polars as pl
import pyarrow.csv

EXPECTED = {
    "nan": ("float64", "int64", "String", "DOUBLE"),
    "NaN": ("float64", "int64", "Float64", "DOUBLE"),
    "Infinity": ("float64", "double", "String", "DOUBLE"),
    "0x10": ("str", "int64", "String", "BIGINT"),
    "true": ("str", "bool", "String", "VARCHAR"),
    "NA": ("float64", "int64", "String", "VARCHAR"),
}
found = {}
for word in EXPECTED:
    with open("t.csv", "w") as file:
        file.write(f"a,b\n1,x\n{word},y\n0,z\n")
    found[word] = (
        str(pd.read_csv("t.csv")["a"].dtype),
        str(pyarrow.csv.read_csv("t.csv").schema.field("a").type),
        str(pl.read_csv("t.csv").schema["a"]),
        duckdb.sql("select typeof(a) from read_csv('t.csv', header=true)").fetchall()[0][0],
    )
    print(f"{word:9}", *found[word])
assert found == EXPECTED, found
PY
