"""Losses: what training minimises, declared.

A loss knows its code in the compiled loop, what its targets look like, and the output layer that is
fused into it. Rows are averaged over their outputs (cross-entropy sums over the classes), then over
the mini-batch by sample weight, or summed with `reduction="sum"`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from fastnn.inputs.calls import explained_parts
from fastnn.inputs.names import unknown
from fastnn.inputs.settings import Range, is_one_of, set_number
from fastnn.kernels import codes

__all__ = ["MAE", "MSE", "BinaryCrossEntropy", "CrossEntropy", "Custom", "Huber",
           "LogPoisson", "Loss", "Pinball", "Poisson"]  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """What all losses share.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
        "mean" divides by the sum of the batch's sample weights, "sum" does not divide.

    Examples
    --------
    >>> MSE(reduction="sum").reduction
    'sum'
    """

    reduction: str = field(default="mean", kw_only=True)
    kind: ClassVar[int]
    targets: ClassVar[str] = "real"
    """What y may hold: "classes", "binary", "real" or "counts"."""
    fused: ClassVar[int | None] = None
    """Code of the output layer that the loss absorbs, and so requires."""

    def __post_init__(self) -> None:
        if not is_one_of(self.reduction, ("mean", "sum")):
            raise unknown("reduction", self.reduction, ("mean", "sum"))

    @property
    def name(self) -> str:
        """The name by which `compile` finds it."""
        return next((n for n, cls in LOSSES.items() if cls is type(self)), "loss")

    def n_targets(self, n_outputs: int) -> int:
        """Number of target columns for so many outputs."""
        return n_outputs

    def settings(self) -> dict[str, Any]:
        """The fields of the run's CONTEXT record that it sets."""
        return {}


@dataclass(frozen=True)
class _Smoothed(Loss):
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        set_number(self, "label_smoothing", Range(0, 1))

    def settings(self) -> dict[str, Any]:
        return {"smoothing": self.label_smoothing}


@dataclass(frozen=True)
class CrossEntropy(_Smoothed):
    """-sum_k t_k log y_k after `Softmax`, in one pass with it: dz = y - t.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
    label_smoothing : float in [0, 1), default 0
        Share of each target spread evenly over all classes (Szegedy et al. 2016).

    y holds class numbers (n,), or one-hot or soft targets (n, K).

    Examples
    --------
    >>> from fastnn.losses import CrossEntropy
    >>> CrossEntropy(label_smoothing=0.1).reduction
    'mean'
    """

    kind: ClassVar[int] = codes.CROSS_ENTROPY
    targets: ClassVar[str] = "classes"
    fused: ClassVar[int | None] = codes.SOFTMAX


@dataclass(frozen=True)
class BinaryCrossEntropy(_Smoothed):
    """-mean_k t_k log y_k + (1 - t_k) log(1 - y_k) after `Sigmoid`, in one pass with it.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
    label_smoothing : float s in [0, 1), default 0
        Share of each target spread evenly over yes and no: t becomes (1 - s) t + s / 2.

    y holds numbers in [0, 1], (n,) for one output or (n, K) for several labels at once.

    Examples
    --------
    >>> from fastnn.losses import BinaryCrossEntropy
    >>> BinaryCrossEntropy(label_smoothing=0.1)
    BinaryCrossEntropy(reduction='mean', label_smoothing=0.1)
    """

    kind: ClassVar[int] = codes.BINARY_CROSS_ENTROPY
    targets: ClassVar[str] = "binary"
    fused: ClassVar[int | None] = codes.SIGMOID


@dataclass(frozen=True)
class MSE(Loss):
    """mean_k (y_k - t_k)^2.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"

    Examples
    --------
    >>> from fastnn.losses import MSE
    >>> MSE().name
    'mse'
    """

    kind: ClassVar[int] = codes.MSE


@dataclass(frozen=True)
class MAE(Loss):
    """mean_k |y_k - t_k|.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"

    Examples
    --------
    >>> from fastnn.losses import MAE
    >>> MAE().name
    'mae'
    """

    kind: ClassVar[int] = codes.MAE


