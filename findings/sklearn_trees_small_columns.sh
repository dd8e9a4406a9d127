#!/usr/bin/env bash
# scikit-learn 1.9.1 and LightGBM 4.7.0: trees are not blind to the scale of a column; small enough, it is constant to them.
#
# The class is whether x > 0, of 500 normal x, which one split tells. scikit-learn's exact trees split only between
# neighbouring values that differ by more than 1e-7, so at a deviation of 1e-6 (a length in metres instead of micrometres)
# they already miss the split at 0, where neighbours are closest, and of 1e-8 they learn nothing. LightGBM takes all below 1e-35 in size for zero.
#
# Seen: decision tree: 1: 1.00, 1e-06: 0.55, 1e-08: 0.52; LightGBM: 1: 1.00, 1e-08: 1.00, 1e-36: 0.52
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 lightgbm==4.7.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from lightgbm import LGBMClassifier
from sklearn.tree import DecisionTreeClassifier

x = np.random.default_rng(0).normal(size=(500, 1))
y = (x[:, 0] > 0).astype(int)


def accuracy(model, scale):
    return model.fit(x * scale, y).score(x * scale, y)


tree = {k: accuracy(DecisionTreeClassifier(random_state=0), k) for k in (1, 1e-6, 1e-8)}
boosted = {
    k: accuracy(LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1), k) for k in (1, 1e-8, 1e-36)
}
for name, found in (("decision tree", tree), ("LightGBM", boosted)):
    print(name, ", ".join(f"{scale:g}: {share:.2f}" for scale, share in found.items()))
assert tree[1] == 1 and tree[1e-6] < 0.6 and tree[1e-8] < 0.6
assert boosted[1] == boosted[1e-8] == 1 and boosted[1e-36] < 0.6
PY
