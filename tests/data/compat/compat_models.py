"""The data, and the models in files: one of every layer, loss, optimizer, schedule, initializer."""

from contextlib import suppress

import numba
import numpy as np

import fastnn
from fastnn import (
    ELU,
    GELU,
    LBFGS,
    SELU,
    SGD,
    Activation,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    Hardmax,
    Identity,
    LeakyReLU,
    Mish,
    NAdam,
    ReLU,
    RMSprop,
    Rprop,
    Scale,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Standardize,
    Tanh,
    initializers,
    losses,
    schedules,
)
from fastnn.datasets import load_iris

X, CLASSES = load_iris()
ROWS = X[::10]  # are predicted
TARGETS = {
    "classes": CLASSES,
    "values": X[:, 3] - X[:, 0] / 4,
    "pairs": X[:, 2:] / 4,
    "counts": np.round(X[:, 2]),
    "labels": (X.mean(axis=0) < X).astype(np.float32),
}
# The last column, of three categories, is one that only the preset knows to read.
TABLE = np.column_stack([X[:, :3], CLASSES])


@numba.njit
def swell(z):
    return z + 0.05 * z * z


@numba.njit
def swell_slope(z):
    return 1 + 0.1 * z


@numba.njit
def half_square(prediction, target, dprediction):
    value = 0.0
    for k in range(len(prediction)):
        dprediction[k] = prediction[k] - target[k]
        value += 0.5 * dprediction[k] ** 2
    return value


def falling(steps):
    return 0.005 / (1 + steps / 50)


def largest_error(y, prediction):
    return float(np.abs(np.reshape(y, prediction.shape) - prediction).max())


OWN = {f.__name__: f for f in (falling, largest_error)}
OWN |= {"swell": swell, "swell_slope": swell_slope, "half_square": half_square}


class BreakOff(fastnn.Callback):
    """Ctrl-C after so many steps."""

    def __init__(self, step):
        self.every_steps = self.step = step

    def on_steps_end(self, model, fraction):
        if model.step == self.step:
            raise KeyboardInterrupt


def network(layers, optimizer, loss, dtype="float32", **settings):
    model = Sequential(layers, seed=3, dtype=dtype)
    model.compile(optimizer, loss, **settings)
    return model


def classifier():
    first = Dense(6, init=initializers.HeNormal(), l2=1e-3)
    last = Dense(3, init=initializers.GlorotUniform())
    layers = [Standardize(), Scale(2.0), first, BatchNorm(), ReLU(), Dropout(0.1), last, Softmax()]
    optimizer = Adam(schedules.Cosine(0.02, 80, warmup_steps=5))
    loss = losses.CrossEntropy(label_smoothing=0.1)
    metrics = ["accuracy", "log_loss", "precision", "recall"]
    return network(layers, optimizer, loss, metrics=metrics, clip_norm=1.0)


def activations():
    i = initializers
    draws = [i.HeUniform(), i.LeCunNormal(), i.LeCunUniform(), i.GlorotNormal(), i.Orthogonal()]
    draws += [i.Uniform(-0.5, 0.5), *draws[:4]]
    kinds = [LeakyReLU(0.1), ELU(), SELU(), GELU(), SiLU(), Mish(), Tanh(), Sigmoid(), Softplus()]
    layers = [
        layer
        for init, kind in zip(draws, [*kinds, Identity()], strict=True)
        for layer in (Dense(4, init=init), kind)
    ]
    optimizer = SGD(schedules.Exponential(0.1, 50, 0.5))
    last = Dense(2, init=initializers.Constant(0.1), bias=False)
    return network([*layers, last], optimizer, losses.MSE(), "float64", clip_value=0.5)


def begun():
    optimizer = SGD(schedules.Piecewise((20, 40), (0.1, 0.05, 0.01)), momentum=0.9, nesterov=True)
    layers = [Dense(5, l1=1e-4), BatchNorm(), Tanh(), Dropout(0.2), Dense(3), Softmax()]
    return network(layers, optimizer, "cross_entropy", metrics=["accuracy", "f1", "roc_auc"])


def counts():
    optimizer = RMSprop(schedules.StepDecay(0.02, 30, 0.5), momentum=0.5)
    layers = [Dense(5), SiLU(), Dense(1), Softplus()]
    return network(layers, optimizer, losses.Poisson(reduction="sum"))


