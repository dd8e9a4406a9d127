#!/usr/bin/env bash
# numba 0.68.1: in compiled code 0.1 * float32 array is float64, and int64 array + float32 array is float32.
#
# Under NumPy 2 it is the other way round in both cases: a Python float takes the array's type (float32), and int64 with
# float32 gives float64. So the same line of a kernel doubles its memory in one place and loses whole numbers above 2**24
# in another, as soon as it is compiled.
#
# Seen: x * 0.1: NumPy float32, numba float64; i + x: NumPy float64, numba float32; 16777217 + 0.0: 16777217.0 and 16777216.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numba==0.68.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numba
import numpy as np


def scaled(x):
    return x * 0.1


def added(i, x):
    return i + x


x, i = np.zeros(1, np.float32), np.array([2**24 + 1])
by_number = scaled(x).dtype.name, numba.njit(scaled)(x).dtype.name
sums = added(i, x), numba.njit(added)(i, x)
kinds = tuple(s.dtype.name for s in sums)
values = tuple(float(s[0]) for s in sums)
print(f"x * 0.1: NumPy {by_number[0]}, numba {by_number[1]}; i + x: NumPy {kinds[0]}, numba {kinds[1]}")
print(f"{i[0]} + 0.0: {values[0]} and {values[1]}")
assert by_number == ("float32", "float64") and kinds == ("float64", "float32")
assert values == (16777217.0, 16777216.0)
PY
