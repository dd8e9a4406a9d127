"""
What is wrong with it?
======================

Why does a network not learn? Are new data still what it was trained on?
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import BatchNorm, Dense, ReLU, Sequential, Sigmoid, Softmax, Standardize
from fastnn.datasets import load_digits
from fastnn.diagnostics import check, shift
from fastnn.plotting import activation_histograms

X, y = load_digits()
order = np.random.default_rng(0).permutation(len(X))
train, new = order[:1200], order[1200:]

print("A deep network of sigmoids on pixels from 0 to 255:\n")
careless = Sequential([*[Dense(32), Sigmoid()] * 6, Dense(10), Softmax()], seed=0)
careless.compile(optimizer=fastnn.SGD(0.01), loss="cross_entropy")
print(check(careless, 255 * X[train], y[train]))

activation_histograms(careless.build(64), 255 * X[train])
plt.show()

# %%

print("\nThe same, with its advice taken:\n")
sound = Sequential(
    [Standardize(), *[Dense(32), BatchNorm(), ReLU()] * 2, Dense(10), Softmax()], seed=0
)
sound.compile(optimizer=fastnn.Adam(1e-3), loss="cross_entropy", metrics=["accuracy"])
print(check(sound, 255 * X[train], y[train]))

sound.fit(255 * X[train], y[train], epochs=20, verbose=0)


def tell(what, pixels):
    """What the labels say, and what the data alone does."""
    accuracy = sound.evaluate(pixels, y[new])["accuracy"]
    found = shift(sound, pixels, reference=255 * X[train])
    print(f"{what:<32} accuracy {accuracy:.2f}, shift: {found.verdict}")
    return found


# %%

print("\nTrained; now new images arrive:\n")
images = 255 * X[new]
tell("as before", images)
tell("a little darker", 0.9 * images)
tell("noise of 20 grey levels", images + np.random.default_rng(0).normal(0, 20, images.shape))
moved = tell("one pixel to the right", np.roll(images.reshape(-1, 8, 8), 1, axis=2).reshape(-1, 64))
print(f"\n{moved}")
