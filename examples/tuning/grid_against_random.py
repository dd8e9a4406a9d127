"""
Random draws against a grid
===========================

Nine trials on f(x, y) = g(x) + h(y): a grid sees three values of x, random draws see nine.

After Bergstra and Bengio 2012, "Random search for hyper-parameter optimization", figure 1.
"""

import matplotlib.pyplot as plt
import numpy as np

from fastnn import tune


def g(x):
    """The important parameter: a narrow peak."""
    return np.exp(-0.5 * ((x - 0.72) / 0.07) ** 2)


def h(y):
    """The unimportant one."""
    return 0.1 * np.sin(3 * y)


space = tune.Space({"x": tune.Uniform(0, 1), "y": tune.Uniform(0, 1)})
rng = np.random.default_rng(0)
# The grid's cells, three by three, each with its point in the middle.
sixth = {"x": tune.Uniform(1 / 6, 5 / 6), "y": tune.Uniform(1 / 6, 5 / 6)}
layouts = {
    "grid": list(tune.Space(sixth).grid(3)),
    "random": [space.draw(rng) for _ in range(9)],
}

figure = plt.figure(figsize=(9, 4.5), layout="constrained")
panels = figure.subplot_mosaic(
    "AB\ncd",
    height_ratios=[1, 3],
)
line = np.linspace(0, 1, 400)
for (name, points), top, below in zip(layouts.items(), "AB", "cd", strict=True):
    x, y = (np.array([point[axis] for point in points]) for axis in "xy")
    panels[top].plot(line, g(line), color="#717581")
    panels[top].plot(x, g(x), "o", color="#bd1f01")
    panels[below].plot(x, y, "o", color="#bd1f01")
    panels[below].vlines(x, 0, 1, color="#bd1f01", alpha=0.2)
    panels[top].set(title=f"{name}: best f = {(g(x) + h(y)).max():.2f}", ylabel="g(x)")
    panels[below].set(xlim=(0, 1), ylim=(0, 1), xlabel="x, important", ylabel="y, unimportant")
    panels[top].set_xlim(0, 1)
    print(f"{name}: {len(set(x.round(6)))} values of x, best f = {(g(x) + h(y)).max():.2f}")


# %%
# One picture proves nothing: how often do nine draws come closer than the grid?
def best(points):
    return max(g(point["x"]) + h(point["y"]) for point in points)


tries = [best([space.draw(rng) for _ in range(9)]) for _ in range(500)]
share = np.mean(np.array(tries) > best(layouts["grid"]))
print(f"random is better in {share:.0%} of 500 tries")
plt.show()
