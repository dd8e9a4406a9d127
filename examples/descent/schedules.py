"""
Learning rates that change, and how to find the first
=====================================================

A large rate crosses the plain, a small one settles at the bottom: a schedule has both. Where
to start, the range test tells: it raises the rate step by step on a copy of the model until the
loss runs away.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax, schedules
from fastnn.datasets import load_digits
from fastnn.plotting import learning_rate_finder

X, y = load_digits()


def network(rate):
    """64-64-10 with SGD and momentum at a rate, or along a schedule."""
    model = Sequential([Dense(64), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(fastnn.SGD(rate, momentum=0.9), metrics=["accuracy"])
    return model


found = network(0.01).lr_find(X, y)
print(f"the range test suggests {found.suggestion:.3g}")

# %%
# A schedule maps step numbers to rates. ``schedules.steps`` tells how many steps a fit takes, less
# the rows that are held out. Warm-up starts low, while Adam's averages and batch norm's statistics
# are still those of a few batches.

EPOCHS, HELD_OUT = 25, 0.2
n = schedules.steps(EPOCHS, round(len(X) * (1 - HELD_OUT)))
courses = {
    "constant": 0.4,
    "step decay": schedules.StepDecay(0.4, decay_steps=n // 4, decay_rate=0.3),
    "cosine, warm-up": schedules.Cosine(0.4, n, warmup_steps=n // 20),
    "one cycle": schedules.OneCycle(0.4, n),
}
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
learning_rate_finder(found, left)
steps = np.arange(n)
for name, course in courses.items():
    history = network(course).fit(X, y, epochs=EPOCHS, validation_split=HELD_OUT, verbose=0)
    middle.plot(steps, course(steps) if callable(course) else np.full(n, course), label=name)
    right.semilogy(history.epoch, history["loss"], label=name)
    print(f"{name:<16} loss {history['loss'][-1]:.5f}, held out {history['val_accuracy'][-1]:.1%}")
middle.set(xlabel="step", ylabel="learning rate", title="Schedules")
right.set(xlabel="epoch", ylabel="training loss", title="Digits")
right.legend(frameon=False, fontsize="small")
plt.show()
