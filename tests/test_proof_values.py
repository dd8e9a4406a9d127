"""Activations and losses against mpmath, to 50 digits: from the smallest subnormal to 1e30.

What stands behind them, exp, tanh, log and erf, is held to its bounds at millions of points in
test_functions.py; NaN and infinity, which `predict` and `fit` refuse, there and in test_kernels.
"""

import numpy as np
import pytest
from counts import counts

from fastnn import (
    ELU,
    GELU,
    SELU,
    Dense,
    Identity,
    LeakyReLU,
    Mish,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    losses,
)

mp = pytest.importorskip("mpmath")
SELU_ALPHA, SELU_SCALE = "1.6732632423543772848170429916717", "1.0507009873554804934193349852946"


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(50):
        yield


def exact_selu(x):
    return mp.mpf(SELU_SCALE) * (x if x > 0 else mp.mpf(SELU_ALPHA) * mp.expm1(x))


def exact_softplus(x):
    return mp.log1p(mp.exp(x)) if x < 500 else x


# name -> layer, its formula, units of the last place by which it may be off
ACTIVATIONS = {
    "relu": (ReLU(), lambda x: max(x, mp.mpf(0)), 0),
    "leaky_relu": (LeakyReLU(0.125), lambda x: x if x > 0 else x / 8, 1),
    "elu": (ELU(), lambda x: x if x > 0 else mp.expm1(x), 2),
    "selu": (SELU(), exact_selu, 3),
    "gelu": (GELU(), lambda x: x * mp.ncdf(x), 3),
    "silu": (SiLU(), lambda x: x / (1 + mp.exp(-x)), 3),
    "tanh": (Tanh(), mp.tanh, 4),
    "sigmoid": (Sigmoid(), lambda x: 1 / (1 + mp.exp(-x)), 3),
    "softplus": (Softplus(), exact_softplus, 3),
    "mish": (Mish(), lambda x: x * mp.tanh(exact_softplus(x)), 4),
}
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def points(dtype, count):
    """Numbers of both signs and all sizes, more of them where activations bend."""
    kind, rng = np.finfo(dtype), np.random.default_rng(count)
    ends = np.log(float(kind.smallest_subnormal)), np.log(1e30)
    some = [0.0, kind.smallest_subnormal, kind.tiny, kind.eps, 1.0, 1e-30, 1e30]
    x = [some, np.exp(rng.uniform(*ends, count)), rng.uniform(0, 40, count)]
    x = np.concatenate([*x, rng.uniform(0, 2, count // 2)])
    return np.concatenate([x, -x]).astype(dtype)


def unchanged(units):
    """A Dense layer that hands on what it reads."""
    return Dense(units, init=np.eye(units))


@counts(150, 100_000)
@each_dtype
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype, count):
    layer, formula, bound = ACTIVATIONS[name]
    x, kind = points(dtype, count), np.finfo(dtype)
    model = Sequential([unchanged(1), layer], seed=0, dtype=dtype).build(1)
    found = model.predict(x[:, None])[:, 0]
    for at, got in zip(x, found, strict=True):
        exact = formula(mp.mpf(float(at)))
        unit = np.spacing(max(np.abs(kind.dtype.type(float(exact))), kind.tiny))
        if name == "gelu" and at < 0:
            # 1 + erf cancels: it is exact to the last place of x.
            unit = max(float(kind.eps) * abs(float(at)), float(unit))
        if name in ("sigmoid", "silu") and at < 0:
            # They go to 0 where sigmoid would be subnormal.
            unit = max(float(kind.tiny) * max(1, -float(at)) / bound, float(unit))
        off = abs(mp.mpf(float(got)) - exact) / mp.mpf(float(unit))
        assert off <= bound, (at, got, exact)


def cross_entropy(z, t):
    return mp.log(mp.fsum(mp.exp(v - max(z)) for v in z)) - (z[int(t[0])] - max(z))


def binary(z, t):
    return mp.log1p(mp.exp(-abs(z[0]))) + max(z[0], mp.mpf(0)) - z[0] * t[0]


def huber(z, t):
    e = abs(z[0] - t[0])
    return e**2 / 2 if e <= 1 else e - mp.mpf(1) / 2


def poisson(z, t):
    return z[0] - t[0] * mp.log(z[0] + mp.mpf(1e-7))


def log_poisson(z, t):
    return mp.exp(z[0]) - t[0] * z[0] + (t[0] * mp.log(t[0]) - t[0] if t[0] else 0)


def pinball(z, t):
    e = t[0] - z[0]
    return max(e / 4, -3 * e / 4)


# name -> loss, last layer, units, its formula of outputs and target
LOSSES = {
    "cross_entropy": (losses.CrossEntropy(), Softmax(), 3, cross_entropy),
    "binary_cross_entropy": (losses.BinaryCrossEntropy(), Sigmoid(), 1, binary),
    "mse": (losses.MSE(), Identity(), 1, lambda z, t: (z[0] - t[0]) ** 2),
    "mae": (losses.MAE(), Identity(), 1, lambda z, t: abs(z[0] - t[0])),
    "huber": (losses.Huber(), Identity(), 1, huber),
    "poisson": (losses.Poisson(), Identity(), 1, poisson),
    "log_poisson": (losses.LogPoisson(), Identity(), 1, log_poisson),
    "pinball": (losses.Pinball(0.25), Identity(), 1, pinball),
}


def cases(name, units, dtype, count):
    """Outputs (count, units) of sizes from 1e-12 to 1e12, and targets."""
    rng = np.random.default_rng(count)
    most = 4 if "log_poisson" in name else 12 if dtype == "float32" else 100
    z = 10 ** rng.uniform(-12, np.log10(most), (count, units)) * rng.choice([-1, 1], (count, units))
    z = np.abs(z) if name == "poisson" else z
    if name == "cross_entropy":
        return z.astype(dtype), rng.integers(0, units, count)
    t = rng.integers(0, 2 if name == "binary_cross_entropy" else 9, (count, 1))
    return z.astype(dtype), t.astype(dtype)


@counts(25, 10_000)
@each_dtype
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, dtype, count):
    loss, last, units, formula = LOSSES[name]
    model = Sequential([unchanged(units), last], seed=0, dtype=dtype).build(units)
    model.compile("adam", loss)
    z, t = cases(name, units, dtype, count)
    for row, target in zip(z, t.reshape(count, -1), strict=True):
        y = target if name == "cross_entropy" else target[None]
        found = model.evaluate(row[None], y)["loss"]
        exact_z, exact_t = ([mp.mpf(float(v)) for v in part] for part in (row, target))
        exact = formula(exact_z, exact_t)
        # Of a difference the larger part counts.
        largest = max(map(abs, [exact, *exact_z, *exact_t, mp.mpf(1)]))
        bound = 8 * largest**2 if name == "mse" else 8 * largest * max(1, *map(abs, exact_t))
        assert abs(mp.mpf(found) - exact) <= bound * mp.mpf(float(np.finfo(dtype).eps)), (row, y)
