r"""
L2, L1 and dropout
==================

Three ways to keep a network from its own rows. L2 adds :math:`\frac{\lambda}{2}\sum w^2` to the
loss and pulls each weight towards 0 in proportion to its size; L1 adds :math:`\lambda\sum|w|`,
pulls all alike and leaves exact zeros; dropout sets units to 0 at random in training, so that none
relies on another.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, Dropout, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

X, y = load_digits()
rows = np.random.default_rng(0).permutation(len(X))
train, new = rows[:150], rows[150:]


def fit(dense, dropout=0.0):
    """The model and its history: 64-128-10 on 150 images."""
    layers = [Dense(128, **dense), ReLU(), *([Dropout(dropout)] if dropout else [])]
    model = Sequential([*layers, Dense(10, **dense), Softmax()], seed=0)
    model.compile(fastnn.SGD(0.1, momentum=0.9), metrics=["accuracy", "log_loss"])
    history = model.fit(X[train], y[train], epochs=150, validation_data=(X[new], y[new]), verbose=0)
    return model, history


fits = {
    "nothing": fit({}),
    "L2, 0.003": fit({"l2": 0.003}),
    "L1, 0.003": fit({"l1": 0.003}),
    "dropout, 0.5": fit({}, dropout=0.5),
}

# %%
# L1 *sums absolute values*, and is applied as a proximal step (shrink by rate times strength, stop
# at 0), so that its zeros are zeros. The penalties are on weights, not on biases, and are part of
# "loss" and "val_loss"; the metric "log_loss" is the cross-entropy alone.

for name, (model, history) in fits.items():
    W = model.get_weights()[0]
    print(
        f"{name:<13} accuracy on new rows {history['val_accuracy'][-1]:.1%}, loss "
        f"{history['val_log_loss'][-1]:.2f}; {np.mean(W == 0):.0%} of the weights are 0"
    )

# %%
# Dropout divides what it keeps by 1 - rate in training (inverted dropout), so that nothing need be
# done to predict. In training the loss is higher for it: compare losses on held-out rows.
#
# With Adam, ``l2`` goes through the gradient and its normalisation; ``AdamW(weight_decay=...)``
# pulls at the weights themselves, in proportion to the learning rate (Loshchilov & Hutter 2019).

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, (model, history) in fits.items():
    left.semilogy(history.epoch, history["val_log_loss"], label=name)
    size = np.sort(abs(model.get_weights()[0]).ravel())[::-1]
    right.semilogy(np.linspace(0, 1, len(size)), np.maximum(size, 1e-5), label=name)
left.set(xlabel="epoch", ylabel="loss on new rows", title="150 images to learn from")
right.set(xlabel="share of the first layer's weights", title="Their absolute values, sorted")
right.set_ylim(1e-4, 2)
left.legend(frameon=False)
plt.show()
