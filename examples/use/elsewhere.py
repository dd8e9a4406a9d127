"""
Taking a model elsewhere
========================

Trained here, a model can predict where there is no fastnn: as an ONNX file in any language that has
a runtime, as a Python module that needs NumPy alone, or as a ``torch.nn.Sequential`` to train on
with.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime

import fastnn
from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax, Standardize
from fastnn.datasets import load_digits

X, y = load_digits()
model = Sequential([Standardize(), Dense(32), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=0)
model.compile(fastnn.Adam(3e-3), metrics=["accuracy"])
model.fit(X[:1400], y[:1400], epochs=15, verbose=0)
new = X[1400:]

# %%
# **ONNX.** Statistics of ``Standardize`` and of batch norm travel with the weights: raw rows in,
# probabilities out.

folder = Path(tempfile.mkdtemp())
model.to_onnx(folder / "digits.onnx")
session = onnxruntime.InferenceSession(folder / "digits.onnx")
by_onnx = session.run(None, {"input": new})[0]

# %%
# **NumPy.** A module of readable formulas, with the weights beside it.

predict = model.to_numpy(folder / "digits.py")
by_numpy = predict(new)
source = (folder / "digits.py").read_text()
print(source[source.index("def predict") : source.index("def standardize")].strip())

# %%
# All agree with ``predict`` to rounding, about 1e-7 in single precision.

here = model.predict(new)
for name, there in (("ONNX", by_onnx), ("NumPy", by_numpy)):
    same = np.array_equal(there.argmax(1), here.argmax(1))
    print(f"{name:<6} differs by at most {abs(there - here).max():.0e}; same classes: {same}")
print({path.name: f"{path.stat().st_size / 1024:.0f} KiB" for path in sorted(folder.iterdir())})

# %%
# **PyTorch.** ``model.to_torch()`` (``pip install "fastnn-mlp[torch]"``). **To go on training
# here**, the file is ``model.save``: it holds the optimizer's state and the generators too, and
# what is loaded trains on to the bit. It is safetensors, holds nothing that can be run, and has a
# digest.

model.save(folder / "digits.safetensors")
again = fastnn.load(folder / "digits.safetensors")
print("loaded, the same bits:", np.array_equal(again.predict(new), here))

answers = {"fastnn": here, "ONNX": by_onnx, "NumPy": by_numpy}
unsure = here.max(axis=1).argsort()[:2]
figure, axes = plt.subplots(1, 4, figsize=(11, 2.8), layout="constrained")
for ax, k in zip(axes[:2], unsure, strict=True):
    ax.imshow(new[k].reshape(8, 8), cmap="gray_r")
    ax.set(xticks=[], yticks=[], title=f"new image {k}: {here[k].argmax()}")
for ax, k in zip(axes[2:], unsure, strict=True):
    for shift, (name, p) in zip((-0.27, 0, 0.27), answers.items(), strict=True):
        ax.bar(np.arange(10) + shift, p[k], 0.25, label=name)
    ax.set(title=f"image {k}", xticks=range(10), ylabel="probability")
axes[3].legend(frameon=False, fontsize="small")
plt.show()
