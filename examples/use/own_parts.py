"""
A loss and an activation of your own
====================================

Both written by hand as Numba functions, checked, and trained with: the engine
calls them by address and is not compiled again.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from numba import njit

import fastnn
from fastnn import Activation, Dense, Sequential


@njit
def snake(z):
    """z + sin(z)^2: it can go on with a rhythm (Ziyin et al. 2020)."""
    return z + math.sin(z) ** 2


@njit
def snake_slope(z):
    """1 + sin(2 z)."""
    return 1 + math.sin(2 * z)


@njit
def wrong_slope(z):
    """A slip to be found."""
    return 1 + math.sin(z)


@njit
def log_cosh(prediction, target, dprediction):
    """sum_k log cosh(e_k), e = prediction - target: square near 0, absolute far away."""
    value = 0.0
    for k in range(len(prediction)):
        e = prediction[k] - target[k]
        # log cosh e = |e| + log(1 + exp(-2|e|)) - log 2 does not overflow.
        value += abs(e) + math.log1p(math.exp(-2 * abs(e))) - math.log(2)
        dprediction[k] = math.tanh(e)
    return value


def network(slope):
    """1-32-32-1 with the snake."""
    layers = [Dense(32), Activation(snake, slope), Dense(32), Activation(snake, slope), Dense(1)]
    model = Sequential(layers, seed=0)
    model.compile(optimizer=fastnn.Adam(3e-3), loss=log_cosh, metrics=["mae"])
    return model


rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, size=(500, 1))
clean = np.sin(3 * x[:, 0]) + 0.3 * x[:, 0]
y = clean + 0.1 * rng.normal(size=500)
y[::10] += 5  # outliers

for name, slope in (("right", snake_slope), ("wrong", wrong_slope)):
    error = fastnn.check_gradient(network(slope), x[:20], y[:20])
    verdict = "the derivatives are right" if error < 1e-6 else "a derivative is wrong"
    print(f"{name} slope: relative error {error:.0e}, {verdict}")

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(x, y, ".", color="silver", label="data")
line = np.linspace(-3, 3, 200)[:, None]
for name, loss in (("log cosh", log_cosh), ("mse", "mse")):
    model = network(snake_slope)
    model.compile(optimizer=fastnn.Adam(3e-3), loss=loss)
    model.fit(x, y, epochs=200, batch_size=32, verbose=0)
    away = np.abs(model.predict(x)[:, 0] - clean).mean()
    ax.plot(line, model.predict(line), label=f"trained with {name}")
    print(f"trained with {name}: {away:.2f} away from the truth on average")
ax.legend(frameon=False, loc="upper left")
plt.show()
