"""A fitted estimator as scikit-learn's own; its network as a Sequential."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import neural_network

from fastnn.estimators.presets import defaults_of, own_class, parameters_of
from fastnn.layers import BatchNorm, Dense, Standardize
from fastnn.model import Sequential

KNOWN = ("identity", "logistic", "tanh", "relu")
COPIED = (
    "classes_", "_label_binarizer", "n_features_in_", "feature_names_in_", "n_outputs_",
    "n_layers_", "out_activation_", "loss_", "loss_curve_", "best_loss_", "validation_scores_",
    "best_validation_score_", "n_iter_", "t_", "_no_improvement_count",
)  # fmt: skip


def to_sklearn(e: Any) -> Any:
    """scikit-learn's estimator with the same weights; see `BaseMLP.to_sklearn`."""
    _refuse(e)
    cls = getattr(neural_network, own_class(e).__name__)
    machine = e._machine
    e._take_coefs()
    known = set(defaults_of(cls))
    chosen = {k: v for k, v in parameters_of(e).items() if k in known}
    widths = [int(b.size) for b in machine.intercepts()[:-1]]
    twin = cls(**chosen | {"hidden_layer_sizes": tuple(widths), "early_stopping": False})
    for name in COPIED:
        if hasattr(e, name):
            setattr(twin, name, getattr(e, name))
    twin.coefs_, twin.intercepts_ = _folded(machine)
    scale, shift = getattr(e, "_y_scale", None), getattr(e, "_y_mean", None)
    if scale is not None:
        twin.coefs_[-1] = twin.coefs_[-1] * scale
        twin.intercepts_[-1] = twin.intercepts_[-1] * scale + shift
    twin._random_state = machine.random_state
    return twin


def network_of(e: Any) -> Sequential:
    """A copy of the network of a fitted estimator that is no ensemble."""
    machine = e._network()
    network = Sequential(machine.layers, seed=0, dtype=machine.dtype).build(machine.n_in)
    network.set_weights([array for _, array in machine.state.arrays()])
    return network


def networks_of(e: Any) -> list[Sequential]:
    """Copies of an ensemble's networks, or of the only one."""
    return [network_of(one) for one in getattr(e, "estimators_", [e])]


def _refuse(e: Any) -> None:
    reasons = []
    if e.preset is not None:
        reasons.append(f'preset="{e.preset}" transforms X before the network')
    elif hasattr(e, "estimators_"):
        n = len(e.estimators_)
        reasons.append(f"it is an ensemble of {n} networks; convert each of estimators_")
    elif e.activation not in KNOWN:
        reasons.append(f'the activation "{e.activation}" is none of {", ".join(KNOWN)}')
    elif not isinstance(e.loss, str):
        reasons.append(f"the loss is {e.loss!r}")
    elif e.loss not in ("log_loss", "squared_error", "poisson"):
        reasons.append(f'the loss "{e.loss}" is none of scikit-learn\'s')
    if reasons:
        raise ValueError(f"scikit-learn's MLP cannot be this one: {reasons[0]}")


def _folded(machine: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """W and b of each Dense layer, what surrounds it taken in."""
    coefs: list[np.ndarray] = []
    intercepts: list[np.ndarray] = []
    state, before = machine.state, None
    W_b = iter(zip(machine.coefs(), machine.intercepts(), strict=True))
    for k, layer in enumerate(machine.layers):
        if isinstance(layer, Standardize):
            before = state.array("0.mean"), state.array("0.deviation")
        elif isinstance(layer, Dense):
            W, b = (array.copy() for array in next(W_b))
            if before is not None:
                W = W / before[1][:, None]
                b, before = b - before[0] @ W, None
            coefs.append(W)
            intercepts.append(b)
        elif isinstance(layer, BatchNorm):
            names = ("gamma", "beta", "running_mean", "running_var")
            gamma, beta, mean, variance = (state.array(f"{k}.{name}") for name in names)
            factor = gamma / np.sqrt(variance + layer.epsilon)
            coefs[-1] = coefs[-1] * factor
            intercepts[-1] = (intercepts[-1] - mean) * factor + beta
    return coefs, intercepts
