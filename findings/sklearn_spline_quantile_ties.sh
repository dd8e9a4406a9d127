#!/usr/bin/env bash
# scikit-learn 1.9.1: SplineTransformer(knots="quantile") does not extrapolate beyond a value that many rows share.
#
# B-splines sum to 1 everywhere, also beyond the ends, as "constant" and "linear" extrapolation promise. Where so many rows
# share the smallest number that quantiles coincide there, all splines are 0 below it: a linear model jumps to its intercept.
# Where they share the largest one, as in a column that is capped, all are 0 at the cap itself, so on most rows of the fit.
#
# Seen: many zeros: sums 0 at -0.01, 1 at 0, 1 at 5; y = x is 1.71 at -0.01; capped at 4: sums 1 at 3.9, 0 at 4, 0 at 5
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

zeros = np.r_[np.zeros(60), np.linspace(0.1, 4, 40)][:, None]
capped = 4 - zeros[::-1]


def sums(rows, places):
    splines = SplineTransformer(9, degree=1, knots="quantile", extrapolation="linear").fit(rows)
    return [round(float(splines.transform([[place]]).sum()), 3) for place in places]


low, high = sums(zeros, (-0.01, 0, 5)), sums(capped, (3.9, 4, 5))
splines = SplineTransformer(9, degree=1, knots="quantile", extrapolation="linear")
model = make_pipeline(splines, Ridge(1e-6)).fit(zeros, zeros[:, 0])
at_0, below = model.predict([[0.0], [-0.01]])
print(f"many zeros: sums {low} at -0.01, 0, 5; y = x is {at_0:.2f} at 0 and {below:.2f} at -0.01")
print(f"capped at 4: sums {high} at 3.9, 4, 5; rows at 4: {(capped == 4).mean():.0%}")
assert low == [0, 1, 1] and high == [1, 0, 0]
assert abs(at_0) < 0.01 and below > 1
PY
