"""
The tour: handwritten digits
============================

Train a network, look at what it has learned, and go on training where it stopped.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import BatchNorm, Dense, Dropout, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits
from fastnn.plotting import learning_curves

X, y = load_digits()  # (1797, 64) float32 in [0, 1], (1797,) int64

model = Sequential(
    [Dense(64), BatchNorm(), ReLU(), Dropout(0.1), Dense(10), Softmax()],
    seed=0,
)
model.compile(optimizer=fastnn.Adam(3e-3), loss="cross_entropy", metrics=["accuracy"])
history = model.fit(X, y, epochs=20, batch_size=32, validation_split=0.2)
model.summary()
print(f"validation accuracy after 20 epochs: {history['val_accuracy'][-1]:.1%}")

# %%
# The same rows are held out again, and training goes on where it stopped.
model.fit(X, y, epochs=20, batch_size=32, validation_split=0.2)
print(f"validation accuracy after 40 epochs: {history['val_accuracy'][-1]:.1%}")

# %%
# Which digits are taken for which?

chosen = model.predict_classes(X)
confused = np.zeros((10, 10), int)
np.add.at(confused, (y, chosen), 1)
np.fill_diagonal(confused, 0)
true, taken = np.unravel_index(confused.argmax(), confused.shape)
print(f"{confused.sum()} of {len(X)} images are misread; most often {true} as {taken}")

learning_curves(history)
plt.show()
