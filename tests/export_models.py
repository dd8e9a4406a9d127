"""Models for the tests of export: one around each op, and random ones."""

import numpy as np
import ops
import pytest

import fastnn
from fastnn import BatchNorm, Dense, Dropout, Hardmax, Scale, Sequential, Softmax, Standardize
from fastnn.engine.layout import Layout

FEATURES = 4
EXPORTED = [op for op in ops.OPS if op.name != "own activation"]
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}
"""Of the largest output: exporters order the same arithmetic differently."""
ROWS = 1, 200

each_op = pytest.mark.parametrize("op", EXPORTED, ids=ops.named)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def model_around(op, dtype="float32"):
    return with_drawn_arrays(Sequential(ops.network(op), seed=0, dtype=dtype).build(FEATURES))


def random_model(seed, dtype="float32"):
    """One to five Dense layers, with other layers before, between and behind."""
    rng = np.random.default_rng(seed)
    hidden = [op for op in EXPORTED if op.place == "hidden" and op.name != "dense"]
    layers = [[], [Standardize()], [Scale()], [BatchNorm()], [Dropout(0.2)]][rng.integers(5)]
    for width in rng.integers(1, 20, rng.integers(1, 6)):
        layers += [Dense(int(width), bias=bool(rng.integers(2)))]
        layers += [hidden[k].layer() for k in rng.integers(len(hidden), size=rng.integers(3))]
    layers += [[], [Dense(3), Softmax()], [Dense(3), Hardmax()]][rng.integers(3)]
    return with_drawn_arrays(Sequential(layers, seed=seed, dtype=dtype).build(FEATURES), seed)


def with_drawn_arrays(model, seed=0):
    """The model with no array at its start value."""
    rng, arrays = np.random.default_rng(seed), []
    for name, shape in Layout(model.layers, FEATURES).array_names().items():
        array = rng.normal(size=shape)
        if name.endswith("frequency"):
            # Of waves that are many in a row's numbers, rounding decides where each is.
            array *= 0.05
        elif len(shape) == 2:
            array *= 1 / np.sqrt(shape[0])
        if name.endswith(("running_var", "deviation")):
            array = 0.3 + array**2
        arrays.append(array)
    model.set_weights(arrays)
    return model


def inputs(n, dtype, scale=3.0):
    """Every other row has a whole number where the embedding of `ops.OPS` reads codes."""
    X = np.random.default_rng(n).normal(size=(n, FEATURES)) * scale
    X[::2, 1] = np.floor(X[::2, 1])
    return X.astype(dtype)


def assert_agree(found, expected):
    """Equal type, shape and values."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    error = np.abs(found - expected).max()
    assert error <= TOLERANCE[expected.dtype.name] * max(1, np.abs(expected).max())


def own_activation():
    """A model with an activation of the user's own."""
    return Sequential([Dense(2), ops.own_tanh(), Dense(1)], seed=0).build(FEATURES)


def unknown_layers():
    """The layers that no exporter knows."""
    from fastnn.export.reading import EXPORTED as KNOWN

    return {name for name, cls in fastnn.layers.LAYERS.items() if cls.kind not in KNOWN}
