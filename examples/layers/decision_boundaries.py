"""
Decision boundaries
===================

Straight lines of softmax regression, curves of networks with hidden units.

The darker a region, the surer the model; a ring marks each point taken for another class.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, Sequential, Sigmoid, Softmax, Tanh
from fastnn.plotting import decision_boundaries


def blobs(n_classes, rng, rows=80):
    """Gaussian clouds around the corners of a polygon: X (n, 2), y (n,)."""
    y = np.repeat(np.arange(n_classes), rows)
    angle = 2 * np.pi * y / n_classes
    centres = 3 * np.column_stack([np.cos(angle), np.sin(angle)])
    return centres + rng.normal(size=centres.shape), y


def rings(rng, rows=150):
    """A disc within a ring."""
    y = np.repeat([0, 1], rows)
    radius = 2.0 * y + rng.normal(0.5, 0.35, size=len(y))
    angle = rng.uniform(0, 2 * np.pi, size=len(y))
    return (radius * [np.cos(angle), np.sin(angle)]).T, y


def spirals(rng, rows=100):
    """Three arms of a spiral."""
    y = np.repeat(np.arange(3), rows)
    radius = np.tile(np.linspace(0.2, 3, rows), 3)
    angle = 1.6 * radius + 2 * np.pi * y / 3 + rng.normal(0, 0.12, size=len(y))
    return (radius * [np.cos(angle), np.sin(angle)]).T, y


def dense(units):
    """A little weight decay keeps a network from being surer than the data make it."""
    return Dense(units, l2=1e-3)


rng = np.random.default_rng(0)
straight = {k: (*blobs(k, rng), [dense(k), Softmax()], "cross_entropy") for k in (3, 4, 5, 6)}
problems = {f"{k} classes": problem for k, problem in straight.items()} | {
    "rings": (*rings(rng), [dense(8), Tanh(), dense(1), Sigmoid()], "binary_cross_entropy"),
    "spirals": (*spirals(rng), [dense(16), Tanh(), dense(3), Softmax()], "cross_entropy"),
}
figure, axes = plt.subplots(2, 3, figsize=(12, 7.6), layout="constrained")
for ax, (name, (X, y, layers, loss)) in zip(axes.flat, problems.items(), strict=True):
    model = Sequential(layers, seed=0)
    model.compile(optimizer=fastnn.LBFGS(), loss=loss, metrics=["accuracy"])
    model.fit(X, y, epochs=200, batch_size=None, verbose=0)
    accuracy = model.evaluate(X, y)["accuracy"]
    print(f"{name}: accuracy {accuracy:.1%}")
    decision_boundaries(model, X, y, ax)
    ax.set_title(f"{name}: accuracy {accuracy:.1%}")
plt.show()
