"""Defaults: which parameters to tune first, on which scales, and a network to tune."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn.inputs.calls import explained
from fastnn.inputs.settings import check_count, is_one_of
from fastnn.layers import BatchNorm, Dense, Layer, ReLU, Sigmoid, Softmax, Standardize
from fastnn.model.sequential import Sequential
from fastnn.tune.choices import Choice
from fastnn.tune.scales import LogUniform, OneMinusLog
from fastnn.tune.whole import Int, LogInt

TIERS = {
    "learning_rate": 1,
    "momentum": 2, "beta": 2, "batch_size": 2, "units": 2, "hidden": 2,
    "hidden_layer_sizes": 2, "learning_rate_init": 1,
    "layers": 3, "weight_decay": 3, "l2": 3, "alpha": 3, "decay": 3,
    "beta_1": 4, "beta_2": 4, "epsilon": 4,
}  # fmt: skip
"""By importance: 1 is tuned first; 4 is left alone unless asked for."""


@explained
def default_space(optimizer: str = "adam", tiers: int = 3) -> dict[str, Any]:
    """Scales of the parameters that usually matter, by importance.

    Parameters
    ----------
    optimizer : {"adam", "sgd"}, default "adam"
    tiers : int, default 3
        1: the learning rate. 2: also momentum (of "sgd"), batch size, hidden units. 3: also the
        number of layers and the weight decay. 4: also Adam's beta_1, beta_2 and epsilon, whose
        defaults are good almost everywhere.

    Returns
    -------
    space : dict
        For `search` with `default_build`, to be changed at will.

    Examples
    --------
    >>> from fastnn import tune
    >>> list(tune.default_space(tiers=2))
    ['learning_rate', 'batch_size', 'units']
    """
    if not is_one_of(optimizer, ("adam", "sgd")):
        raise ValueError(f'optimizer is {optimizer!r}; expected "adam" or "sgd"')
    if check_count(tiers, "tiers") > 4:
        raise ValueError(f"tiers is {tiers}; expected 1 to 4")
    adam = optimizer == "adam"
    space: dict[str, Any] = {
        "learning_rate": LogUniform(1e-4, 1e-1) if adam else LogUniform(1e-3, 1)
    }
    if tiers >= 2:
        space |= {} if adam else {"momentum": OneMinusLog(0.5, 0.99)}
        space |= {"batch_size": Choice([16, 32, 64, 128, 256]), "units": LogInt(16, 256)}
    if tiers >= 3:
        space |= {"layers": Int(1, 3), "weight_decay": _decay(adam)}
    if tiers >= 4 and adam:
        space |= {"beta_1": OneMinusLog(0.5, 0.99), "beta_2": OneMinusLog(0.9, 0.9999)}
        space |= {"epsilon": LogUniform(1e-9, 1e-4)}
    return space


def _decay(adam: bool) -> LogUniform:
    # AdamW multiplies it by the learning rate; an L2 penalty stands beside the loss.
    return LogUniform(1e-4, 1) if adam else LogUniform(1e-6, 1e-2)


@explained
def default_build(y: Any, optimizer: str = "adam") -> Callable[..., Sequential]:
    """A function that builds networks of the parameters of `default_space`, for targets like y.

    Parameters
    ----------
    y : array
        Whole numbers or booleans, one a row, are classes from 0; 0/1 columns of which several may
        be 1 are labels; all else is regression.
    optimizer : {"adam", "sgd"}, default "adam"

    Examples
    --------
    >>> from fastnn import tune
    >>> model = tune.default_build([0, 1, 2])(learning_rate=1e-3, units=8)
    >>> model.layers[-2:]
    (Dense(3), Softmax())
    """
    if not is_one_of(optimizer, ("adam", "sgd")):
        raise ValueError(f'optimizer is {optimizer!r:.60}; expected "adam" or "sgd"')
    return DefaultBuild(*task_of(y), optimizer)


class DefaultBuild:
    """A builder with a pickle: standardised inputs, layers of dense, batch norm and ReLU."""

    def __init__(self, n_out: int, loss: str, optimizer: str) -> None:
        self.n_out, self.loss, self.optimizer = n_out, loss, optimizer

    def __repr__(self) -> str:
        return f"DefaultBuild({self.n_out}, {self.loss!r}, {self.optimizer!r})"

    def __call__(
        self, learning_rate: float = 1e-3, units: int = 64, layers: int = 1,
        weight_decay: float = 0.0, momentum: float = 0.9, beta_1: float = 0.9,
        beta_2: float = 0.999, epsilon: float = 1e-8, seed: int | None = None,
    ) -> Sequential:  # fmt: skip
        """The compiled network."""
        l2 = weight_decay if self.optimizer == "sgd" else 0.0
        network: list[Layer] = [Standardize()]
        for _ in range(layers):
            network += [Dense(units, l2=l2), BatchNorm(), ReLU()]
        network.append(Dense(self.n_out, l2=l2))
        if self.loss != "mse":
            network.append(Softmax() if self.loss == "cross_entropy" else Sigmoid())
        model = Sequential(network, seed=seed)
        chosen: optimizers.Optimizer
        if self.optimizer == "sgd":
            chosen = optimizers.SGD(learning_rate, momentum=momentum, nesterov=True)
        else:
            chosen = optimizers.AdamW(
                learning_rate, beta_1, beta_2, epsilon, weight_decay=weight_decay
            )
        metrics = [] if self.loss == "mse" else ["accuracy"]
        model.compile(chosen, self.loss, metrics)
        return model


def task_of(y: Any) -> tuple[int, str]:
    """Number of outputs and loss for targets like y."""
    array = np.asarray(y)
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or not array.size:
        raise ValueError(
            f"y holds {array.dtype} of shape {array.shape}; expected numbers, (n,) or (n, "
            "targets); for classes by name: classes, y = np.unique(y, return_inverse=True)"
        )
    if array.ndim == 2 and array.shape[1] > 1:
        if ((array == 0) | (array == 1)).all():
            one_hot = (array.sum(axis=1) == 1).all()
            return array.shape[1], "cross_entropy" if one_hot else "binary_cross_entropy"
        return array.shape[1], "mse"
    if array.dtype.kind == "f":
        return 1, "mse"
    return max(2, int(array.max()) + 1), "cross_entropy"
