"""From an estimator's parameters to layers, a loss and an optimizer of fastnn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from fastnn import layers, losses, optimizers
from fastnn.layers import BatchNorm, Dense, Dropout, Layer, Standardize
from fastnn.losses import Loss
from fastnn.optimizers import LBFGS, SGD, Adam, Optimizer
from fastnn.training.network import Setup

ACTIVATIONS: dict[str, Callable[[], Layer] | None] = {
    "identity": None,
    "logistic": layers.Sigmoid,
    "tanh": layers.Tanh,
    "relu": layers.ReLU,
    "leaky_relu": layers.LeakyReLU,
    "elu": layers.ELU,
    "selu": layers.SELU,
    "gelu": layers.GELU,
    "silu": layers.SiLU,
    "softplus": layers.Softplus,
    "mish": layers.Mish,
}
OUTPUTS: dict[str, Callable[[], Layer] | None] = {
    "softmax": layers.Softmax,
    "logistic": layers.Sigmoid,
    "identity": None,
    "exp": None,
}


@dataclass(frozen=True)
class Objective:
    """A loss of fastnn, and how scikit-learn's differs from it.

    fastnn averages a row's loss over its outputs. `of_loss` and `of_gradient` are the factors from
    it to scikit-learn's; they differ for several targets, where scikit-learn reports the mean
    square error but follows the gradient of its sum.
    """

    loss: Loss
    out_activation: str
    n_out: int
    of_loss: float = 1.0
    of_gradient: float = 1.0


def check_loss(s: Any, classifier: bool) -> None:
    """Refuse a loss of fastnn that an estimator cannot use, with a sentence.

    Both cross-entropies are the log loss: which one it is follows from y.
    """
    if not isinstance(s.loss, Loss):
        return
    if s.loss.reduction != "mean":
        raise ValueError(
            f"the loss is {s.loss!r}; an estimator averages over the rows of a batch: leave "
            "reduction at its default"
        )
    if isinstance(s.loss, losses.Poisson):
        raise ValueError(
            f"the loss is {s.loss!r}, which needs outputs above 0; for counts MLPRegressor has "
            'loss="poisson", whose outputs are logs of rates'
        )
    log_loss = isinstance(s.loss, losses.CrossEntropy | losses.BinaryCrossEntropy)
    if classifier and log_loss:
        given = getattr(s.loss, "label_smoothing", 0.0)
        s.label_smoothing = given or s.label_smoothing
        s.loss = "log_loss"
    elif log_loss or (classifier and isinstance(s.loss, losses.Pinball | losses.LogPoisson)):
        kind = "classifier" if classifier else "regressor"
        raise ValueError(f"the loss is {s.loss!r}, which is none for a {kind}; choose another one")


def classifier_objective(loss: Any, kind: str, n_out: int, smoothing: float) -> Objective:
    """Of a classifier; `kind` is what `type_of_target` calls y."""
    out = "softmax" if kind == "multiclass" else "logistic"
    if isinstance(loss, Loss):
        return Objective(loss, out, n_out)
    if loss == "squared_error":
        return Objective(losses.MSE(), out, n_out)
    if out == "softmax":
        return Objective(losses.CrossEntropy(smoothing), out, n_out)
    return Objective(losses.BinaryCrossEntropy(), out, n_out, float(n_out), float(n_out))


def regressor_objective(loss: Any, n_targets: int) -> Objective:
    """Of a regressor for so many targets."""
    named = {"absolute_error": losses.MAE, "huber": losses.Huber, "quantile": losses.Pinball}
    if loss == "poisson":
        n = float(n_targets)
        return Objective(losses.LogPoisson(), "exp", n_targets, n, n)
    if loss == "squared_error":
        # Half the square, which is what the middle of a wide Huber loss is.
        wide = losses.Huber(delta=1e300)
        return Objective(wide, "identity", n_targets, 1.0, float(n_targets))
    chosen = loss if isinstance(loss, Loss) else named[loss]()
    out = "exp" if isinstance(chosen, losses.LogPoisson) else "identity"
    per_target = len(chosen.settings().get("quantiles", [0.5]))
    return Objective(chosen, out, n_targets * per_target)


def check_targets(objective: Objective, targets: np.ndarray, labels: bool) -> None:
    """Refuse targets that the loss would read wrongly."""
    loss = objective.loss
    if not labels and loss.n_targets(objective.n_out) != targets.shape[1]:
        raise ValueError(
            f"the loss is {loss!r}, for {objective.n_out} outputs and {targets.shape[1]} targets a "
            "row; choose another one"
        )
    if loss.targets == "counts" and targets.min() < 0:
        raise ValueError(
            f'y holds {targets.min():g}; the loss "{loss.name}" expects counts, so nothing below '
            '0: for real targets use "squared_error", without normalize_y for counts'
        )


def network_layers(s: Any, n_in: int, objective: Objective) -> list[Layer]:
    """The layers that the settings describe."""
    activation = ACTIVATIONS[s.activation]
    penalty = {"l2": s.alpha / objective.of_gradient, "l1": s.l1 / objective.of_gradient}
    chain: list[Layer] = [Standardize()] if s.normalize else []
    if s.encoding:
        chain.append(s.encoding)
        n_in = s.encoding.n_out(n_in)
    chain += [s.scale] if s.scale else []
    chain += [Dropout(s.input_dropout)] if s.input_dropout else []
    for units in hidden_sizes(s):
        chain.append(Dense(units, init=s.init, **penalty, **s.dense(n_in)))
        n_in = units
        chain += [BatchNorm()] if s.batch_norm else []
        chain += [activation()] if activation else []
        chain += [Dropout(s.dropout)] if s.dropout else []
    output = OUTPUTS[objective.out_activation]
    chain.append(Dense(objective.n_out, init=s.init_output, **penalty, **s.dense(n_in)))
    return chain + ([output()] if output else [])


def hidden_sizes(s: Any) -> list[int]:
    """Units of the hidden layers; `n_layers` and `n_units` come before `hidden_layer_sizes`."""
    given = s.hidden_layer_sizes
    sizes = list(given) if hasattr(given, "__iter__") else [given]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise ValueError(f"hidden_layer_sizes is {given!r}; expected whole numbers above 0")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if s.n_units is not None:
        sizes = [s.n_units] * max(len(sizes), 1)
    if s.n_layers is not None:
        if len(set(sizes)) != 1:
            raise ValueError(
                f"n_layers={s.n_layers} with hidden_layer_sizes={given}: expected one size for "
                "all layers; pass n_units, or leave n_layers out"
            )
        sizes = sizes[:1] * s.n_layers
    return [int(size) for size in sizes]


@dataclass(frozen=True)
class _FreeSGD(SGD):
    """SGD with any momentum from 0 to 1, as scikit-learn has it."""

    def __post_init__(self) -> None:
        """The estimator has checked the ranges."""


@dataclass(frozen=True)
class _FreeAdam(Adam):
    """Adam with any epsilon above 0."""

    def __post_init__(self) -> None:
        """The estimator has checked the ranges."""


def chosen_optimizer(s: Any, objective: Objective) -> Optimizer:
    """The optimizer of the settings, its constants matched to fastnn's scale of the gradient."""
    if solver_of(s) == "lbfgs":
        return s.optimizer if isinstance(s.optimizer, LBFGS) else LBFGS()
    if isinstance(s.optimizer, str):
        return optimizers.OPTIMIZERS[s.optimizer](learning_rate=s.learning_rate_init)
    if s.optimizer is not None:
        return s.optimizer
    g = objective.of_gradient
    if s.solver == "sgd":
        return _FreeSGD(s.learning_rate_init * g, s.momentum, s.nesterovs_momentum)
    return _FreeAdam(s.learning_rate_init, s.beta_1, s.beta_2, s.epsilon / g, epsilon_hat=True)


def solver_of(s: Any) -> str:
    """ "lbfgs", or the name of the way by mini-batches."""
    if s.optimizer is None:
        return str(s.solver)
    full = s.optimizer == "lbfgs" or isinstance(s.optimizer, LBFGS)
    return "lbfgs" if full else "optimizer"


def setup_of(s: Any, objective: Objective) -> Setup:
    """What training minimises, and how."""
    limit = 0.0 if s.clip_norm is None else s.clip_norm / objective.of_gradient
    shares = objective.of_loss, objective.of_gradient
    return Setup(chosen_optimizer(s, objective), objective.loss, clip_norm=limit, shares=shares)