def log_counts():
    optimizer = NAdam(schedules.InverseTime(0.02, 30))
    return network([Dense(5), Mish(), Dense(1)], optimizer, losses.LogPoisson(), "float64")


def quantiles():
    optimizer = AdamW(schedules.OneCycle(0.02, 80), weight_decay=0.1)
    layers = [Standardize(), Dense(5), SELU(), Dense(3, init=initializers.Zeros())]
    return network(layers, optimizer, losses.Pinball((0.1, 0.5, 0.9)))


def labels():
    return network([Dense(5), ReLU(), Dense(4), Sigmoid()], Rprop(), losses.BinaryCrossEntropy())


def full_batch():
    loss = losses.Huber(delta=0.5)
    metrics = ["mse", "rmse", "r2"]
    return network([Dense(4), Tanh(), Dense(2)], LBFGS(memory=5), loss, "float64", metrics=metrics)


def frozen():
    optimizer = Adam(schedules.Polynomial(0.02, 80), epsilon_hat=True)
    model = network(
        [Dense(6), BatchNorm(), GELU(), Dense(1)], optimizer, losses.MAE(), metrics=["mae"]
    )
    source = Sequential([Dense(6), BatchNorm(), GELU(), Dense(3)], seed=4)
    model.initialize_from(source.build(4), freeze=2)
    return model


def restarts():
    optimizer = SGD(schedules.CosineRestarts(0.1, 16), momentum=0.8)
    model = network([Dense(5), ELU(0.5), Dense(1)], optimizer, "mse").build(4)
    model.learning_rate_factor = 0.5
    return model


def steady():
    optimizer = Adam(schedules.Constant(0.02, warmup_steps=10), beta_1=0.8, beta_2=0.99)
    return network([Dense(5), Softplus(), Dense(1)], optimizer, "mse")


def own():
    layers = [Dense(5), Activation(swell, swell_slope), Dense(1)]
    return network(layers, SGD(falling), half_square, metrics=[largest_error])


def ranked():
    return network([Dense(3), Softmax()], NAdam(), "cross_entropy", metrics=["top_2"])


def unbuilt():
    W = np.arange(12).reshape(4, 3) / 12 - 0.4
    return network(
        [Dense(3, init=initializers.Array(W)), Tanh(), Dense(1)], SGD(0.1, momentum=0.5), "mse"
    )


def untrained():
    return Sequential([Dense(3, init="orthogonal"), Hardmax()], seed=3).build(4)


OWN_FUNCTIONS = "own", "ranked"
"""Models with functions that have no pickle."""
PART = {"batch_size": 16, "validation_split": 0.2}
# Name: what makes the model, its targets, arguments of fit. In the files most have 3 epochs.
MODELS = {
    "classifier": (classifier, "classes", PART),
    "activations": (activations, "pairs", {"batch_size": 16}),
    "begun": (begun, "classes", PART),
    "counts": (counts, "counts", {"batch_size": 30, "validation_split": 0.2}),
    "log_counts": (log_counts, "counts", {"batch_size": 16, "shuffle": False}),
    "quantiles": (quantiles, "values", PART),
    "labels": (labels, "labels", {"batch_size": None}),
    "full_batch": (full_batch, "pairs", {"batch_size": None}),
    "frozen": (frozen, "values", {"batch_size": 16, "training_metrics": "full"}),
    "restarts": (restarts, "values", PART),
    "steady": (steady, "values", {"batch_size": "auto"}),
    "ranked": (ranked, "classes", {}),
    "own": (own, "values", PART),
    "unbuilt": (unbuilt, "values", PART),
    "untrained": (untrained, None, {}),
}


def go_on(name, model):
    """Two more epochs, as the files' successors have made them."""
    _, target, settings = MODELS[name]
    if target is not None:
        model.fit(X, TARGETS[target], epochs=2, verbose=0, **settings)


def make_model(name):
    make, target, settings = MODELS[name]
    model = make()
    if target is not None and name != "unbuilt":
        model.fit(X, TARGETS[target], epochs=3, verbose=0, **settings)
    if name == "begun":
        with suppress(KeyboardInterrupt):
            model.fit(X, TARGETS[target], callbacks=[BreakOff(27)], verbose=0, **settings)
    return model
