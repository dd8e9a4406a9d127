"""
Batch norm at ten times the learning rate
=========================================

It still learns, and needs fewer epochs; without it, the same rate learns nothing.
"""

import matplotlib.pyplot as plt

import fastnn
from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

EPOCHS = 20
TARGET = 0.1
RATE = 0.1


def network(normalised):
    """64-64-64-64-10, each hidden layer with or without batch norm."""
    hidden = [Dense(64), BatchNorm(), ReLU()] if normalised else [Dense(64), ReLU()]
    return Sequential([*hidden * 3, Dense(10), Softmax()], seed=0)


def epochs_until(losses, target):
    """The first epoch with a loss below the target, in words."""
    return next((f"epoch {k}" for k, loss in enumerate(losses, 1) if loss < target), "never")


X, y = load_digits()
figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for label, normalised, rate, color in (
    (f"plain, rate {RATE:g}", False, RATE, "#1f6fb4"),
    (f"plain, rate {10 * RATE:g}", False, 10 * RATE, "#d1582c"),
    (f"batch norm, rate {10 * RATE:g}", True, 10 * RATE, "#3b8f4e"),
):
    model = network(normalised)
    model.compile(optimizer=fastnn.SGD(rate), loss="cross_entropy")
    history = model.fit(X, y, epochs=EPOCHS, batch_size=64, verbose=0)
    losses = history["loss"]
    print(f"{label:<22} loss below {TARGET:g}: {epochs_until(losses, TARGET)}")
    axes.plot(history.epoch, losses, color=color, label=label)
axes.axhline(TARGET, color="#555555", linewidth=0.8, linestyle=":")
axes.set(xlabel="epoch", ylabel="training loss", yscale="log")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()
