#!/usr/bin/env bash
# LightGBM 4.7.0: categories that are fractions are cut to whole numbers without a word; 0.5 and 0 are one category.
#
# The column holds 0, 0.5, 1 and 1.5, and y is 1 for 0.5 and 1.5. As a number four leaves tell them apart. Named in
# categorical_feature, 0 and 0.5 are both category 0, 1 and 1.5 both category 1, and nothing is learned. Of categories below
# 0 it does warn.
#
# Seen: as numbers [0. 1. 0. 1.]; as categories [0.5 0.5 0.51 0.51]; warnings: none
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import warnings

import lightgbm
import numpy as np

told = []


class Log:
    info = warning = staticmethod(told.append)


lightgbm.register_logger(Log)
code = np.random.default_rng(0).integers(0, 4, 800)
X, y = code[:, None] / 2, (code % 2).astype(float)
settings = {"n_estimators": 50, "min_child_samples": 5, "min_data_per_group": 5, "cat_smooth": 0,
            "cat_l2": 0, "n_jobs": 1, "verbose": 0}
each = np.array([[0], [0.5], [1], [1.5]])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    plain = lightgbm.LGBMRegressor(**settings).fit(X, y).predict(each)
    of_kinds = lightgbm.LGBMRegressor(**settings).fit(X, y, categorical_feature=[0]).predict(each)
about = [str(w) for w in (*told, *(c.message for c in caught)) if "fraction" in str(w) or "integer" in str(w)]
print(f"as numbers {plain.round(2)}; as categories {of_kinds.round(2)}; warnings: {about or 'none'}")
assert np.abs(plain - [0, 1, 0, 1]).max() < 0.02
assert of_kinds[0] == of_kinds[1] and of_kinds[2] == of_kinds[3] and 0.4 < of_kinds.min() < 0.6
assert not about
PY
