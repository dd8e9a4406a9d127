#!/usr/bin/env bash
# pyarrow 26.0.1: a CSV file whose last quote is never closed is read without an error.
#
# With `newlines_in_values=True`, which a file with line breaks in quotes needs, one stray quote makes the
# rest of the file, line breaks and all, a single value, and the rows in it are gone without a word. Python's csv
# module with strict=True and pandas refuse the same file. Count the quotes first.
#
# Seen: pyarrow: 2 rows, the last value 'x\n4,y\n5,z\n'; pandas: ParserError (EOF inside string).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyarrow==26.0.1 pandas==3.1.1
"$folder/venv/bin/python" - <<'PY'
import io

import pandas
import pyarrow
from pyarrow import csv

data = b'n,c\n2,w\n3,"x\n4,y\n5,z\n'
options = csv.ParseOptions(newlines_in_values=True)
table = csv.read_csv(pyarrow.BufferReader(data), parse_options=options)
print(f"pyarrow: {table.num_rows} rows, the last value {table['c'][-1].as_py()!r}")
assert table.to_pydict() == {"n": [2, 3], "c": ["w", "x\n4,y\n5,z\n"]}
try:
    pandas.read_csv(io.BytesIO(data))
except pandas.errors.ParserError as error:
    print(f"pandas: ParserError ({error})")
    assert "EOF inside string" in str(error)
else:
    raise SystemExit("pandas read it, too")
PY
