#!/usr/bin/env bash
# keras 3.15.1: metrics.AUC of a perfect ranking is 0.5 where all scores are below 0.005.
#
# AUC is computed at 200 thresholds spread over [0, 1], of which only those at the ends fall outside such scores. A model of a
# rare class (click, fraud, default), well calibrated at a rate of one in a thousand, gives such scores; its AUC during training then says
# that it has learned nothing, and early stopping by it stops at once. `from_logits`, or more thresholds, do not help unless the
# scores spread. scikit-learn's roc_auc_score is 1.0.
#
# Seen: keras 0.5, scikit-learn 1.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 scikit-learn==1.9.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

y, scores = np.repeat([0, 1], 50), np.linspace(0, 0.004, 100)
metric = keras.metrics.AUC()
metric.update_state(y, scores)
found = float(metric.result()), float(roc_auc_score(y, scores))
print(f"keras {found[0]}, scikit-learn {found[1]}")
assert found == (0.5, 1.0)
PY
