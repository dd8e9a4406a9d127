r"""
Columns of a table: bins, waves and codes
=========================================

A ReLU network follows a target that bends often only with many units and much time. Columns that
already bend help it: piecewise-linear encodings (Gorishniy et al. 2022, arXiv 2203.05556), whose
bends stand where the data are, and learned waves, :math:`\cos 2\pi(w x + c)`, of which
RealMLP-TD's embeddings are made (Holzmüller et al. 2024).
"""

import matplotlib.pyplot as plt
import numpy as np

from fastnn import (
    Adam,
    Dense,
    Embedding,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    ReLU,
    Sequential,
    Standardize,
)

rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, (600, 1))
y = np.sin(4 * x) + 0.3 * x**2 + rng.normal(0, 0.1, x.shape)
grid = np.linspace(-3, 3, 500)[:, None]


def learn(X, y, *first):
    """A network of 32 units behind these layers, after 60 epochs."""
    model = Sequential([*first, Dense(32), ReLU(), Dense(1)], seed=0)
    model.compile(Adam(0.01), "mse")
    model.fit(X, y, epochs=60, batch_size=32, verbose=0)
    return model


# %%
# The encoding has its knots at quantiles of the rows, so that as many of them are in each bin, and
# stays as it is. The frequencies of waves learn with the rest.

bins = PiecewiseLinearEncoding.of(x, bins=16)
answers = {
    "x as it is": learn(x, y, Standardize()).predict(grid),
    "16 bins": learn(x, y, bins).predict(grid),
    "waves": learn(x, y, Standardize(), PeriodicEmbedding(sigma=0.5)).predict(grid),
}
truth = np.sin(4 * grid) + 0.3 * grid**2
figure, panels = plt.subplots(1, 3, figsize=(12, 3.5), sharey=True, layout="constrained")
for axes, (name, answer) in zip(panels, answers.items(), strict=True):
    error = np.sqrt(np.mean((answer - truth) ** 2))
    print(f"{name:<10} root mean square error {error:.2f}")
    axes.plot(x, y, ".", markersize=2, alpha=0.4)
    axes.plot(grid, answer, color="tab:red")
    axes.set(title=f"{name}: {error:.2f}", xlabel="x")
plt.show()

# %%
# On tables that bend less they are worth less, and where no single column tells anything they do
# harm. So the preset for tables tries the encoding, and keeps it where rows held out say so.
#
# A category of many values is a code, and its embedding a row of numbers that is learned. Two
# hundred shops, five sales of each; a shop's level is what the network must find.

level = rng.normal(size=200)
shop = np.repeat(np.arange(200), 5)
sales = level[shop] + rng.normal(0, 0.1, 1000)
as_number = learn(shop[:, None], sales, Standardize())
as_code = learn(shop[:, None], sales, Embedding(200, 4))
codes = np.arange(200)[:, None]
for name, model in (("a number", as_number), ("a code", as_code)):
    error = np.sqrt(np.mean((model.predict(codes)[:, 0] - level) ** 2))
    print(f"the shop as {name:<9} root mean square error {error:.2f}")
