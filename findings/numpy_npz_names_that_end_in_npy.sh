#!/usr/bin/env bash
# numpy 2.4.6: an .npz file with arrays named "w" and "w.npy" gives the first of them under both names.
#
# np.savez writes each array as NAME.npy, so the two are w.npy and w.npy.npy in the file, and both are there. np.load takes
# ".npy" off again and lists them rightly as "w" and "w.npy"; but asked for "w.npy" it first looks for a member of that very
# name, which is the array "w". Nothing warns: names of arrays are no free text.
#
# Seen: names ['w', 'w.npy']; saved 1 and 2, read 1 and 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io

import numpy as np

file = io.BytesIO()
np.savez(file, **{"w": np.array(1), "w.npy": np.array(2)})
file.seek(0)
found = np.load(file)
names, read = found.files, [int(found[name]) for name in found.files]
print(f"names {names}; saved 1 and 2, read {read[0]} and {read[1]}")
assert names == ["w", "w.npy"] and read == [1, 1]
PY
