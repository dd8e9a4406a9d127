#!/usr/bin/env bash
# NumPy 2.4.6: np.nanpercentile and np.nanquantile of an array without columns lose the axis of the percentiles.
#
# Of (5, 2) and three percentiles both families give (3, 2). Of (5, 0) percentile and quantile give (3, 0), while their
# nan-versions give (0,): `low, median, high = np.nanpercentile(X[:, chosen], [25, 50, 75], axis=0)` fails on the
# first table in which nothing is chosen, though the same line with np.percentile works. Of (5, 0, 2) it is (0, 2).
#
# Seen: percentile (3, 0) (3, 0, 2); nanpercentile (0,) (0, 2); quantile (3, 0) (3, 0, 2); nanquantile (0,) (0, 2)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np

for name, points in (("percentile", [25, 50, 75]), ("quantile", [0.25, 0.5, 0.75])):
    plain, other = getattr(np, name), getattr(np, f"nan{name}")
    full = np.arange(10.0).reshape(5, 2)
    assert plain(full, points, axis=0).shape == other(full, points, axis=0).shape == (3, 2)
    shapes = [f(np.empty(s), points, axis=0).shape for f in (plain, other) for s in ((5, 0), (5, 0, 2))]
    print(f"{name} {shapes[0]} {shapes[1]}; nan{name} {shapes[2]} {shapes[3]}")
    assert shapes == [(3, 0), (3, 0, 2), (0,), (0, 2)]
PY
