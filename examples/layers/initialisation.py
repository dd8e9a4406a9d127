r"""
Where the weights start
=======================

Equal weights: each unit of a layer does the same, gets the same gradient and stays the same; 64
units learn as one would. Too large: tanh saturates, and its slope, a factor of every gradient
below, is 0. Too small: the signal dies from layer to layer. Xavier (Glorot) and He choose the
variance so that it does neither.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax, Tanh
from fastnn.datasets import load_digits
from fastnn.initializers import Constant, GlorotNormal, HeNormal

X, y = load_digits()
X = (X - X.mean(axis=0)) / (X.std(axis=0) + 0.1)

# %%
# **Symmetry.** How many different columns has W after ten epochs? fastnn warns of equal starts.

warnings.simplefilter("ignore")
for name, init in {"all 0.1": Constant(0.1), "all 0": "zeros", "drawn": None}.items():
    model = Sequential([Dense(64, init=init), Tanh(), Dense(10, init=init), Softmax()], seed=0)
    model.compile(fastnn.SGD(0.1), metrics=["accuracy"])
    history = model.fit(X, y, epochs=10, verbose=0)
    different = len(np.unique(model.get_weights()[0], axis=1).T)
    print(f"{name:<8} {different:2} different units, accuracy {history['accuracy'][-1]:.0%}")

# %%
# **Variance.** With n inputs of variance 1, :math:`\sum_i w_i x_i` has variance
# :math:`n\,\mathrm{Var}\,w`. It stays 1 for Var w = 1/n; Glorot's 2/(inputs + outputs) also keeps
# the gradients on their way back. ReLU sets half of the signal to 0, and He's 2/n makes up for it.
# Without a word, ``Dense`` takes He before ReLU and its relatives, LeCun before SELU, else Glorot.


def normal(deviation):
    """An initializer may be any function of a generator and the two widths."""
    return lambda rng, fan_in, fan_out: rng.normal(0, deviation, (fan_in, fan_out))


def spread(init, activation, depth=8):
    """The standard deviation of what each hidden layer gives, before any training."""
    found = []
    for k in range(1, depth + 1):
        model = Sequential([Dense(100, init=init), activation] * k, seed=0).build(X.shape[1])
        found.append(model.predict(X).std())
    return found


starts = {
    "N(0, 1)": normal(1.0),
    "N(0, 0.01²)": normal(0.01),
    "Xavier / Glorot": GlorotNormal(),
    "He": HeNormal(),
}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharex=True, layout="constrained")
for ax, activation in zip(axes, (Tanh(), ReLU()), strict=True):
    for name, init in starts.items():
        ax.semilogy(range(1, 9), spread(init, activation), "o-", markersize=4, label=name)
    ax.set(xlabel="hidden layer", title=activation.name)
axes[0].set(ylabel="standard deviation of its outputs")
axes[1].legend(frameon=False)
plt.show()

# %%
# Under tanh the large start looks healthy, with a deviation near 1, but it is saturated: nearly all
# outputs are -1 or 1. ``fastnn.diagnostics.check(model, X, y)`` counts saturated and dead units.