@dataclass(frozen=True)
class Huber(Loss):
    """e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2) (Huber 1964).

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
    delta : float, default 1
        Above 0, in the units of y.

    Examples
    --------
    >>> from fastnn.losses import Huber
    >>> Huber(delta=2.0).name
    'huber'
    """

    delta: float = 1.0
    kind: ClassVar[int] = codes.HUBER

    def __post_init__(self) -> None:
        super().__post_init__()
        set_number(self, "delta", Range(0, ends="()"))

    def settings(self) -> dict[str, Any]:
        return {"delta": self.delta}


@dataclass(frozen=True)
class Poisson(Loss):
    """mean_k y_k - t_k log(y_k + 1e-7): the network's output is a rate, so let it be positive.

    `Softplus` as the last layer does that.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"

    Examples
    --------
    >>> from fastnn.losses import Poisson
    >>> Poisson().name
    'poisson'
    """

    kind: ClassVar[int] = codes.POISSON
    targets: ClassVar[str] = "counts"


@dataclass(frozen=True)
class LogPoisson(Loss):
    """mean_k e^z_k - t_k z_k + t_k log t_k - t_k: the network's output z is the log of a rate.

    Half the Poisson deviance; y holds counts, or real numbers of at least 0.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"

    Examples
    --------
    >>> from fastnn.losses import LogPoisson
    >>> LogPoisson().name
    'log_poisson'
    """

    kind: ClassVar[int] = codes.LOG_POISSON
    targets: ClassVar[str] = "counts"


@dataclass(frozen=True)
class Pinball(Loss):
    """Quantile loss max(q e, (q - 1) e), e = t - y (Koenker & Bassett 1978).

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
    quantiles : float or sequence of floats in (0, 1), default 0.5
        With Q quantiles and T targets the network has T Q outputs; column t Q + q is quantile q
        of target t.

    Examples
    --------
    >>> from fastnn.losses import Pinball
    >>> Pinball(quantiles=(0.1, 0.5, 0.9)).n_targets(3)
    1
    """

    quantiles: float | tuple[float, ...] = 0.5
    kind: ClassVar[int] = codes.PINBALL

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.quantiles
        values = tuple(given) if isinstance(given, tuple | list) else tuple(np.atleast_1d(given))
        if not values or not all(Range(0, 1, "()").holds(q) for q in values):
            raise ValueError(f"quantiles are {given!r}; expected numbers in (0, 1)")
        object.__setattr__(self, "quantiles", tuple(map(float, values)))

    def n_targets(self, n_outputs: int) -> int:
        n = len(self.settings()["quantiles"])
        if n_outputs % n:
            raise ValueError(
                f"the network has {n_outputs} outputs for {n} quantiles; expected a multiple: "
                f"give the last Dense layer {n} units for one target"
            )
        return n_outputs // n

    def settings(self) -> dict[str, Any]:
        return {"quantiles": np.asarray(self.quantiles, dtype=np.float64)}


@dataclass(frozen=True)
class Custom(Loss):
    """A user's own loss of one sample, handed to the engine by address.

    Parameters
    ----------
    reduction : {"mean", "sum"}, default "mean"
    function : njit function ``(prediction, target, dprediction) -> value``
        All three are vectors, one sample's; it fills `dprediction` with the gradient and returns
        the value. Sample weights and the reduction are applied to both.

    Examples
    --------
    >>> import numba
    >>> from fastnn import Dense, Sequential
    >>> @numba.njit
    ... def squared(prediction, target, dprediction):
    ...     dprediction[0] = 2 * (prediction[0] - target[0])
    ...     return (prediction[0] - target[0]) ** 2
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile(loss=squared)  # the same as loss=Custom(squared)
    """

    function: Callable
    kind: ClassVar[int] = codes.CUSTOM_LOSS


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "poisson": Poisson,
    "log_poisson": LogPoisson,
    "pinball": Pinball,
}
explained_parts(LOSSES.values())


def get(spec: Any) -> Loss:
    """A loss from a name, a loss, or a user's njit function.

    Examples
    --------
    >>> get("mse")
    MSE(reduction='mean')
    """
    if isinstance(spec, Loss):
        return spec
    if isinstance(spec, str):
        if spec not in LOSSES:
            raise unknown("loss", spec, LOSSES)
        return LOSSES[spec]()
    if callable(spec) and not isinstance(spec, type):
        return Custom(function=spec)
    raise TypeError(
        f"got {spec!r} as the loss; expected a name, a loss such as Huber(delta=2.0), or an njit "
        "function (prediction, target, dprediction) -> value"
    )
