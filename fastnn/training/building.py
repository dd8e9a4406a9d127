"""Building: initial weights, statistics of the data, and checks of the model's shape."""

from collections.abc import Iterable, Sequence
from itertools import pairwise, takewhile
from typing import Any

import numpy as np

from fastnn import initializers, layers
from fastnn.engine.buffers import State, explained_memory
from fastnn.engine.layout import Layout
from fastnn.inputs.arrays import as_array, place
from fastnn.inputs.notes import warn
from fastnn.inputs.rows import BLOCK_ELEMENTS, Part
from fastnn.inputs.settings import ABOVE_0, Range
from fastnn.kernels import codes
from fastnn.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Members,
    PeriodicEmbedding,
    PiecewiseLinearEncoding,
    Standardize,
)
from fastnn.losses import CrossEntropy, Custom, Loss
from fastnn.training.network import Network

FLAT = 1e-13
"""A deviation that is no larger than so much of the mean comes of rounding."""
SMALL = 2.0**-600
"""Of numbers times this no square overflows."""
LIKE_GET_WEIGHTS = "expected a list of arrays, such as get_weights() returns"


def as_dtype(given: Any) -> np.dtype:
    """A model's type."""
    try:
        # None would be float64 to NumPy.
        found = None if given is None else np.dtype(given)
    except (TypeError, ValueError):
        found = None
    if found is None or found not in (np.float32, np.float64):
        raise ValueError(f"dtype is {given!r}; expected float32 or float64")
    return found


def as_seeds(seed: Any, n: int) -> list[np.random.SeedSequence]:
    """Independent seeds from one."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if seed is not None and not (whole and seed >= 0):
        raise ValueError(f"seed is {seed!r}; expected a whole number of at least 0, or None")
    return np.random.SeedSequence(seed).spawn(n)


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
    wanted, other = "Softmax", "binary_cross_entropy"
    if not isinstance(loss, CrossEntropy):
        wanted, other = "Sigmoid", "cross_entropy"
    if last.kind in (codes.SOFTMAX, codes.SIGMOID):
        fix = f'replace {last.name}() by {wanted}(), or use the loss "{other}"'
    else:
        fix = f'append {wanted}() to the layers, or use the loss "mse" for real targets'
    raise ValueError(
        f'the loss "{loss.name}" reads the output of {wanted}(), but the last layer is '
        f"{last.name}; {fix}"
    )


def is_multilabel(given: Sequence[Layer]) -> bool | None:
    """Whether a row may have several labels, by the last layer; None: it tells no labels."""
    last = given[-1].kind
    return {codes.SIGMOID: True, codes.SOFTMAX: False, codes.HARDMAX: False}.get(last)


def fits_numbers(given: Sequence[Layer], loss: Loss) -> bool:
    """Whether a network with its loss is a regression: its outputs are numbers, no classes."""
    # What an own loss or an own last layer means, its author knows.
    own = isinstance(loss, Custom) or isinstance(given[-1], Activation)
    return is_multilabel(given) is None and not own


def fill_constants(state: State) -> None:
    """Fill what is not drawn of a new state: gamma 1; biases and beta are 0."""
    for tensor in state.layout.parameters:
        if tensor.name in ("gamma", "scale"):
            state.view(tensor)[:] = 1


def draw_weights(state: State, rng: np.random.Generator) -> None:
    """Fill a new state: weights drawn, biases 0, gamma 1, beta 0."""
    with explained_memory(state.layout, state.values.dtype):
        fill_constants(state)
        _draw(state, state.layout, rng)


def _draw(state: State, layout: Layout, rng: np.random.Generator) -> None:
    for tensor in layout.parameters:
        layer = layout.layers[tensor.layer]
        if isinstance(layer, Members):
            state.view(tensor)[:] = _scales(layer, rng, tensor.size)
        if isinstance(layer, Embedding | PeriodicEmbedding):
            state.view(tensor)[:] = layer.draw(tensor.name, rng, tensor.shape)
        if isinstance(layer, Dense) and tensor.name == "W":
            chosen = layer.init
            if chosen is None:
                initializer = initializers.default_for(_activation_after(layout, tensor.layer))
            else:
                initializer = initializers.get(chosen)
            groups = layout.members[tensor.layer] // layout.rows(tensor.layer)
            fan_in, fan_out = tensor.shape[0] // groups, tensor.shape[1]
            for W in state.view(tensor).reshape(groups, fan_in, fan_out):
                W[:] = initializers.draw(initializer, rng, fan_in, fan_out)


def _scales(layer: Members, rng: np.random.Generator, n: int) -> np.ndarray:
    """Start values of members' scales (n,)."""
    if layer.init == "signs":
        return rng.choice([-1.0, 1.0], n)
    return rng.normal(size=n) if layer.init == "normal" else np.ones(n)


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
            warn(
                f"all {W.shape[1]} units of layer {k + 1} start with equal weights: they get equal "
                "gradients and stay equal (no symmetry breaking); use a random initializer, such "
                "as the default",
            )


def fit_standardize(state: State, part: Part) -> None:
    """Mean and deviation of each feature over the training rows, for a leading Standardize.

    A row of weight 2 counts as two, one of weight 0 not at all.
    """
    if isinstance(state.layout.layers[0], Standardize):
        state.fit_moments(*standard_moments(part))


