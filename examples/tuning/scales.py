r"""
Scales: why 1 - beta is drawn in logarithms
===========================================

Between 0.0001 and 1, nine of ten even draws lie above 0.1: a whole decade of four gets nearly all
of them. Rates are drawn evenly *in the logarithm*. For momentum what counts is how many steps it
averages, :math:`1/(1-\beta)`: from 0.9 to 0.9005 that hardly changes, from 0.999 to 0.9995 it
doubles.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

from fastnn import tune

# %%
# Draw r evenly in [-3, -1] and set :math:`\beta = 1 - 10^r`: half of the draws lie below 0.99, half
# above, and 0.9 to 0.999 are both met. (A formula that is often copied, :math:`1 - 10^{-r-1}` with
# r in [0, 1], ends at 0.99.) fastnn warns of an even scale over four decades.

rng = np.random.default_rng(0)
warnings.simplefilter("ignore")
scales = {
    "LogUniform(1e-4, 1)": tune.LogUniform(1e-4, 1),
    "Uniform(1e-4, 1)": tune.Uniform(1e-4, 1),
    "OneMinusLog(0.9, 0.999)": tune.OneMinusLog(0.9, 0.999),
    "Uniform(0.9, 0.999)": tune.Uniform(0.9, 0.999),
}
draws = {name: scale.rvs(1000, rng) for name, scale in scales.items()}
for name, values in draws.items():
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    print(f"{name:<24} 5% {low:.4f}, median {median:.4f}, 95% {high:.4f}")
median = tune.OneMinusLog(0.9, 0.999).ppf(0.5)
print(f"median of OneMinusLog, exactly: {median:.6g}")

# %%
# Whole numbers have scales, too: units in logarithms (``LogInt``), layers evenly (``Int``); a list
# is a choice, and ``Tuple`` draws a width for each layer. A scale is what scikit-learn's searches
# expect (``rvs``) and can be handed to Optuna (``to_optuna``).

print(tune.LogInt(8, 256).rvs(8, rng), tune.Int(1, 3).rvs(8, rng))

figure, axes = plt.subplots(2, 2, figsize=(9, 4.6), layout="constrained")
for column, (names, transform, label) in enumerate(
    [
        (["LogUniform(1e-4, 1)", "Uniform(1e-4, 1)"], np.log10, "log10 of the learning rate"),
        (
            ["OneMinusLog(0.9, 0.999)", "Uniform(0.9, 0.999)"],
            lambda beta: np.log10(1 / (1 - beta)),
            "log10 of the steps averaged, 1 / (1 - beta)",
        ),
    ]
):
    for ax, name in zip(axes[:, column], names, strict=True):
        ax.hist(transform(draws[name]), bins=20)
        ax.set(title=name, ylabel="draws")
    axes[1, column].set_xlabel(label)
plt.show()
