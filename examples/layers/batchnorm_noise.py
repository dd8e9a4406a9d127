r"""
The noise of batch norm, covariate shift, and dropout
=====================================================

In training a row meets other rows in each batch, so batch norm scales it a little differently
each time: the mean of B rows scatters by :math:`\sigma/\sqrt B`. That noise regularises, and larger
batches have less of it. Use something meant for the purpose, dropout or L2, where you need more.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import BatchNorm, Dense, Dropout, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

X, y = load_digits()

# %%
# The number 1, normalised among others from N(0, 1), in 2000 batches.

rng = np.random.default_rng(0)
sizes, scatter = [8, 16, 32, 64, 128, 256], []
for B in sizes:
    z = rng.normal(size=(2000, B))
    scatter.append(((1 - z.mean(1)) / np.sqrt(z.var(1) + 1e-5)).std())

# %%
# With dropout. Dropout before batch norm adds variance in training which is missing when it
# predicts (Li et al. 2019, "Understanding the disharmony between dropout and batch normalization by
# variance shift"), so the rule is: after the last batch norm. On a network as small as this one the
# rule does not show, and more dropout is what helps: measure it on your own rows.


def fit(layers, name):
    """The history of 64-64-10 on 300 digits."""
    model = Sequential([*layers, Dense(10), Softmax()], seed=0)
    model.compile(fastnn.Adam(1e-2), metrics=["accuracy"])
    history = model.fit(X[:300], y[:300], epochs=60, verbose=0, validation_data=(X[300:], y[300:]))
    print(f"{name:<28} held out: loss {history['val_loss'][-1]:.3f}")
    return history


block = [Dense(64), BatchNorm(), ReLU()]
fits = {
    "batch norm": block * 2,
    "dropout before batch norm": [Dense(64), Dropout(0.5), BatchNorm(), ReLU()] * 2,
    "dropout after the last one": [*block * 2, Dropout(0.5)],
}
histories = {name: fit(layers, name) for name, layers in fits.items()}

# %%
# Covariate shift: the weights of a layer learn from inputs which the layers below keep moving, and
# batch norm holds at least their mean and variance in place. It does so for data as it was: when
# new data come from elsewhere, the statistics are wrong, too. ``fastnn.diagnostics.shift`` measures
# by how much, layer by layer; ``recompute_batchnorm`` on new rows, without labels, is the first
# aid.

model = Sequential([*block * 2, Dense(10), Softmax()], seed=0)
model.compile(fastnn.Adam(3e-3), metrics=["accuracy"])
model.fit(X[:1200], y[:1200], epochs=15, verbose=0)
dark = 0.4 * X[1200:]
before = model.evaluate(dark, y[1200:])["accuracy"]
verdict = fastnn.diagnostics.shift(model, dark, reference=X[:1200]).verdict
model.recompute_batchnorm(dark)
after = model.evaluate(dark, y[1200:])["accuracy"]
print(f"darker images: {before:.0%} right, shift {verdict}; statistics measured anew: {after:.0%}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.loglog(sizes, scatter, "o-", label="measured")
expected = scatter[-1] * np.sqrt(sizes[-1] / np.array(sizes))
left.loglog(sizes, expected, ":", color="gray", label=r"$\propto 1/\sqrt{B}$")
left.set(xlabel="rows in a batch, B", title="How far batch norm scatters one value")
left.legend(frameon=False)
for name, history in histories.items():
    right.semilogy(history.epoch, history["val_loss"], label=name)
right.set(xlabel="epoch", ylabel="held-out loss", title="300 digits")
right.legend(frameon=False, fontsize="small")
plt.show()
