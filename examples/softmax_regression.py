"""Softmax regression: without a hidden layer, classes are parted by straight lines."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

import fastnn
from fastnn import Dense, Sequential, Softmax

COLORS = ["#1f6fb4", "#d1582c", "#3b8f4e", "#8a5cb0", "#d3a32b", "#4fa3a5"]


def blobs(n_classes, rng, rows=120):
    """Gaussian clouds around the corners of a polygon: X (n, 2), y (n,)."""
    y = np.repeat(np.arange(n_classes), rows)
    angle = 2 * np.pi * y / n_classes
    centres = 3 * np.column_stack([np.cos(angle), np.sin(angle)])
    return centres + rng.normal(size=centres.shape), y


def draw(panel, model, X, y, n_classes):
    """The class that the model gives to each point of the plane, and the data on it."""
    edge = 1.05 * np.abs(X).max()
    grid = np.linspace(-edge, edge, 300)
    plane = np.stack(np.meshgrid(grid, grid), axis=-1)
    classes = model.predict_classes(plane.reshape(-1, 2)).reshape(300, 300)
    colors = ListedColormap(COLORS[:n_classes])
    panel.pcolormesh(grid, grid, classes, cmap=colors, alpha=0.25, vmin=0, vmax=n_classes - 1)
    panel.scatter(*X.T, c=y, cmap=colors, s=9, linewidths=0)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_aspect("equal")


rng = np.random.default_rng(0)
figure, axes = plt.subplots(2, 2, figsize=(7, 7.4), layout="constrained")
for n_classes, panel in zip((3, 4, 5, 6), axes.flat, strict=True):
    X, y = blobs(n_classes, rng)
    model = Sequential([Dense(n_classes), Softmax()], seed=0)
    model.compile(optimizer=fastnn.LBFGS(), loss="cross_entropy", metrics=["accuracy"])
    model.fit(X, y, epochs=100, batch_size=None, verbose=0)
    score = model.evaluate(X, y)
    print(f"{n_classes} classes: loss {score['loss']:.3f}, accuracy {score['accuracy']:.1%}")
    draw(panel, model, X, y, n_classes)
    panel.set_title(f"{n_classes} classes, accuracy {score['accuracy']:.1%}")
figure.savefig("softmax_regression.png", dpi=150)
print("decision boundaries: softmax_regression.png")
