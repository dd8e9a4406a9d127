"""One table of ops and one of losses: every test of the engine runs down them.

An op's row says how to make it, where in a network it may stand, and what its twin in
`reference_network.py` is. A loss's row says what output it needs and what its targets look like.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numba
import numpy as np
import reference as ref
import reference_network as net

import fastnn
from fastnn import losses
from fastnn.engine.plan import Layout


class Op(NamedTuple):
    """A layer, its place ("hidden", "first", "last", or "members": after Members) and its twin.

    `twin(arrays, mask)` gives the layer of the reference network as it trains, from the layer's
    arrays and, for dropout, the mask; `predicting` gives it as it predicts, where that differs.
    `rate` is a learning rate at which a small network does not diverge.
    """

    name: str
    layer: Callable[[], Any]
    twin: Callable[..., tuple]
    predicting: Callable[..., tuple] | None = None
    place: str = "hidden"
    trains: bool = True
    elementwise: bool = True
    rate: float = 0.1


def activation(name: str, layer: Callable[[], Any], *alpha: float) -> Op:
    return Op(name, layer, lambda arrays, mask=None: (name, *alpha))


def dense_twin(arrays, mask=None):
    return ("dense", *arrays) if len(arrays) == 2 else ("dense", *arrays, None)


def batchnorm_twin(arrays, mask=None):
    return ("batchnorm", arrays[0], arrays[1], 1e-5)


def batchnorm_predicting(arrays):
    return ("batchnorm_predict", arrays[0], arrays[1], 1e-5, arrays[2], arrays[3])


def periodic_twin(arrays, mask=None):
    return ("periodic", *arrays, 0)


def embedding_twin(arrays, mask=None):
    return ("embedding", *arrays, 1)


KNOTS = (-1.0, 0.0, 0.5, 2.0), (), (0.0, 1.0), ()


def standardize_twin(arrays, mask=None):
    mean, deviation = arrays
    return ("batchnorm_predict", np.ones_like(mean), np.zeros_like(mean), 0.0, mean, deviation**2)


@numba.njit
def user_tanh(z):
    return math.tanh(z)


@numba.njit
def user_tanh_derivative(z):
    return 1 - math.tanh(z) ** 2


def own_tanh() -> fastnn.Activation:
    return fastnn.Activation(user_tanh, user_tanh_derivative)


OPS = [
    activation("identity", fastnn.Identity),
    activation("relu", fastnn.ReLU),
    activation("leaky_relu", lambda: fastnn.LeakyReLU(0.2), 0.2),
    activation("elu", lambda: fastnn.ELU(1.5), 1.5),
    activation("selu", fastnn.SELU),
    activation("gelu", fastnn.GELU),
    activation("silu", fastnn.SiLU),
    activation("tanh", fastnn.Tanh),
    activation("sigmoid", fastnn.Sigmoid),
    activation("softplus", fastnn.Softplus),
    activation("mish", fastnn.Mish),
    Op("own activation", own_tanh, lambda arrays, mask=None: ("tanh",)),
    Op("dense", lambda: fastnn.Dense(4), dense_twin, elementwise=False),
    Op("dense without bias", lambda: fastnn.Dense(4, bias=False), dense_twin, elementwise=False),
    Op("batchnorm", fastnn.BatchNorm, batchnorm_twin, batchnorm_predicting, elementwise=False),
    Op("dropout", lambda: fastnn.Dropout(0.3), lambda arrays, mask: ("dropout", mask, 0.3),
       lambda arrays: ("identity",), elementwise=False),
    Op("input dropout", lambda: fastnn.Dropout(0.3), lambda arrays, mask: ("dropout", mask, 0.3),
       lambda arrays: ("identity",), place="first", elementwise=False),
    Op("standardize", fastnn.Standardize, standardize_twin, place="first", elementwise=False),
    Op("scale", fastnn.Scale, lambda arrays, mask=None: ("scale", *arrays), place="first",
       elementwise=False),
    Op("members", lambda: fastnn.Members(3), lambda arrays, mask=None: ("members", *arrays),
       place="first", elementwise=False),
    Op("scale of members", lambda: fastnn.Scale(bias=True),
       lambda arrays, mask=None: ("scale", *arrays), place="members", elementwise=False),
    Op("dense of members", lambda: fastnn.Dense(4, shared=False), dense_twin, place="members",
       elementwise=False),
    Op("batchnorm of members", fastnn.BatchNorm, batchnorm_twin, batchnorm_predicting,
       place="members", elementwise=False),
    Op("dropout of members", lambda: fastnn.Dropout(0.3),
       lambda arrays, mask: ("dropout", mask, 0.3), lambda arrays: ("identity",), place="members",
       elementwise=False),
    Op("periodic embedding", lambda: fastnn.PeriodicEmbedding(3, 5, 0.2),
       periodic_twin, elementwise=False, rate=0.01),
    Op("periodic inputs", lambda: fastnn.PeriodicEmbedding(start=1, stop=3), periodic_twin,
       place="first", elementwise=False, rate=0.01),
    Op("periodic embedding of members", lambda: fastnn.PeriodicEmbedding(2, 3, start=2),
       periodic_twin, place="members", elementwise=False, rate=0.01),
    Op("embedding", lambda: fastnn.Embedding(3, 2, column=1), embedding_twin, place="first",
       elementwise=False),
    Op("piecewise encoding", lambda: fastnn.PiecewiseLinearEncoding(KNOTS, 2.0),
       lambda arrays, mask=None: ("piecewise", KNOTS, 2.0), place="first", elementwise=False),
    Op("softmax", fastnn.Softmax, lambda arrays, mask=None: ("softmax",), place="last",
       elementwise=False),
    Op("hardmax", fastnn.Hardmax, lambda arrays, mask=None: ("hardmax",), place="last",
       trains=False, elementwise=False),
]  # fmt: skip
TRAINED = [op for op in OPS if op.trains]
ACTIVATIONS = [op for op in OPS if op.elementwise]


def named(row: Any) -> str:
    return row.name.replace(" ", "-")


def network(op: Op) -> list[Any]:
    """A small network around the op, of 4 features and 3 outputs."""
    if op.place == "first":
        return [op.layer(), fastnn.Dense(5), fastnn.Tanh(), fastnn.Dense(3)]
    if op.place == "last":
        return [fastnn.Dense(5), fastnn.Tanh(), fastnn.Dense(3), op.layer()]
    first = [fastnn.Members(3)] if op.place == "members" else []
    return [*first, fastnn.Dense(5), op.layer(), fastnn.Dense(4), op.layer(), fastnn.Dense(3)]


# ------------------------------------------------------------- reference twins

_ROWS = {type(op.layer()): op for op in OPS}


def row_of(layer: Any) -> Op:
    """The op's row, with this layer's own number."""
    row = _ROWS[type(layer)]
    if isinstance(layer, fastnn.Dropout):
        return row._replace(twin=lambda arrays, mask: ("dropout", mask, layer.rate))
    if isinstance(layer, fastnn.Embedding):
        return row._replace(twin=lambda arrays, mask=None: ("embedding", *arrays, layer.column))
    if isinstance(layer, fastnn.PeriodicEmbedding):
        return row._replace(twin=lambda arrays, mask=None: ("periodic", *arrays, layer.start))
    if isinstance(layer, fastnn.PiecewiseLinearEncoding):
        return row._replace(twin=lambda arrays, mask=None: ("piecewise", layer.knots, layer.height))
    if isinstance(layer, fastnn.BatchNorm | fastnn.Activation) or not layer.alpha:
        return row
    return row._replace(twin=lambda arrays, mask=None: (row.twin([])[0], layer.alpha))


def by_layer(model, arrays) -> list[list[np.ndarray]]:
    """The model's list of arrays in float64, cut into one list a layer."""
    groups: list[list[np.ndarray]] = [[] for _ in model.layers]
    names = model._network.layout.array_names()
    for name, array in zip(names, arrays, strict=True):
        groups[int(name.split(".")[0])].append(array.astype(float))
    return groups


