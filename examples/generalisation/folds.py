"""
How far can a score be trusted? k folds
=======================================

A fifth of 300 rows is 60 rows: one row more or less is 1.7 per cent. k-fold cross-validation
lets each row be held out once: k networks, k scores, a mean and a spread. fastnn trains the folds
at once, in threads, each with the bits of a lone fit.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_digits

X, y = load_digits()
order = np.random.default_rng(1).permutation(len(X))  # the file is sorted by writer
X, y = X[order], y[order]
X, y, new = X[:300], y[:300], (X[300:], y[300:])


def network(seed=0):
    """64-32-10."""
    model = Sequential([Dense(32), ReLU(), Dense(10), Softmax()], seed=seed)
    model.compile(fastnn.Adam(3e-3), metrics=["accuracy"])
    return model


# %%
# Hold-out: the same network, ten different fifths held out. The scores differ by the luck of the
# draw.

lucky = [
    network(seed).fit(X, y, epochs=40, validation_split=0.2, verbose=0)["val_accuracy"][-1]
    for seed in range(10)
]
print(f"ten hold-outs: {min(lucky):.1%} to {max(lucky):.1%}")

# %%
# Five folds: each row is judged once, by a network that has not seen it. Rows that belong together,
# such as several of one patient, go into one fold with ``groups``; rows in time take scikit-learn's
# ``TimeSeriesSplit`` as ``cv``.

folds = tune.cross_validate(network(), X, y, cv=5, epochs=40)
print(folds)
mean, deviation = folds.mean["val_accuracy"], folds.deviation["val_accuracy"]
print(f"best epoch of the mean loss: {folds.best_epoch}, overfitting from {folds.overfit_epoch}")

# %%
# In the end one network learns from all 300 rows, for as many epochs as were best on the mean
# curve. What it is worth, here 1497 more rows tell.

final = network()
final.fit(X, y, epochs=folds.best_epoch, verbose=0)
truth = final.evaluate(*new)["accuracy"]
print(f"five folds say {mean[folds.best_epoch - 1]:.1%}; on 1497 new rows it is {truth:.1%}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for history in folds.histories:
    left.plot(history.epoch, history["val_accuracy"], color="#1f6fb4", linewidth=0.7)
epochs = np.arange(1, len(mean) + 1)
left.fill_between(epochs, mean - deviation, mean + deviation, alpha=0.15)
left.plot(epochs, mean, color="black", label="mean of the folds")
left.axhline(truth, color="gray", linestyle=":", label="1497 new rows")
left.set(xlabel="epoch", ylabel="held-out accuracy", ylim=(0.7, 1), title="Five folds")
left.legend(frameon=False)
right.plot(np.sort(lucky), "o", label="one fifth held out, ten draws")
right.axhline(mean[-1], label="mean of five folds")
right.axhline(truth, color="gray", linestyle=":", label="1497 new rows")
right.set(xticks=[], ylim=(0.8, 1), title="The luck of the draw")
right.legend(frameon=False)
plt.show()
