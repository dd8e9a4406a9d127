#!/usr/bin/env bash
# numba 0.68.1: np.histogram(x, 10, (0, 1)) counts other bins than NumPy where a value lies on an edge.
#
# NumPy looks again whether a value belongs to the neighbour of the bin that the division gave; the compiled version does
# not. Rounded data lie on edges all the time (a rate of .3, a share of .6), so that the drift or calibration counts of a
# compiled function differ from those of the same function under NumPy.
#
# Seen: NumPy [0, 1, 2, 0, 0, 1, 1, 0, 0, 1]; numba [0, 1, 1, 1, 0, 0, 1, 1, 0, 1]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numba==0.68.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numba
import numpy as np


def counts(x):
    return np.histogram(x, 10, (0.0, 1.0))[0]


x = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 1.0])
plain, compiled = counts(x).tolist(), numba.njit(counts)(x).tolist()
print(f"NumPy {plain}; numba {compiled}")
assert plain == [0, 1, 2, 0, 0, 1, 1, 0, 0, 1]
assert compiled == [0, 1, 1, 1, 0, 0, 1, 1, 0, 1]
PY
