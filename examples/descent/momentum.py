r"""
Momentum and Nesterov's look ahead
==================================

In a long valley plain gradient descent zigzags between the walls. Momentum keeps an average of the
past gradients, :math:`m \leftarrow \beta m + g,\; w \leftarrow w - \alpha m`: what changes sign
cancels, what stays adds up, to :math:`1/(1-\beta)` times the step. Nesterov's variant takes the
gradient where the momentum is about to carry the weights, and so brakes earlier.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, Sequential

# %%
# A valley with a known floor: y = x w with two inputs of unequal scale. The mean squared error is a
# quadratic bowl whose curvatures stand 25 to 1; its contours are ellipses about (1, 1).

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 2)) * [5.0, 1.0]
y = X @ [1.0, 1.0]
START, STEPS = np.array([[0.6], [-1.0]]), 40


def path(optimizer):
    """The weights (STEPS + 1, 2) after each step down the full gradient."""
    model = Sequential([Dense(1, bias=False)], seed=0, dtype="float64")
    model.compile(optimizer, loss="mse")
    model.set_weights([START])
    places = [START[:, 0]]
    for _ in range(STEPS):
        model.fit(X, y, epochs=1, batch_size=None, verbose=0)
        places.append(model.get_weights()[0][:, 0])
    return np.array(places)


paths = {
    "plain": path(fastnn.SGD(0.036)),
    "momentum 0.7": path(fastnn.SGD(0.02, momentum=0.7)),
    "Nesterov 0.7": path(fastnn.SGD(0.02, momentum=0.7, nesterov=True)),
}
for name, places in paths.items():
    away = np.linalg.norm(places - 1, axis=1)
    print(f"{name:<13} {away[20]:.3f} away after 20 steps, {away[-1]:.4f} after {STEPS}")

# %%
# Plain descent cannot take a larger rate: above 2 / curvature, here 0.04, the zigzag grows instead
# of shrinking. :math:`\beta` = 0.9 averages about ten gradients and is where to begin; the valley
# here is short, and 0.7 overshoots less. Books also write :math:`m \leftarrow \beta m + (1-\beta)
# g`: the same path with a rate that is :math:`1/(1-\beta)` times larger.

a, b = np.meshgrid(np.linspace(0.4, 1.7, 200), np.linspace(-1.2, 1.8, 200))
loss = 25 * (a - 1) ** 2 + (b - 1) ** 2
figure, axes = plt.subplots(1, 3, figsize=(11, 4), sharey=True, layout="constrained")
for ax, (name, places) in zip(axes, paths.items(), strict=True):
    ax.contour(a, b, loss, levels=np.geomspace(0.02, 12, 9), colors="gray", linewidths=0.6)
    ax.plot(*places.T, "o-", markersize=3, linewidth=1)
    ax.plot(1, 1, "k*")
    ax.set(title=name, xlabel="weight of the wide input")
axes[0].set_ylabel("weight of the narrow input")
plt.show()
