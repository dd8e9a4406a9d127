"""Optimizers: how parameters follow their gradients, declared.

Each is a frozen dataclass; its state is two vectors beside the parameters, whoever it is. The
learning rate is a number or a schedule: a callable that maps an array of step numbers, from 0, to
rates.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from fastnn.inputs.calls import explained_parts
from fastnn.inputs.names import unknown
from fastnn.inputs.settings import Range
from fastnn.kernels import codes
from fastnn.optimizers.base import OPTIMIZERS as OPTIMIZERS
from fastnn.optimizers.base import Optimizer as Optimizer
from fastnn.optimizers.base import Rate as Rate


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

    Examples
    --------
    >>> from fastnn import RMSprop
    >>> RMSprop(1e-2, rho=0.99).epsilon
    1e-08
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
    epsilon_hat : bool, default False
        Add epsilon to the root before its correction: a smaller one, in the first steps. It is
        the form at the end of the paper's section 2, scikit-learn's and Keras's.

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
    epsilon_hat: bool = False
    kind: ClassVar[int] = codes.ADAM


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled decay (Loshchilov & Hutter 2019): W -= learning_rate weight_decay W.

    It touches weights only, neither biases nor batch norm.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, epsilon_hat
        As of `Adam`.
    weight_decay : float, default 0.01
        At least 0.

    Examples
    --------
    >>> from fastnn import AdamW
    >>> AdamW(3e-3, weight_decay=0.1).beta_1
    0.9
    """

    weight_decay: float = 0.01


@dataclass(frozen=True)
class NAdam(Adam):
    """Adam with Nesterov's look ahead (Dozat 2016).

    Its momentum warms up: beta_1 (1 - 0.5 0.96^(t momentum_decay)) at step t, from 1.

    Parameters
    ----------
    learning_rate : float or schedule, default 2e-3
    beta_1, beta_2, epsilon, epsilon_hat
        As of `Adam`.
    momentum_decay : float, default 0.004
        As in PyTorch: the momentum is 0.457 at step 100. Keras's Nadam has no such parameter and
        computes with 1, Dozat's own: 0.892 at step 100.

    Examples
    --------
    >>> from fastnn import NAdam
    >>> NAdam().learning_rate
    0.002
    """

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
        Limits of the step sizes.

    Examples
    --------
    >>> from fastnn import Dense, Rprop, Sequential
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile(Rprop(), loss="mse")
    >>> history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=100, batch_size=None, verbose=0)
    >>> model.predict([[2.0]]).round(2).tolist()
    [[5.0]]
    """

    eta_minus: float = 0.5
    eta_plus: float = 1.2
    step_min: float = 1e-6
    step_max: float = 50.0
    kind: ClassVar[int] = codes.RPROP
    full_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_min > self.step_max:
            raise ValueError(
                f"Rprop(step_min={self.step_min:g}, step_max={self.step_max:g}): expected step_min "
                "to be the smaller one"
            )


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Limited-memory BFGS (Liu & Nocedal 1989) on the full batch.

    An epoch is one of its iterations. It finds its own step lengths, by SciPy's line search for
    the strong Wolfe conditions: there is no learning rate. It stops before the last epoch where it
    finds no lower loss.

    Parameters
    ----------
    learning_rate : float, default 1.0
        Nothing else is accepted: it finds its own.
    memory : int, default 10
        Pairs of steps and gradients that it remembers.
    tolerance : float, default 1e-6
        It stops when no part of the gradient is larger.

    Examples
    --------
    >>> from fastnn import LBFGS, Dense, Sequential
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile(LBFGS(), loss="mse")
    >>> history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=20, batch_size=None, verbose=0)
    >>> model.predict([[2.0]]).round(2).tolist()
    [[5.0]]
    """

    learning_rate: Rate = 1.0
    memory: int = 10
    tolerance: float = 1e-6
    kind: ClassVar[int] = codes.SGD
    full_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not Range(1, 1, "[]").holds(self.learning_rate):
            raise ValueError(
                f"LBFGS(learning_rate={self.learning_rate!r}): LBFGS has no learning rate, for it "
                "searches its own step lengths; leave it out, or use another optimizer"
            )
        super().__post_init__()


OPTIMIZERS |= {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "rprop": Rprop,
    "lbfgs": LBFGS,
}
explained_parts(OPTIMIZERS.values())


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
