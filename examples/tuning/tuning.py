"""
Coarse to fine, and testing again later
=======================================

Many small networks at once: a wide search first, then boxes around what was good, narrower and
narrower. Then: how far can the best score be trusted, and does it still hold on new data?
"""

import matplotlib.pyplot as plt

from fastnn import Adam, BatchNorm, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_digits

X, y = load_digits()
old, new = slice(0, 1200), slice(1200, None)


def build(learning_rate, hidden, beta_1):
    layers = [layer for units in hidden for layer in (Dense(units), BatchNorm(), ReLU())]
    model = Sequential([*layers, Dense(10), Softmax()])
    model.compile(Adam(learning_rate, beta_1=beta_1), metrics=["accuracy"])
    return model


space = {
    "learning_rate": tune.LogUniform(1e-5, 1),
    "hidden": tune.Tuple(tune.LogInt(8, 64), length=tune.Int(1, 2)),
    "beta_1": tune.OneMinusLog(0.5, 0.99),
    "batch_size": [16, 32, 64, 128],  # goes to fit
}
result = tune.search(
    build, space, X[old], y[old], strategy="coarse_to_fine", trials=60, epochs=15,
    storage=":memory:",
)  # fmt: skip
result.summary()

scores = result.best_model.evaluate(X[new], y[new])
print(f"accuracy on rows that no trial has seen: {scores['accuracy']:.1%}")

# %%
# How far can the figure be trusted? The same settings on five folds.
params = result.best_params
batch_size = params.pop("batch_size")
model = build(**params)
print(tune.cross_validate(model, X, y, cv=5, epochs=15, batch_size=batch_size))

# %%
# Settings go stale: on new data, are they still the best of their neighbourhood?
print("retest on the new rows:", result.retest(X[new], y[new]))

result.plot()
plt.show()
