"""
What matters most, and one model or many
========================================

The learning rate first. Then momentum, the batch size and the hidden units; then the number of
layers and decay. Adam's betas and epsilon are left alone. ``tune.default_space`` has the scales in
that order, and a search says how much of the ranking each parameter explained.
"""

import matplotlib.pyplot as plt

from fastnn import tune
from fastnn.datasets import load_digits

X, y = load_digits()
X, y = X[:600], y[:600]
print(tune.default_space("adam", tiers=4))

# %%
# Forty random draws over all tiers. Random ones, because each tells something new of *every*
# parameter.

build = tune.default_build(y)
space = tune.default_space("adam", tiers=4)
result = tune.search(build, space, X, y, trials=40, epochs=10, storage=None, verbose=0)
result.summary()

# %%
# **Panda or caviar?** With little computing for much data one babysits one model, as a panda its
# cub: look at the curve each day, nudge the rate. With enough one breeds many, as fish do, and
# keeps the best. For small networks that is a question of seconds: ``tune.auto`` measures an epoch
# and decides.

for seconds in (0.2, 3):
    found = tune.auto(X, y, seconds=seconds, verbose=0)
    print(f"{seconds} s: {found.advice}")

importance = result.importance()
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.barh(list(importance), [100 * share for share in importance.values()])
left.invert_yaxis()
left.set(xlabel="per cent of the ranking explained", title="Which parameters mattered")
for trial in result.trials:
    rate, loss = trial.params["learning_rate"], trial.value
    right.loglog(rate, loss, "o", color="#1f6fb4", alpha=0.7)
right.set(xlabel="learning rate", ylabel="held-out loss", title="Forty draws")
plt.show()
