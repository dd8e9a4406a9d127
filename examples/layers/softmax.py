r"""
Softmax regression, logistic regression and hardmax
===================================================

Softmax makes probabilities of any numbers, :math:`y_k = e^{z_k}/\sum_j e^{z_j}`; without a hidden
layer that is softmax regression. Its loss is the cross-entropy :math:`-\sum_k t_k\log y_k`, minus
the logarithm of what the true class was given, and the gradient is as simple as that of
least squares: :math:`\partial L/\partial z = y - t`.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import Dense, Hardmax, Sequential, Sigmoid, Softmax
from fastnn.plotting import decision_boundaries

# %%
# Softmax and hardmax of the same four numbers. Hardmax says 1 to the largest and 0 to the rest: it
# has no slope to learn by, so that fastnn takes it for predicting only.

z = np.array([[5.0, 2.0, -1.0, 3.0]])
for last in (Softmax(), Hardmax()):
    model = Sequential([Dense(4, init=np.eye(4)), last], dtype="float64").build(4)
    print(f"{last.name:<8}", model.predict(z).round(3)[0])
print(f"cross-entropy of [0, 1, 0, 0] at [.3, .2, .1, .4]: {-np.log(0.2):.4f}")

# %%
# Two classes: softmax over two outputs is logistic regression, for
# :math:`e^a/(e^a + e^b) = 1/(1 + e^{-(a-b)})`. Trained to the bottom by L-BFGS, with the same
# penalty on the difference of the weights, both give the same probabilities.

rng = np.random.default_rng(0)
y = np.repeat([0, 1, 2], 100)
X = np.array([[0.0, 1.5], [-1.5, -1.0], [1.5, -1.0]])[y] + rng.normal(size=(300, 2))


def fit(X, y, layers, loss):
    """A model at the bottom of its loss."""
    model = Sequential(layers, seed=0, dtype="float64")
    model.compile(fastnn.LBFGS(), loss=loss)
    model.fit(X, y, epochs=300, batch_size=None, verbose=0)
    return model


two = y < 2
soft = fit(X[two], y[two], [Dense(2, l2=0.02), Softmax()], "cross_entropy")
logistic = fit(X[two], y[two], [Dense(1, l2=0.01), Sigmoid()], "binary_cross_entropy")
apart = abs(soft.predict(X)[:, 1] - logistic.predict(X)[:, 0]).max()
print(f"softmax over two classes and logistic regression differ by {apart:.0e}")

# %%
# The boundary of two classes is where their z are equal: a straight line. Three classes are parted
# by three lines that meet in one point. A hidden layer bends them.

three = fit(X, y, [Dense(3, l2=1e-3), Softmax()], "cross_entropy")
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
decision_boundaries(logistic, X[two], y[two], left)
left.set_title("logistic regression")
decision_boundaries(three, X, y, middle)
middle.set_title("softmax regression")
line = np.linspace(-4, 4, 200)
right.plot(line, 1 / (1 + np.exp(-line)), label="softmax of (z, 0) = sigmoid")
right.plot(line, line > 0, drawstyle="steps-mid", label="hardmax of (z, 0)")
right.plot(line, np.log1p(np.exp(-line)), ":", label="cross-entropy, true class first")
right.set(xlabel="z", title="Probability of the first of two classes")
right.legend(frameon=False, fontsize="small")
plt.show()
