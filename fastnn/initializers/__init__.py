"""Initializers: how the weights of a layer are drawn.

An initializer is called as `init(rng, fan_in, fan_out)` and returns a float64 array of shape
(fan_in, fan_out): inputs first. `rng` is a `np.random.Generator`, the only source of randomness.
Each class is a frozen dataclass: its fields are all that it knows.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.initializers.distributions import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Orthogonal,
    Uniform,
)
from fastnn.initializers.fixed import Array, Constant, Zeros, as_weights
from fastnn.inputs.calls import explained_parts
from fastnn.inputs.names import unknown

__all__ = [
    "Array",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LeCunNormal",
    "LeCunUniform",
    "Orthogonal",
    "Uniform",
    "Zeros",
    "default_for",
    "draw",
    "get",
]

Initializer = Callable[[np.random.Generator, int, int], np.ndarray]

_NAMED: dict[str, type] = {
    "uniform": Uniform,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "xavier_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "lecun_normal": LeCunNormal,
    "lecun_uniform": LeCunUniform,
    "orthogonal": Orthogonal,
    "zeros": Zeros,
}
explained_parts({*_NAMED.values(), Constant, Array})
_NEED_VALUES = {"constant": "Constant(value)", "array": "Array(values)"}
_HE = {"relu", "leakyrelu", "elu", "gelu", "silu", "mish"}


def get(spec: Any) -> Initializer:
    """The initializer that `spec` means.

    Parameters
    ----------
    spec : str, array_like (fan_in, fan_out), or callable `(rng, fan_in, fan_out)`
        Names are those of the classes in snake case, such as "he_normal"; "xavier_" is a synonym
        of "glorot_". An unknown one raises a ValueError that names the nearest.

    Examples
    --------
    >>> get("xavier_normal")
    GlorotNormal(gain=1.0)
    >>> get([[1.0, 2.0]])
    Array(shape=(1, 2))
    """
    if isinstance(spec, str):
        if spec in _NEED_VALUES:
            raise ValueError(
                f'the initializer "{spec}" needs a value; pass fastnn.initializers.'
                f"{_NEED_VALUES[spec]}"
            )
        if spec not in _NAMED:
            raise unknown("initializer", spec, _NAMED)
        return _NAMED[spec]()
    if isinstance(spec, np.ndarray | list | tuple):
        return Array(spec)
    if isinstance(spec, type) or not callable(spec):
        raise TypeError(
            f"an initializer is a name, an array or a callable (rng, fan_in, fan_out); got {spec!r}"
            "; pass for example HeNormal() or Constant(0.1)"
        )
    try:
        inspect.signature(spec).bind(None, 1, 1)
    except TypeError:
        raise TypeError(
            f"the initializer {spec!r} cannot be called as (rng, fan_in, fan_out); give it these "
            "three parameters"
        ) from None
    except ValueError:  # some compiled callables have no signature to look at
        pass
    return spec


def draw(
    initializer: Initializer, rng: np.random.Generator, fan_in: int, fan_out: int
) -> np.ndarray:
    """Call `initializer` and check what it returns: float64, C order, never the callee's memory.

    TypeError unless numeric; ValueError unless of shape (fan_in, fan_out) and finite.

    Parameters
    ----------
    initializer : callable
        ``(rng, fan_in, fan_out) -> array``
    rng : numpy.random.Generator
    fan_in, fan_out : int
        Inputs and outputs of the layer.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> draw(lambda rng, fan_in, fan_out: np.ones((fan_in, fan_out)), rng, 1, 2)
    array([[1., 1.]])
    """
    values = as_weights(
        initializer(rng, fan_in, fan_out), f"the array that {initializer!r} returned"
    )
    if values.shape != (fan_in, fan_out):
        raise ValueError(
            f"the initializer {initializer!r} returned shape {values.shape}; expected (fan_in, "
            f"fan_out) = ({fan_in}, {fan_out}), inputs first"
        )
    return values


def default_for(activation: str | None) -> Initializer:
    """The default, by the name of the activation that follows: He, LeCun or Glorot.

    He normal for ReLU, LeakyReLU, ELU, GELU, SiLU and Mish; LeCun normal for SELU; Glorot uniform
    for every other name and for None. "LeakyReLU" and "leaky_relu" are one name.

    Parameters
    ----------
    activation : str or None

    Examples
    --------
    >>> default_for("relu"), default_for(None)
    (HeNormal(), GlorotUniform(gain=1.0))
    """
    name = (activation or "").replace("_", "").lower()
    if name in _HE:
        return HeNormal()
    return LeCunNormal() if name == "selu" else GlorotUniform()
