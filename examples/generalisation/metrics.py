"""
Metrics: what the loss does not say
===================================

A loss is what can be descended; a metric is what one wants to know. Accuracy is blind where classes
are rare: here one row in twenty is positive, and "always no" is right 95 times in 100.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, ReLU, Sequential, Sigmoid, metrics

rng = np.random.default_rng(0)
y = (rng.random(4000) < 0.05).astype(int)
X = rng.normal(size=(4000, 8)) + 1.2 * y[:, None] * (np.arange(8) < 3)
train, new = slice(0, 2000), slice(2000, 4000)

# %%
# Precision: of the rows called positive, how many are; recall: of those that are, how many were
# called; F1, their harmonic mean. ``fastnn.metrics`` average over the classes (macro), so that the
# rare one counts as much as the other. ROC AUC asks whether a positive scores above a negative, for
# all thresholds.


def fit(weight):
    """A small network; ``weight`` is that of a positive row."""
    model = Sequential([Dense(16), ReLU(), Dense(1), Sigmoid()], seed=0)
    model.compile(fastnn.Adam(3e-3), loss="binary_cross_entropy", metrics=["f1", "roc_auc"])
    model.fit(
        X[train], y[train], epochs=20, sample_weight=np.where(y[train], weight, 1.0), verbose=0
    )
    return model.predict(X[new])


never = np.zeros((2000, 1))
for name, p in {"always no": never, "weights 1": fit(1.0), "positives x 19": fit(19.0)}.items():
    values = [
        f"{m.__name__} {m(y[new], p):.2f}"
        for m in (metrics.accuracy, metrics.precision, metrics.recall, metrics.f1, metrics.roc_auc)
    ]
    print(f"{name:<15}", ", ".join(values))

# %%
# Weights move the threshold more than the ranking. Where to cut is a question of what a miss and
# a false alarm cost; the curve shows what can be had.

p = fit(1.0)[:, 0]
cuts = np.sort(p)[::-1]
hits = np.cumsum(y[new][np.argsort(-p)])
recall, precision = hits / hits[-1], hits / np.arange(1, len(p) + 1)
false = np.cumsum(1 - y[new][np.argsort(-p)]) / (y[new] == 0).sum()
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(false, recall)
left.plot([0, 1], [0, 1], ":", color="gray")
area = metrics.roc_auc(y[new], p[:, None])
left.set(xlabel="share of negatives called", ylabel="recall", title=f"ROC, area {area:.2f}")
right.plot(recall, precision)
right.axhline(y[new].mean(), color="gray", linestyle=":")
right.set(xlabel="recall", ylabel="precision", title="Dotted: calling at random", ylim=(0, 1.05))
plt.show()
