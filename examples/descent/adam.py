r"""
RMSprop, Adam and the bias correction
=====================================

Adam is momentum over RMSprop: :math:`m` averages the gradients, :math:`v` their squares, and the
weights move by :math:`\alpha\,\hat m/(\sqrt{\hat v}+\epsilon)`. Both averages start at 0, and so
are too small at first; :math:`\hat m = m/(1-\beta_1^t)` and :math:`\hat v = v/(1-\beta_2^t)` make
them averages of what has been seen so far.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits

# %%
# Averages of a number that is always 1. Uncorrected, the average of the squares needs some 1000
# steps to find that out. As :math:`v` lags behind :math:`m`, their quotient is too *large*:
# without correction the first step is :math:`0.1/\sqrt{0.001}` = 3.2 times the rate; with it, 1.

t = np.arange(1, 3001)
m, v = 1 - 0.9**t, 1 - 0.999**t
corrected = (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t))
step = m / np.sqrt(v)
print(f"step without correction: first {step[0]:.2f}, largest {step.max():.2f}, with it: 1")

# %%
# fastnn's Adam makes just these steps. On a weight whose gradient stays 1 each takes the rate.

model = fastnn.Sequential([Dense(1, bias=False, init="zeros")], dtype="float64")
model.compile(fastnn.Adam(0.01), loss="mae")
model.fit(np.ones((1, 1)), np.array([9.0]), epochs=5, verbose=0)
print(f"five steps of Adam(0.01): {model.get_weights()[0][0, 0]:.4f}")

# %%
# On the digits, each with the rate that suits it. Adam's has no units of the loss in it, so
# that 1e-3 to 3e-3 is good for most networks; that of SGD must be found.
# Where :math:`\epsilon` stands, in the root or outside, differs between books: see
# ``RMSprop(inside_root=...)`` and ``Adam(epsilon_hat=...)``.

X, y = load_digits()
histories = {}
for name, optimizer in {
    "SGD(0.1)": fastnn.SGD(0.1),
    "SGD(0.1, momentum=0.9)": fastnn.SGD(0.1, momentum=0.9),
    "RMSprop(1e-3)": fastnn.RMSprop(1e-3),
    "Adam(3e-3)": fastnn.Adam(3e-3),
}.items():
    model = Sequential([Dense(64), ReLU(), Dense(10), Softmax()], seed=0)
    model.compile(optimizer)
    histories[name] = model.fit(X, y, epochs=20, verbose=0)
    print(f"{name:<23} loss {histories[name]['loss'][-1]:.4f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
left.semilogx(t, v, label=r"$v$, $\beta_2$ = 0.999, uncorrected")
left.semilogx(t, m, label=r"$m$, $\beta_1$ = 0.9, uncorrected")
left.semilogx(t, step, label="step / rate, uncorrected")
left.semilogx(t, corrected, "k:", label="all three, corrected")
left.set(xlabel="step", title="A gradient that is always 1")
left.legend(frameon=False, fontsize="small", loc="upper right")
for name, history in histories.items():
    right.semilogy(history.epoch, history["loss"], label=name)
right.set(xlabel="epoch", ylabel="training loss", title="Digits, batches of 32")
right.legend(frameon=False, fontsize="small")
plt.show()
