"""The parameters of the estimators: which values each may take."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from fastnn.estimators.recipe import ACTIVATIONS, solver_of
from fastnn.losses import Loss
from fastnn.optimizers import OPTIMIZERS, Optimizer


def _count(least: int = 1, most: int | None = None) -> Interval:
    return Interval(Integral, least, most, closed="left" if most is None else "both")


def _number(least: float = 0, closed: str = "left", most: float | None = None) -> Interval:
    return Interval(Real, least, most, closed=closed)


SCHEDULES = {"cosine", "coslog4"}

OF_SKLEARN: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _count()],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [_number()],
    "batch_size": [StrOptions({"auto"}), _count()],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [_number(closed="neither")],
    "power_t": [_number()],
    "max_iter": [_count()],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_number()],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [_number(most=1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_number(most=1)],
    "beta_1": [_number(most=1)],
    "beta_2": [_number(most=1)],
    "epsilon": [_number(closed="neither")],
    "n_iter_no_change": [_count(), Options(Real, {np.inf})],
    "max_fun": [_count()],
}

BEYOND: dict[str, list[Any]] = {
    "n_layers": [None, _count(most=1000)],
    "n_units": [None, _count()],
    "batch_norm": ["boolean"],
    "dropout": [_number(most=1)],
    "input_dropout": [_number(most=1)],
    "init": [None, str, callable],
    "optimizer": [None, StrOptions(set(OPTIMIZERS)), Optimizer],
    "schedule": [None, StrOptions(SCHEDULES), callable],
    "warmup": [_count(0)],
    "clip_norm": [None, _number(closed="neither")],
    "l1": [_number()],
    "normalize": [None, StrOptions({"standard", "robust"})],
    "monitor": [None, str, callable],
    "patience": [None, _count()],
    "max_time": [None, _number(closed="neither")],
    "refit": ["boolean"],
    "n_members": [None, _count()],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "preset": [None, StrOptions({"tabular"})],
}

SHARED = OF_SKLEARN | BEYOND

OF_CLASSIFIER: dict[str, list[Any]] = {
    "loss": [StrOptions({"log_loss", "squared_error"}), Loss],
    "class_weight": [None, dict, list, StrOptions({"balanced"})],
    "label_smoothing": [_number(most=1)],
}

OF_REGRESSOR: dict[str, list[Any]] = {
    "loss": [
        StrOptions({"squared_error", "poisson", "absolute_error", "huber", "quantile"}),
        Loss,
    ],
    "normalize_y": ["boolean"],
}


def check_solver(estimator: Any) -> bool:
    """Whether it goes by mini-batches; AttributeError, as scikit-learn has it, if not."""
    if solver_of(estimator) == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True