def standard_moments(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature over some rows, of constant ones 1."""
    given = part.rows.X, part.index, part.sample_weight
    with np.errstate(over="ignore", invalid="ignore"):
        mean, variance = moments(*given)
    deviation = np.sqrt(variance)
    if not np.isfinite(deviation).all():
        mean, variance = moments(*given, SMALL)
        mean, deviation = mean / SMALL, np.sqrt(variance) / SMALL
    # A constant feature has a deviation of double's rounding size only.
    flat = deviation <= FLAT * np.abs(mean)
    return mean, np.where(flat, 1, deviation)


def moments(
    X: np.ndarray,
    index: np.ndarray | None,
    weight: np.ndarray | None = None,
    factor: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and (biased) variance (features,) of some rows of factor X, by block, in double.

    `weight` (n,), of those rows, is how often each of them counts.
    """
    n = len(X) if index is None else len(index)
    size = max(1, BLOCK_ELEMENTS // X.shape[1])
    mean, m2, count = np.zeros(X.shape[1]), np.zeros(X.shape[1]), 0.0
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        block = np.asarray(X[part] if index is None else X[index[part]], dtype=np.float64) * factor
        times: Any = 1.0 if weight is None else weight[part][:, None]
        total = float(len(block) if weight is None else times.sum())
        if total == 0:
            continue
        average = (block * times).sum(axis=0) / total
        delta, new = average - mean, count + total
        m2 += ((block - average) ** 2 * times).sum(axis=0)
        m2 += delta**2 * count * total / new
        mean += delta * total / new
        count = new
    return mean, m2 / count


def exact_batchnorm(network: Network, part: Part) -> None:
    """Exact mean and variance of each BatchNorm's input, one layer after the other."""
    state, n = network.state, len(part)
    for k, layer in enumerate(state.layout.layers):
        if not isinstance(layer, BatchNorm):
            continue
        if k == 0:
            mean, variance = moments(part.rows.X, part.index)
        else:
            mean, variance = moments(
                network.predict_run().predict(part.rows, part.index, last=k), None
            )
        running = state.running(k)
        running[0], running[1], running[2] = mean, variance * n / max(n - 1, 1), 1


def listed(weights: Any) -> list[Any]:
    """The arrays of a list of arrays."""
    if isinstance(weights, str) or not isinstance(weights, Iterable):
        raise TypeError(f"weights is {weights!r:.60}; {LIKE_GET_WEIGHTS}")
    return list(weights)


def layout_for(given: Sequence[Layer], weights: Sequence[Any]) -> Layout:
    """The layout of layers that have these arrays, whose first tells the number of features."""
    if not weights:
        raise ValueError(f"got no arrays; {LIKE_GET_WEIGHTS}")
    for layer in given:
        if isinstance(layer, PiecewiseLinearEncoding):
            return Layout(given, len(layer.knots))
    held = [layer for layer in given if layer.kind in codes.WITH_ARRAYS]
    before: list[Any] = list(
        takewhile(lambda layer: isinstance(layer, Embedding | PeriodicEmbedding), held)
    )
    first = held[len(before)]
    at = min(sum(layer.n_arrays for layer in before), len(weights) - 1)
    shape = as_array(weights[at], f"array {at + 1}", LIKE_GET_WEIGHTS).shape
    if not shape or shape[0] == 0:
        raise ValueError(f"array {at + 1} has shape {shape}; {LIKE_GET_WEIGHTS}")
    width = shape[0] // (first.k if isinstance(first, Members) else 1)
    for layer in reversed(before):
        width = layer.n_in(width)
    return Layout(given, max(1, width))


def as_weights(weights: Sequence[Any], layout: Layout, dtype: np.dtype) -> list[np.ndarray]:
    """A list of arrays as those of a layout, in its sequence."""
    names = layout.array_names()
    if len(weights) != len(names):
        raise ValueError(f"got {len(weights)} arrays; expected {len(names)}: {list(names)}")
    found = []
    for (name, shape), given in zip(names.items(), weights, strict=True):
        array = as_array(given, name, LIKE_GET_WEIGHTS)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}; expected {shape}")
        found.append(in_range(array, name, dtype))
    return found


def in_range(array: np.ndarray, name: str, dtype: np.dtype) -> np.ndarray:
    """The array of a model's type, Standardize's mean in double, if a network can have it."""
    with np.errstate(over="ignore"):
        values = array.astype(dtype)
    check_numbers(values, name, array)
    return array.astype(np.float64) if name.endswith(".mean") else values


def check_numbers(values: np.ndarray, name: str, given: np.ndarray | None = None) -> None:
    """Refuse what is not finite, a variance below 0, and a deviation that is not above it.

    `given` is what the values were before they were cast, for the message.
    """
    allowed = Range()
    if name.endswith((".running_var", ".deviation")):
        allowed = ABOVE_0 if name.endswith(".deviation") else Range(0)
    bad = ~np.isfinite(values)
    if allowed.low == 0:
        bad |= values < 0 if allowed.ends[0] == "[" else values <= 0
    if bad.any():
        at = np.unravel_index(int(np.argmax(bad)), bad.shape)
        came = (values if given is None else given)[at]
        expected = str(allowed).replace("number", "numbers")
        raise ValueError(
            f"{name} holds {came} at {place(at)}; expected {expected} that a {values.dtype} "
            "can hold; take the weights of a model that has not diverged"
        )
