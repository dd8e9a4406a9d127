#!/usr/bin/env bash
# numba 0.68.1: mean and var of a large float32 array are wrong in compiled code, far beyond rounding.
#
# NumPy adds in pairs, so that float32 keeps its digits; the compiled `sum` and `mean` add one number after the other in
# one float32. From 2**24 on another 1 changes nothing: the mean of 2**25 ones is 0.5. And `var` takes that mean: the
# variance of a million normal numbers around 1000 comes out 80 times too large. Nothing warns. Compiled statistics of
# float32 need an accumulator of float64 written out.
#
# Seen: mean of ones: NumPy 1.0, numba 0.5; variance (true 1.0): NumPy 1.0013, numba 80.22
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numba==0.68.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numba
import numpy as np


def mean(x):
    return x.mean()


def var(x):
    return x.var()


ones = np.ones(2**25, np.float32)
x = (np.random.default_rng(0).standard_normal(10**6) + 1000).astype(np.float32)
means = float(mean(ones)), float(numba.njit(mean)(ones))
variances = float(var(x)), float(numba.njit(var)(x))
print(f"mean of ones: NumPy {means[0]}, numba {means[1]}")
print(f"variance (true 1.0): NumPy {variances[0]:.4f}, numba {variances[1]:.2f}")
assert means == (1.0, 0.5)
assert abs(variances[0] - 1) < 0.01 and variances[1] > 50
PY
