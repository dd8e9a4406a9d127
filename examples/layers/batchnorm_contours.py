r"""
What normalisation does to the valley
=====================================

Inputs of unequal scale make the loss a long valley: one rate is too large across it and too small
along it. Normalised, :math:`x' = (x - \mu)/\sigma` with the mean and standard deviation of the
*training* rows, the contours come close to circles. Batch norm does the same for each hidden layer,
with the statistics of the mini-batch, and lets the layer choose its own scale and centre: :math:`y
= \gamma\,(z - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta`, where :math:`\gamma` and :math:`\beta` are
learned.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import BatchNorm, Dense, Sequential, Standardize

rng = np.random.default_rng(0)
X = rng.normal(size=(500, 2)) * [3.0, 0.5] + [4.0, 0.0]
y = X @ [1.0, 2.0]


def train(layers, rate, epochs=15):
    """The losses of full-batch descent."""
    model = Sequential(layers, seed=1)
    model.compile(fastnn.SGD(rate), loss="mse")
    return model.fit(X, y, epochs=epochs, batch_size=None, verbose=0)["loss"]


raw = train([Dense(1)], 0.03)
scaled = train([Standardize(), Dense(1)], 0.4)
print(f"loss after 15 steps: raw {raw[-1]:.3f}, standardised {scaled[-1]:.6f}")

# %%
# ``Standardize`` is fitted on the training rows by the first ``fit``, stays with the model, and is
# applied to whatever it predicts: new rows are scaled as the old ones were, not by themselves.
#
# Batch norm at its golden point: with :math:`\gamma = \sqrt{\sigma^2 + \epsilon}` and
# :math:`\beta = \mu` it is the identity. So it can undo itself where that is best.

model = Sequential([BatchNorm(), Dense(1)], seed=0, dtype="float64")
model.compile(fastnn.SGD(0.1), loss="mse")
model.fit(X, y, epochs=1, verbose=0)
model.recompute_batchnorm(X)
gamma, beta, mean, variance, W, b = model.get_weights()
model.set_weights([np.sqrt(variance + 1e-5), mean, mean, variance, W, b])
print("the identity:", np.allclose(model.predict(X), X @ W + b))


def contours(ax, Z, title):
    """The mean squared error over the two weights, the best bias taken for each."""
    best = np.linalg.lstsq(np.column_stack([Z, np.ones(len(Z))]), y, rcond=None)[0][:2]
    a, b = np.meshgrid(*[np.linspace(w - 4, w + 4, 120) for w in best])
    d = np.stack([a - best[0], b - best[1]])
    loss = np.einsum("iyx,ij,jyx->yx", d, np.cov(Z.T), d)
    ax.contour(a, b, loss, levels=np.geomspace(0.1, 100, 9), colors="#1f6fb4", linewidths=0.8)
    ax.set(title=title, xlabel="first weight", ylabel="second weight", aspect="equal")


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
contours(left, X, "contours of the loss: raw")
contours(middle, (X - X.mean(0)) / X.std(0), "standardised")
right.semilogy(raw, label="raw, rate 0.03")
right.semilogy(scaled, label="standardised, rate 0.4")
right.set(xlabel="step", ylabel="loss", title="Descent")
right.legend(frameon=False)
plt.show()
