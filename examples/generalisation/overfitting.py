"""
Hold-out, early stopping, and where overfitting begins
======================================================

The training loss falls as long as one likes. What counts is the loss on rows that no step has
seen: it falls, reaches its bottom, and rises while the network learns its own rows by heart.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, EarlyStopping, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
from fastnn.plotting import learning_curves

X, y = load_digits()

# Few rows and some wrong labels: a network that can learn by heart will.
rng = np.random.default_rng(0)
rows = rng.permutation(len(X))
train, test = rows[:500], rows[500:]
labels = y.copy()
wrong = rng.choice(train, 60, replace=False)
labels[wrong] = rng.integers(10, size=60)


def network():
    """64-64-10, compiled."""
    model = Sequential([Dense(64), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(fastnn.Adam(3e-3), metrics=["accuracy"])
    return model


# %%
# A quarter of the rows is held out, by class. ``history.overfit_epoch`` is the bottom of the curve
# if the rise after it is more than noise (Kendall's rank test), and None if there is no such rise.

model = network()
history = model.fit(X[train], labels[train], epochs=100, validation_split=0.25, verbose=0)
print(f"best epoch {history.best_epoch}, overfitting from {history.overfit_epoch}")

# %%
# Early stopping watches the same curve and keeps the best weights. It chooses by the rows held out,
# so that their score is a little too good; the last word have rows that decided nothing.

careful = network()
stopping = EarlyStopping("val_loss", patience=15)
careful.fit(
    X[train], labels[train], epochs=500, validation_split=0.25, callbacks=[stopping], verbose=0
)
print(stopping.reason)
for name, one in (("100 epochs", model), ("stopped early", careful)):
    scores = one.evaluate(X[test], y[test])
    print(f"{name:<14} on new rows: loss {scores['loss']:.2f}, accuracy {scores['accuracy']:.1%}")

axes = learning_curves(history)
axes[0].figure.suptitle("The shaded epochs overfit")
plt.show()