def reference_predict(model, X) -> np.ndarray:
    """What the model should predict, with the weights that it has."""
    layers = []
    for layer, arrays in zip(model.layers, by_layer(model, model.get_weights()), strict=True):
        row = row_of(layer)
        layers.append((row.predicting or row.twin)(arrays))
    hard = layers[-1] == ("hardmax",)
    outputs = net.network_forward(layers[:-1] if hard else layers, np.asarray(X, float))[-1]
    answers = ref.hardmax(outputs) if hard else outputs
    return answers.reshape(len(X), -1, answers.shape[1]).mean(axis=1)


def training_twin(model, groups, shape: tuple[int, int], step: int) -> list[tuple]:
    """The reference network for the model's step (from 0) on a batch of that shape."""
    layers, widths = [], Layout(model.layers, shape[1]).widths
    for k, (layer, arrays) in enumerate(zip(model.layers, groups, strict=True)):
        mask = None
        if isinstance(layer, fastnn.Dropout):
            key = ref.dropout_key(model._dropout_seed, step, k)
            mask = ref.dropout_mask((shape[0], widths[k]), layer.rate, key)
        layers.append(row_of(layer).twin(arrays, mask))
    return layers


def reference_sgd(model, case, X, y, bounds, epochs, rate, weight=None):
    """The model's arrays, layer by layer, after plain SGD in the rows' order, and each loss."""
    groups, target, losses_ = by_layer(model, model.get_weights()), case.target(y), []
    for _ in range(epochs):
        for b, e in pairwise(bounds):
            layers = training_twin(model, groups, X[b:e].shape, len(losses_))
            value, gradients, _ = net.network_loss_and_gradients(
                layers[: len(layers) - case.fused], X[b:e], target[b:e], case.reference,
                None if weight is None else weight[b:e], **case.options,
            )  # fmt: skip
            losses_.append(value)
            for layer, arrays, of_layer in zip(model.layers, groups, gradients, strict=False):
                if not isinstance(layer, fastnn.Standardize):
                    for j, g in enumerate(of_layer):
                        arrays[j] = arrays[j] - rate * g
    return groups, np.array(losses_)


