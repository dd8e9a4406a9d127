"""Floor 1. Optimizers: how parameters follow their gradients, declared.

Each is a frozen dataclass; its state is two vectors beside the parameters, whoever it is. The
learning rate is a number or a schedule: a callable that maps an array of step numbers, from 0, to
rates.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from fastnn.kernels import codes
from fastnn.names import unknown

Rate = float | Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Optimizer:
    """What all optimizers share."""

    learning_rate: Rate = 0.01
    kind: ClassVar[int]
    full_batch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name == "learning_rate" and callable(value):
                continue
            _check(type(self).__name__, name, value)

    @property
    def name(self) -> str:
        """The name by which `compile` finds it."""
        return next((n for n, cls in OPTIMIZERS.items() if cls is type(self)), "optimizer")

    def rates(self, first: int, n: int) -> np.ndarray:
        """Learning rates (n,) of the steps first, first + 1, ..."""
        if not callable(self.learning_rate):
            return np.full(n, float(self.learning_rate))
        rates = np.asarray(self.learning_rate(np.arange(first, first + n)), dtype=np.float64)
        rates = np.ascontiguousarray(np.broadcast_to(rates, (n,)))
        if not np.all(np.isfinite(rates)) or np.any(rates < 0):
            bad = int(np.argmax(~(np.isfinite(rates) & (rates >= 0))))
            raise ValueError(
                f"the schedule gave the learning rate {rates[bad]} at step {first + bad}; expected "
                "a finite number of at least 0"
            )
        return rates

    def settings(self) -> dict[str, Any]:
        """The fields of the run's CONTEXT record that it sets."""
        values = asdict(self)
        values.pop("learning_rate")
        return values


_RANGES = {
    "learning_rate": (0, np.inf), "epsilon": (0, np.inf), "weight_decay": (0, np.inf),
    "momentum_decay": (0, np.inf), "eta_plus": (1, np.inf), "step_min": (0, np.inf),
    "step_max": (0, np.inf), "tolerance": (0, np.inf),
}  # fmt: skip


def _check(owner: str, name: str, value: Any) -> None:
    if isinstance(value, bool):
        return
    low, high = _RANGES.get(name, (0, 1))
    number = isinstance(value, int | float | np.number)
    if not (number and low <= value and (value < high or (name == "eta_minus" and value <= 1))):
        ends = "of at least 0" if high == np.inf and low == 0 else f"in [{low}, {high})"
        also = " or a schedule" if name == "learning_rate" else ""
        raise ValueError(f"{owner}({name}={value!r}): expected a number {ends}{also}")


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: w -= learning_rate d.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
    momentum : float in [0, 1), default 0
        With it m = momentum m + g and d = m (Polyak 1964).
    nesterov : bool, default False
        d = g + momentum m instead (Nesterov 1983; Sutskever et al. 2013).

    Examples
    --------
    >>> from fastnn import SGD
    >>> SGD(0.1, momentum=0.9, nesterov=True).momentum
    0.9
    """

    momentum: float = 0.0
    nesterov: bool = False
    kind: ClassVar[int] = codes.SGD


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """v = rho v + (1 - rho) g^2; w -= learning_rate g / (sqrt(v) + epsilon).

    Tieleman & Hinton 2012.

    Parameters
    ----------
    learning_rate : float or schedule, default 1e-3
    rho : float in [0, 1), default 0.9
    momentum : float in [0, 1), default 0
        Of the scaled gradients.
    epsilon : float, default 1e-8
    inside_root : bool, default False
        sqrt(v + epsilon) instead of sqrt(v) + epsilon: both are in use.
    """

    learning_rate: Rate = 1e-3
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-8
    inside_root: bool = False
    kind: ClassVar[int] = codes.RMSPROP

    def settings(self) -> dict[str, Any]:
        values = super().settings()
        return values | {"beta_2": values.pop("rho")}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): momentum over a root mean square, both bias-corrected.

    Parameters
    ----------
    learning_rate : float or schedule, default 1e-3
    beta_1, beta_2 : float in [0, 1), default 0.9 and 0.999
        They average over about 1 / (1 - beta) steps.
    epsilon : float, default 1e-8
        Added to the root.

    Examples
    --------
    >>> from fastnn import Adam
    >>> Adam().learning_rate
    0.001
    """

    learning_rate: Rate = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    kind: ClassVar[int] = codes.ADAM


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled decay (Loshchilov & Hutter 2019): W -= learning_rate weight_decay W.

    It touches weights only, neither biases nor batch norm; `weight_decay` defaults to 0.01.
    """

    weight_decay: float = 0.01


@dataclass(frozen=True)
class NAdam(Adam):
    """Adam with Nesterov's look ahead (Dozat 2016); its momentum warms up by `momentum_decay`."""

    learning_rate: Rate = 2e-3
    momentum_decay: float = 4e-3
    kind: ClassVar[int] = codes.NADAM


@dataclass(frozen=True)
class Rprop(Optimizer):
    """Resilient propagation (Riedmiller & Braun 1993): signs of the gradient, own step sizes.

    Full batch only: on mini-batches nine gradients of +0.1 and one of -0.9 look like nine votes
    for a step, though they sum to 0.

    Parameters
    ----------
    learning_rate : float, default 0.01
        First step size of every parameter.
    eta_minus, eta_plus : float, default 0.5 and 1.2
        Factors where the sign turns and where it stays.
    step_min, step_max : float, default 1e-6 and 50
    """

    eta_minus: float = 0.5
    eta_plus: float = 1.2
    step_min: float = 1e-6
    step_max: float = 50.0
    kind: ClassVar[int] = codes.RPROP
    full_batch: ClassVar[bool] = True


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Limited-memory BFGS (Liu & Nocedal 1989), SciPy's, on the full batch.

    An epoch is one of its iterations. It finds its own step lengths: there is no learning rate.

    Parameters
    ----------
    memory : int, default 10
        Pairs of steps and gradients that it remembers.
    tolerance : float, default 1e-6
        It stops when no part of the gradient is larger.
    """

    learning_rate: Rate = 1.0
    memory: int = 10
    tolerance: float = 1e-6
    kind: ClassVar[int] = codes.SGD
    full_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check("LBFGS", "tolerance", self.tolerance)
        if self.learning_rate != 1.0:
            raise ValueError("LBFGS has no learning rate: it searches its own step lengths")
        if not isinstance(self.memory, int) or self.memory < 1:
            raise ValueError(f"LBFGS(memory={self.memory!r}): expected a whole number above 0")


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "rprop": Rprop,
    "lbfgs": LBFGS,
}


def get(spec: Any) -> Optimizer:
    """An optimizer from a name (with its defaults) or an optimizer.

    Examples
    --------
    >>> get("adam").beta_2
    0.999
    """
    if isinstance(spec, Optimizer):
        return spec
    if isinstance(spec, str):
        if spec.lower() not in OPTIMIZERS:
            raise unknown("optimizer", spec, OPTIMIZERS)
        return OPTIMIZERS[spec.lower()]()
    if isinstance(spec, type) and issubclass(spec, Optimizer):
        raise TypeError(
            f"got the class {spec.__name__}; expected an optimizer: {spec.__name__}(...)"
        )
    raise TypeError(
        f"got {spec!r} as the optimizer; expected a name or one such as fastnn.Adam(1e-3)"
    )
