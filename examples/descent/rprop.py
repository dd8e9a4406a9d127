r"""
Rprop, and why it fails on mini-batches
=======================================

Rprop looks at the *sign* of a gradient alone. Each weight has a step size of its own, which grows
by 1.2 while the sign stays and halves when it turns: the size of the gradients, which may differ a
thousandfold between layers, no longer matters. On all rows it is one of the fastest methods.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, Sequential, Softmax, Tanh
from fastnn.datasets import load_digits

# %%
# Ten mini-batches tell of one weight: nine gradients of +0.1 and one of -0.9. They sum to nothing:
# the weight should stay where it is. SGD does that. Rprop counts nine votes to one.
# RMSprop divides by the root of a *running average* of the squares, which neighbouring batches
# share, so that large and small gradients keep their proportions: it is rprop's idea for batches.

gradients = np.array(([0.1] * 9 + [-0.9]) * 30)


def sgd(g, rate=0.02):
    """w -= rate g, from 0."""
    return -rate * np.cumsum(g)


def rprop(g, step=0.002, largest=0.01):
    """The sign times a step size that grows while the sign stays."""
    w, places, last = 0.0, [], 0.0
    for now in np.sign(g):
        step = min(1.2 * step, largest) if now * last > 0 else 0.5 * step if last else step
        w, last = w - now * step, now
        places.append(w)
    return np.array(places)


def rmsprop(g, rate=0.002, rho=0.98):
    """The gradient over the root of the running mean of its squares (0.09 in the long run)."""
    v, w, places = 0.09, 0.0, []
    for now in g:
        v = rho * v + (1 - rho) * now**2
        w -= rate * now / (np.sqrt(v) + 1e-8)
        places.append(w)
    return np.array(places)


walks = {"SGD": sgd(gradients), "rprop": rprop(gradients), "RMSprop": rmsprop(gradients)}
for name, walk in walks.items():
    print(f"{name:<8} ends at {walk[-1]:+.3f}; the gradients sum to {abs(gradients.sum()):.0f}")

# %%
# On a network: rprop on all rows falls faster than descent with momentum does. fastnn refuses it on
# mini-batches, and says why.

X, y = load_digits()
losses = {}
for name, optimizer in {"rprop": fastnn.Rprop(), "momentum": fastnn.SGD(0.2, 0.9)}.items():
    model = Sequential([Dense(32), Tanh(), Dense(10), Softmax()], seed=0)
    model.compile(optimizer)
    losses[name] = model.fit(X, y, epochs=60, batch_size=None, verbose=0)["loss"]
try:
    model.compile(fastnn.Rprop())
    model.fit(X, y, batch_size=32)
except ValueError as error:
    print(error)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, walk in walks.items():
    left.plot(walk, label=name)
left.set(xlabel="mini-batch", ylabel="weight", title="Nine times +0.1, once -0.9")
for name, loss in losses.items():
    right.semilogy(loss, label=name)
right.set(xlabel="epoch = one step on all rows", ylabel="training loss", title="Digits, all rows")
left.legend(frameon=False), right.legend(frameon=False)
plt.show()
