"""What an estimator is set to: its parameters, with those that a preset replaces."""

from __future__ import annotations

import inspect
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from fastnn.initializers import Zeros
from fastnn.layers import Scale
from fastnn.losses import LogPoisson

WIDTH, DEPTH = 256, 3
MEMBERS = 5
"""So many networks the preset trains, each with another part held out."""
ENCODED_FROM, ENCODED_ALONE_FROM = 400, 2_000
"""From so many rows on columns are encoded piecewise: where rows held out tell whether that helps,
and by a network alone."""
FEW_ROWS = 10_000
"""Of fewer rows than this batches are smaller, and networks that tell classes apart."""


def for_members(classifier: bool, rows: int) -> dict[str, Any]:
    """Settings of each of several networks.

    Five small ones cost less than a large one and predict better. One descent of the learning rate
    leads as far as four, in less than a quarter of the epochs; it is followed to its end. Of few
    rows a batch of four times as many costs four times as much.
    """
    own = {"n_units": 64, "max_iter": 30 if classifier else 60}
    if rows < FEW_ROWS:
        own["batch_size"] = 64
    elif classifier:
        own["n_units"] = 128
    return {**own, "schedule": "cosine", "n_iter_no_change": np.inf}


def own_class(estimator: Any) -> type:
    """fastnn's class: the estimator's own, or that which a user's subclass is made from."""
    return next(c for c in type(estimator).__mro__ if c.__module__.startswith("fastnn."))


@cache
def defaults_of(cls: type) -> dict[str, Any]:
    """A class's parameters and their defaults."""
    return {name: p.default for name, p in inspect.signature(cls).parameters.items()}


def parameters_of(estimator: Any) -> dict[str, Any]:
    """fastnn's parameters, as they are set, also where a subclass has an `__init__` of its own."""
    return {name: getattr(estimator, name) for name in defaults_of(own_class(estimator))}


def settings_of(estimator: Any) -> SimpleNamespace:
    """The estimator's parameters, and what the preset adds to the layers.

    `encoding` and `scale` are first layers, `dense(n_in)` gives further arguments of a Dense layer,
    `init_output` is the last one's initializer, `bias_deviation` that of the first biases.
    """
    given = parameters_of(estimator)
    s = SimpleNamespace(**given)
    s.encoded_from = getattr(estimator, "_encoded_from", ENCODED_ALONE_FROM)
    s.encoding, s.scale, s.dense = None, None, _plain
    s.init_output, s.bias_deviation = s.init, 0.0
    s.label_smoothing = given.get("label_smoothing", 0.0)
    s.normalize_y = given.get("normalize_y", False)
    if s.preset == "tabular":
        _tabular(s, estimator, given)
    return s


def left(estimator: Any) -> set[str]:
    """Names of the parameters that are left at their defaults."""
    given, defaults = parameters_of(estimator), defaults_of(own_class(estimator))
    # Arrays and indices have a `==` of their own.
    plain = (str, int, float, tuple, list, type(None))
    return {k for k, v in given.items() if isinstance(v, plain) and v == defaults[k]}


def _plain(n_in: int) -> dict[str, Any]:
    return {}


def _tabular(s: SimpleNamespace, estimator: Any, given: dict[str, Any]) -> None:
    """RealMLP-TD-S of Holzmueller et al. 2024, for parameters that are left at their defaults."""
    classifier = hasattr(estimator, "predict_proba")
    values = {
        "hidden_layer_sizes": (WIDTH,) * DEPTH,
        "activation": "selu" if classifier else "mish",
        "alpha": 0.0,
        "batch_size": 256,
        "learning_rate_init": 0.04 if classifier else 0.07,
        "max_iter": 256,
        "beta_2": 0.95,
        "schedule": "coslog4",
        "early_stopping": True,
        "validation_fraction": 0.2,
        "n_iter_no_change": 50,
        "tol": 0.0,
        "label_smoothing": 0.1,
        # Rates of counts are learned by their logarithms.
        "normalize_y": not (s.loss == "poisson" or isinstance(s.loss, LogPoisson)),
    }
    free = left(estimator)
    for name, value in values.items():
        if name not in given or name in free:
            setattr(s, name, value)
    s.batch_size = AtMost(s.batch_size)
    if s.init is None:
        # The neural tangent parametrisation z = x W / sqrt(n_in) + b, W normal, written for
        # W / sqrt(n_in): Adam's steps are then smaller by the same factor.
        s.scale, s.dense = Scale(rate=6.0), _tangent
        s.init, s.init_output, s.bias_deviation = _normal, Zeros(), 1.0


class AtMost(int):
    """A batch size that shrinks to the number of rows without a word."""


def _tangent(n_in: int) -> dict[str, Any]:
    return {"rate": n_in**-0.5, "bias_rate": 0.1}


def _normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """W normal with deviation 1 / sqrt(fan_in)."""
    return rng.normal(0.0, fan_in**-0.5, (fan_in, fan_out))
