"""Floor 3. Building: initial weights, statistics of the data, and checks of the model's shape."""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn import initializers, layers
from fastnn.buffers import State
from fastnn.engine import BLOCK_ELEMENTS, PredictRun, Rows
from fastnn.kernels import codes
from fastnn.layers import BatchNorm, Dense, Dropout, Layer, Standardize
from fastnn.layout import Layout
from fastnn.losses import CrossEntropy, Loss


def as_layers(given: Any) -> list[Layer]:
    """The layers of a list of layers, or of names of those that need no arguments."""
    if isinstance(given, str | Layer) or not isinstance(given, Sequence):
        raise TypeError(f"got {given!r}; expected a list of layers, such as [Dense(1)]")
    return [layers.get(layer) for layer in given]


def check_output(given: Sequence[Layer], loss: Loss) -> None:
    """Refuse a loss that does not fit the last layer."""
    last = given[-1]
    if last.kind == codes.HARDMAX:
        raise ValueError(
            "Hardmax has no gradient and is for prediction only; to train, end with Softmax() "
            'and the loss "cross_entropy"'
        )
    if loss.fused is None or last.kind == loss.fused:
        return
    wanted = "Softmax" if isinstance(loss, CrossEntropy) else "Sigmoid"
    raise ValueError(
        f'the loss "{loss.name}" reads probabilities, but the last layer is {last.name}; '
        f"append {wanted}() to the layers"
        + ("" if wanted == "Sigmoid" else ', or use "mse" for real targets')
    )


def draw_weights(state: State, rng: np.random.Generator) -> None:
    """Fill a new state: weights drawn, biases 0, gamma 1, beta 0."""
    layout = state.layout
    for tensor in layout.parameters:
        layer = layout.layers[tensor.layer]
        if isinstance(layer, Dense) and tensor.name == "W":
            chosen = layer.init
            if chosen is None:
                initializer = initializers.default_for(_activation_after(layout, tensor.layer))
            else:
                initializer = initializers.get(chosen)
            fan_in, fan_out = tensor.shape
            state.view(tensor)[:] = initializers.draw(initializer, rng, fan_in, fan_out)
        elif tensor.name == "gamma":
            state.view(tensor)[:] = 1
    for k, layer in enumerate(layout.layers):
        if isinstance(layer, Standardize):
            state.array(f"{k}.deviation")[:] = 1


def _activation_after(layout: Layout, k: int) -> str | None:
    for layer in layout.layers[k + 1 :]:
        if not isinstance(layer, BatchNorm | Dropout):
            return layer.name
    return None


def warn_of_symmetry(state: State) -> None:
    """Warn where all units of a hidden layer start alike: they would stay alike."""
    dense = [k for k, layer in enumerate(state.layout.layers) if isinstance(layer, Dense)]
    for k, following in pairwise(dense):
        W, after = state.array(f"{k}.W"), state.array(f"{following}.W")
        if W.shape[1] > 1 and np.all(W[:, :1] == W) and np.all(after == after[:1]):
            warnings.warn(
                f"all {W.shape[1]} units of layer {k + 1} start with equal weights: they get equal "
                "gradients and stay equal (no symmetry breaking); use a random initializer, such "
                "as the default",
                UserWarning,
                stacklevel=3,
            )


def fit_standardize(state: State, X: np.ndarray, index: np.ndarray) -> None:
    """Mean and deviation of each feature over the training rows, for a leading Standardize."""
    if not isinstance(state.layout.layers[0], Standardize):
        return
    mean, variance = moments(X, index)
    deviation = np.sqrt(variance)
    # A constant feature has a deviation of rounding size only.
    flat = deviation <= 1e-7 * np.abs(mean)
    state.array("0.mean")[:] = mean
    state.array("0.deviation")[:] = np.where(flat | (deviation == 0), 1, deviation)


def moments(X: np.ndarray, index: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and (biased) variance (features,) of some rows of X, block by block, in double."""
    n = len(X) if index is None else len(index)
    size = max(1, BLOCK_ELEMENTS // X.shape[1])
    mean, m2, count = np.zeros(X.shape[1]), np.zeros(X.shape[1]), 0
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        block = np.asarray(X[part] if index is None else X[index[part]], dtype=np.float64)
        delta = block.mean(axis=0) - mean
        new = count + len(block)
        m2 += ((block - block.mean(axis=0)) ** 2).sum(axis=0)
        m2 += delta**2 * count * len(block) / new
        mean += delta * len(block) / new
        count = new
    return mean, m2 / count


def exact_batchnorm(state: State, run: PredictRun, rows: Rows) -> None:
    """Exact mean and variance of each BatchNorm's input, one layer after the other."""
    n = len(rows.X)
    for k, layer in enumerate(state.layout.layers):
        if not isinstance(layer, BatchNorm):
            continue
        source = rows.X if k == 0 else run.predict(rows, last=k)
        mean, variance = moments(source, None)
        running = state.running(k)
        running[0], running[1], running[2] = mean, variance * n / max(n - 1, 1), 1


def infer_features(weights: Sequence[np.ndarray]) -> int:
    """Number of input features, from the first array of a list of weights."""
    if not weights or weights[0].ndim == 0:
        raise ValueError("got no arrays; expected those of get_weights()")
    return int(weights[0].shape[0])
