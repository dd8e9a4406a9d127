"""
A model for a table, end to end
===============================

A file as people keep them: text, dates, gaps, a column that tells nothing. ``TabularModel`` says
what it takes each column for, holds out a fifth of the rows for its scores, and puts into one file
what it needs to predict raw rows. On the command line the same is ``fastnn train people.csv
--target buys``.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import fastnn

# %%
# The file: who buys. Income and town decide, the day of the week a little, the number nothing.

rng = np.random.default_rng(0)
n = 2500
town = rng.choice(["Bonn", "Ulm", "Jena", ""], n, p=[0.5, 0.3, 0.15, 0.05])
income = rng.lognormal(3.5, 0.5, n)
day = np.datetime64("2025-01-01") + rng.integers(365, size=n)
weekend = np.isin(day.astype(int) % 7, [2, 3])  # 1970 began on a Thursday
odds = 0.06 * (income - 35) + np.where(town == "Ulm", 2.0, -0.5) + 0.8 * weekend
buys = rng.random(n) < 1 / (1 + np.exp(-odds))
folder = Path(tempfile.mkdtemp())
lines = ["number,town,income,day,buys"]
for k in range(n):
    known = "" if rng.random() < 0.1 else f"{income[k]:.1f}"
    lines.append(f"{k},{town[k]},{known},{day[k]},{'yes' if buys[k] else 'no'}")
(folder / "people.csv").write_text("\n".join(lines[:2001]))
(folder / "new.csv").write_text("\n".join([lines[0], *lines[2001:]]))

# %%
# Medians, categories and networks are learned from the training rows alone.

model = fastnn.TabularModel("buys", columns={"number": "drop"})
model.fit(folder / "people.csv")
for column in model.columns_:
    print(column)
print({name: round(float(score), 3) for name, score in model.scores_.items()})

# %%
# One file carries it all. A row may lack a column's value, or name a town that nobody knew.

model.save(folder / "model.safetensors")
model = fastnn.load(folder / "model.safetensors")
one = {"town": ["Paris"], "income": [80.0], "day": ["2026-02-07"], "number": [0]}
print("yes with", model.predict_proba(one)[0].round(2), model.predict(one))
scores = model.evaluate(folder / "new.csv")
print({name: round(float(score), 3) for name, score in scores.items()})

# %%
# What has it learned? Curves of one column while the others stay, against the truth; and whether
# "70 per cent" comes true in 70 of 100 rows.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
line = np.linspace(10, 100, 60)
for name, shift in (("Ulm", 2.0), ("Bonn", -0.5)):
    rows = {"town": [name] * 60, "income": line, "day": ["2025-06-04"] * 60, "number": [0] * 60}
    (curve,) = left.plot(line, model.predict_proba(rows)[:, 1], label=name)
    left.plot(line, 1 / (1 + np.exp(-0.06 * (line - 35) - shift)), ":", color=curve.get_color())
left.set(xlabel="income", ylabel="probability of buying", title="Learned, and dotted the truth")
left.legend(frameon=False)
p = model.predict_proba(folder / "new.csv")[:, 1]
bins = np.digitize(p, np.quantile(p, [0.2, 0.4, 0.6, 0.8]))
right.plot([0, 1], [0, 1], ":", color="gray")
groups = [bins == b for b in range(5)]
right.plot([p[g].mean() for g in groups], [buys[2000:][g].mean() for g in groups], "o")
right.set(xlabel="predicted", ylabel="came true", title="500 new rows, in five groups of 100")
plt.show()
