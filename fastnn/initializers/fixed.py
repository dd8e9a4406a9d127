"""Initializers that do not draw: constants and weights that are already known."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.inputs.settings import Range


@dataclass(frozen=True)
class Zeros:
    """W = 0. Right for an output layer only: hidden units that start equal stay equal.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> Zeros()(rng, 1, 2)
    array([[0., 0.]])
    """

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        return np.zeros((fan_in, fan_out))


@dataclass(frozen=True)
class Constant:
    """W = value, everywhere. Hidden units that start equal stay equal: see `Zeros`.

    Parameters
    ----------
    value : float
        ValueError unless finite.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> Constant(0.5)(rng, 1, 2)
    array([[0.5, 0.5]])
    """

    value: float

    def __post_init__(self) -> None:
        if not Range().holds(self.value):
            raise ValueError(f"Constant needs a finite value; got {self.value}")

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        return np.full((fan_in, fan_out), float(self.value))


@dataclass(frozen=True, eq=False)
class Array:
    """W = values: weights that are already known. Copied, so later changes do not reach it.

    Parameters
    ----------
    values : array_like (fan_in, fan_out)
        ValueError unless 2-D and finite; TypeError unless numeric. A layer of another shape
        raises a ValueError that names both shapes.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> Array([[1, 2]])(rng, 1, 2)
    array([[1., 2.]])
    """

    values: Any

    def __post_init__(self) -> None:
        values = as_weights(self.values, "Array(values)")
        if values.ndim != 2:
            raise ValueError(
                f"Array(values) needs a 2-D array (fan_in, fan_out); got shape {values.shape}"
            )
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        if self.values.shape != (fan_in, fan_out):
            raise ValueError(
                f"the given weights have shape {self.values.shape} but the layer has "
                f"{fan_in} inputs and {fan_out} outputs; pass an array of shape "
                f"({fan_in}, {fan_out}), inputs first"
            )
        return self.values.copy()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        # Through floats, not bytes: -0.0 equals 0.0 and must hash alike.
        return hash((self.values.shape, tuple(self.values.ravel()[:16].tolist())))

    def __repr__(self) -> str:
        return f"Array(shape={self.values.shape})"


def as_weights(values: Any, what: str) -> np.ndarray:
    """A float64 copy of `values`, or an error that starts with `what`."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{what} has rows of different lengths; make them equal") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{what} holds {array.dtype} values; expected real numbers")
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{what} holds {array[at]} at index {at}; expected finite numbers")
    return np.array(array, dtype=np.float64, order="C")
