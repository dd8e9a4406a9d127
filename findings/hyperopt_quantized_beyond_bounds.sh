#!/usr/bin/env bash
# hyperopt 0.3.0: quniform and qloguniform draw values below their lower bound, and the two ends half as often as the rest.
#
# hp.quniform("x", 1, 10, 4) is round(u / 4) * 4 for u between 1 and 10, so it draws 0, which is no value between 1 and 10; of
# hp.qloguniform between 1 and 100 in steps of 10 a third of all draws are 0: as a batch size or a number of units an error,
# as a learning rate or a regularisation a trial spent on nothing. Between 1 and 5 in steps of 1, 1 and 5 come half as often as
# 2, 3 and 4. The formula is documented, the bounds are in its arguments.
#
# Seen: quniform(1, 10, 4): 0, 4, 8; qloguniform(1 to 100 by 10): 0 in 35%; quniform(1, 5, 1): ends 0.49 times as often
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q hyperopt==0.3.0 numpy==2.4.6 setuptools==80.9.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
from hyperopt import hp
from hyperopt.pyll.stochastic import sample

rng = np.random.default_rng(0)


def draws(space):
    return np.array([sample(space, rng=rng) for _ in range(4000)])


wide, log = draws(hp.quniform("x", 1, 10, 4)), draws(hp.qloguniform("x", 0, np.log(100), 10))
values, counts = np.unique(draws(hp.quniform("x", 1, 5, 1)), return_counts=True)
ends = counts[[0, -1]].mean() / counts[1:-1].mean()
print(f"quniform(1, 10, 4): {', '.join(f'{v:g}' for v in np.unique(wide))}; qloguniform(1 to 100 by 10): "
      f"0 in {np.mean(log == 0):.0%}; quniform(1, 5, 1): ends {ends:.2f} times as often")
assert set(wide) == {0, 4, 8} and np.mean(log == 0) > 0.3
assert list(values) == [1, 2, 3, 4, 5] and 0.4 < ends < 0.6
PY
