#!/usr/bin/env bash
# A column of +1 and -2 is whole numbers to pandas 3.1.1, real numbers to pyarrow 26.0.1, and text to polars 2.1.0 and duckdb 2.0.1.
#
# pyarrow's parser of integers refuses the plus sign and its parser of floats takes it, so that the column becomes double.
# polars infers text from +1, though it infers Float64 from +1.5. Lab instruments and spreadsheets that show changes write
# such signs; one reader's number is another's category.
#
# Seen: +1: pandas int64, pyarrow double, polars String, duckdb VARCHAR; +1.5: pandas float64, pyarrow double, polars Float64, duckdb VARCHAR
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


def kinds(token):
    with open("t.csv", "w") as file:
        file.write(f"a,b\n{token},x\n-2,y\n")
    return (
        str(pd.read_csv("t.csv")["a"].dtype),
        str(pyarrow.csv.read_csv("t.csv").schema.field("a").type),
        str(pl.read_csv("t.csv").schema["a"]),
        duckdb.sql("select typeof(a) from read_csv('t.csv', header=true)").fetchall()[0][0],
    )


found = {token: kinds(token) for token in ("+1", "+1.5")}
print(found)
assert found["+1"] == ("int64", "double", "String", "VARCHAR")
assert found["+1.5"] == ("float64", "double", "Float64", "VARCHAR")
PY
