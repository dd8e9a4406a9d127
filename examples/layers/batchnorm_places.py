"""
Batch norm: where to put it, and what it is at test time
========================================================

Usually between the affine map and its activation, where the values are most nearly normal; after
the activation works too. The bias before it is redundant: the mean takes away any constant. And one
row alone has no mean of a batch: to predict, batch norm uses averages that it kept while training.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

X, y = load_digits()

# %%
# A constant added to the bias before batch norm changes nothing, so ``Dense`` leaves the bias out
# there: the shapes of the weights tell.

model = Sequential([Dense(32), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=0)
model.compile(fastnn.Adam(3e-3), metrics=["accuracy"])
model.fit(X, y, epochs=1, verbose=0)
print([array.shape for array in model.get_weights()])  # W; gamma, beta, mean, variance; W, b

# %%
# Before or after the activation?

hidden = {
    "none": [Dense(32), ReLU()],
    "before the activation": [Dense(32), BatchNorm(), ReLU()],
    "after it": [Dense(32), ReLU(), BatchNorm()],
}
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, layers in hidden.items():
    model = Sequential([*layers * 3, Dense(10), Softmax()], seed=0)
    model.compile(fastnn.SGD(0.1))
    left.semilogy(model.fit(X, y, epochs=12, verbose=0)["loss"], label=name)
left.set(xlabel="epoch", ylabel="training loss", title="Three hidden layers, SGD(0.1)")
left.legend(frameon=False)

# %%
# Test time: the running averages are exponential, ``momentum`` is the share of the old one that
# each step keeps, and they are bias-corrected, so that they are right after few steps. After
# training, ``recompute_batchnorm`` replaces them by the exact statistics of all rows. In training
# the variance is :math:`\frac1B\sum(z - \mu)^2`, about the mean; the one that is kept is divided
# by B - 1.

model = Sequential([BatchNorm(momentum=0.9), Dense(10), Softmax()], seed=0)
model.compile(fastnn.SGD(0.01))
pixel, running = 36, []
for rows in np.random.default_rng(0).permutation(len(X))[:1600].reshape(50, 32):
    model.fit(X[rows], y[rows], batch_size=None, verbose=0)
    running.append(model.get_weights()[2][pixel])
right.plot(running, label="running average, 0.9")
right.axhline(X[:, pixel].mean(), color="gray", linestyle=":", label="mean of all rows")
right.set(xlabel="step", title="Kept for predicting: a pixel's mean")
right.legend(frameon=False)

before = abs(model.get_weights()[2] - X.mean(0)).max()
model.recompute_batchnorm(X)
after = abs(model.get_weights()[2] - X.mean(0)).max()
print(f"means off by {before:.3f}; after recompute_batchnorm by {after:.1e}")
alone = np.vstack([model.predict(X[:1]), model.predict(X[1:2])])
print("a row is predicted alone as among others:", np.allclose(alone, model.predict(X)[:2]))
plt.show()
