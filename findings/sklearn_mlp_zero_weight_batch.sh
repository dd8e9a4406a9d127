#!/usr/bin/env bash
# scikit-learn 1.9.1: MLPClassifier.fit with sample_weight raises ZeroDivisionError as soon as a batch holds only rows of weight 0.
#
# Weights of 0 are valid, and the estimators' rule is that such a row counts as absent. Whether the fit goes through depends
# on the shuffle: with 3 of 40 rows of weight 1 and batches of 8, each seed meets an empty batch sooner or later; with one
# batch of 40 rows it trains. MLPRegressor does the same.
#
# Seen: batch_size=8: ZeroDivisionError: Weights sum to zero, can't be normalized; batch_size=40: trains
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
X, y, weight = np.random.default_rng(0).random((40, 3)), np.arange(40) % 2, np.zeros(40)
weight[:3] = 1
for kind in (MLPClassifier, MLPRegressor):
    kind(batch_size=40, max_iter=3, random_state=0).fit(X, y, sample_weight=weight)
    try:
        kind(batch_size=8, max_iter=3, random_state=0).fit(X, y, sample_weight=weight)
    except ZeroDivisionError as error:
        print(f"{kind.__name__}, batch_size=8: ZeroDivisionError: {error}; batch_size=40: trains")
    else:
        raise SystemExit("it trains")
PY
