r"""
From gradient descent to mini-batches
=====================================

One step down the gradient of *all* rows, or many steps down the gradients of a few rows each? Both
follow the same rule, :math:`w \leftarrow w - \alpha\,\partial L/\partial w`, where L is the mean
loss of the rows at hand.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

X, y = load_digits()

# %%
# Batch gradient descent takes all rows for one step, stochastic gradient descent a single one;
# mini-batches lie between. The same number of epochs is the same number of rows looked at.

histories = {}
for name, batch_size in {"all rows": None, "32 rows": 32, "1 row": 1}.items():
    model = Sequential([Dense(32), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(fastnn.SGD(0.05), loss="cross_entropy")
    history = model.fit(X, y, epochs=10, batch_size=batch_size, verbose=0)
    histories[name] = history
    steps = 10 * int(np.ceil(len(X) / (batch_size or len(X))))
    print(f"{name:>8} a step: {steps:6} steps, loss {history['loss'][-1]:.3f}")

# %%
# Ten steps get nowhere, however well each is aimed. Single rows take 1797 steps an epoch and learn
# most per epoch here, but each step is a call for one row: nothing is shared between rows, and a
# processor's vector units stay empty. What counts on a clock is loss against *seconds*; powers of
# two from 16 to 256 are where to look, and fastnn takes 32 unless told otherwise.
#
# Why are a few rows enough? The mean of B gradients scatters about the mean of all with a standard
# deviation that falls as :math:`1/\sqrt{B}`: four times the rows cost four times the time, for half
# the noise.

probe = Sequential([Dense(32), ReLU(), Dense(10), Softmax()], seed=0)
probe.compile(fastnn.SGD(1.0), loss="cross_entropy")
probe.build(64)
start = probe.get_weights()


def gradient(rows):
    """By one step of plain SGD with rate 1: what the weights of the last layer have lost."""
    probe.set_weights(start)
    probe.fit(X[rows], y[rows], epochs=1, batch_size=None, shuffle=False, verbose=0)
    return start[2] - probe.get_weights()[2]


rng = np.random.default_rng(0)
full = gradient(np.arange(len(X)))
sizes = [1, 4, 16, 64, 256]
noise = [
    np.mean([np.linalg.norm(gradient(rng.choice(len(X), B)) - full) for _ in range(20)])
    for B in sizes
]

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, history in histories.items():
    left.plot(history.epoch, history["loss"], label=name)
left.set(xlabel="epoch", ylabel="training loss", yscale="log", title="The same rows, more steps")
left.legend(frameon=False)
right.loglog(sizes, noise, "o-", label="measured")
right.loglog(sizes, noise[0] / np.sqrt(sizes), ":", color="gray", label=r"$\propto 1/\sqrt{B}$")
right.set(xlabel="rows in a batch, B", ylabel="distance from the full gradient", title="Noise")
right.legend(frameon=False)
plt.show()