# --------------------------------------------------------------------- losses


class LossCase(NamedTuple):
    """A loss, the output that it needs, and targets for it."""

    name: str
    loss: Callable[..., Any]
    reference: str
    targets: Callable[[np.random.Generator, int], np.ndarray]
    units: int = 3
    output: Callable[[], Any] | None = None
    fused: bool = False
    options: dict[str, Any] = {}  # noqa: RUF012

    def target(self, y: np.ndarray) -> np.ndarray:
        """y as the reference's matrix."""
        if self.reference == "cross_entropy" and y.ndim == 1:
            return np.eye(self.units)[y]
        return np.asarray(y, float).reshape(len(y), -1)

    def head(self) -> list[Any]:
        """The last layers of a network for it."""
        return [fastnn.Dense(self.units), *([self.output()] if self.output else [])]


@numba.njit
def own_mse(prediction, target, dprediction):
    total = 0.0
    for j in range(prediction.size):
        e = prediction[j] - target[j]
        dprediction[j] = 2 * e / prediction.size
        total += e * e / prediction.size
    return total


def labels(rng, n):
    return rng.integers(0, 3, n)


def soft(rng, n):
    return rng.dirichlet(np.ones(3), n)


def real(rng, n):
    return rng.normal(size=(n, 3))


SMOOTH = {"label_smoothing": 0.1}
MANY = {"quantiles": (0.1, 0.5, 0.9)}
LOSSES = [
    LossCase("cross_entropy", losses.CrossEntropy, "cross_entropy", labels, 3, fastnn.Softmax,
             True),
    LossCase("soft cross_entropy", losses.CrossEntropy, "cross_entropy", soft, 3, fastnn.Softmax,
             True),
    LossCase("smooth cross_entropy", lambda **k: losses.CrossEntropy(**SMOOTH, **k),
             "cross_entropy", labels, 3, fastnn.Softmax, True, {"smoothing": 0.1}),
    LossCase("binary_cross_entropy", losses.BinaryCrossEntropy, "binary_cross_entropy",
             lambda rng, n: rng.integers(0, 2, n), 1, fastnn.Sigmoid, True),
    LossCase("multi-label", losses.BinaryCrossEntropy, "binary_cross_entropy",
             lambda rng, n: rng.random((n, 3)), 3, fastnn.Sigmoid, True),
    LossCase("smooth multi-label", lambda **k: losses.BinaryCrossEntropy(**SMOOTH, **k),
             "binary_cross_entropy", lambda rng, n: rng.integers(0, 2, (n, 3)), 3, fastnn.Sigmoid,
             True, {"smoothing": 0.1}),
    LossCase("mse", losses.MSE, "mse", real),
    LossCase("mse of a softmax", losses.MSE, "mse", real, 3, fastnn.Softmax),
    LossCase("mae", losses.MAE, "mae", real),
    LossCase("huber", lambda **k: losses.Huber(0.5, **k), "huber", real, options={"delta": 0.5}),
    LossCase("poisson", losses.Poisson, "poisson", lambda rng, n: rng.poisson(2.0, (n, 3)), 3,
             fastnn.Softplus),
    LossCase("log_poisson", losses.LogPoisson, "log_poisson",
             lambda rng, n: rng.poisson(2.0, (n, 3))),
    LossCase("pinball", lambda **k: losses.Pinball(0.3, **k), "pinball", real,
             options={"quantiles": (0.3,)}),
    LossCase("three pinballs", lambda **k: losses.Pinball(**MANY, **k), "pinball",
             lambda rng, n: rng.normal(size=(n, 2)), 6, options=MANY),
    LossCase("own loss", lambda **k: losses.Custom(function=own_mse, **k), "mse", real),
]  # fmt: skip
MSE = next(case for case in LOSSES if case.name == "mse")
CROSS_ENTROPY = LOSSES[0]
