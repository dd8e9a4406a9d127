"""
Bayesian search: let a model choose where to look
=================================================

Random search forgets what it has seen. Bayesian search fits a model of the results so far and tries
next where that expects the most; where each trial is dear, it needs fewer. Optuna's Parzen
estimator asks here (``pip install "fastnn-mlp[tune]"``), fastnn trains, four networks at a time.
"""

import matplotlib.pyplot as plt
import numpy as np

from fastnn import SGD, Dense, Sequential, Softmax, Tanh, tune
from fastnn.datasets import load_digits

X, y = load_digits()
X, y = X[:600], y[:600]


def build(learning_rate, momentum, units, l2):
    """64-units-10."""
    model = Sequential([Dense(units, l2=l2), Tanh(), Dense(10, l2=l2), Softmax()])
    model.compile(SGD(learning_rate, momentum=momentum), metrics=["log_loss"])
    return model


space = {
    "learning_rate": tune.LogUniform(1e-4, 3),
    "momentum": tune.OneMinusLog(0.5, 0.99),
    "units": tune.LogInt(4, 128),
    "l2": tune.LogUniform(1e-6, 1e-1),
}

# %%
# The same forty trials' worth of epochs for each strategy. A round of four is asked for together,
# and that number, not the number of threads, decides what is known when: the same seed gives the
# same search on any machine.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for strategy, color in (("random", "#888888"), ("bayesian", "#d1582c")):
    result = tune.search(
        build, space, X, y, strategy=strategy, trials=40, epochs=8, monitor="val_log_loss",
        storage=None, verbose=0,
    )  # fmt: skip
    values = [t.value if np.isfinite(t.value) else np.inf for t in result.trials]
    left.plot(np.minimum.accumulate(values), color=color, label=strategy, drawstyle="steps-post")
    rates = [t.params["learning_rate"] for t in result.trials]
    right.semilogx(rates, range(40), "o", color=color, label=strategy)
    late = np.median(values[20:])
    print(f"{strategy:<9} best {result.best_value:.4f}, median of the last 20 {late:.3f}")

# %%
# The later trials tell more than one lucky best: hardly one of them is wasted. Where a trial
# takes a second, coarse to fine or halving are as good, and need no second model to trust.

left.set(xlabel="trial", ylabel="best held-out loss so far", yscale="log")
right.set(xlabel="learning rate tried", ylabel="trial", title="Where it looks")
left.legend(frameon=False)
plt.show()
