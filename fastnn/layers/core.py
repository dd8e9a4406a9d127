"""Layers that hold numbers: Dense, BatchNorm, Standardize, Scale, Members; and Dropout."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from fastnn.inputs.names import unknown
from fastnn.inputs.settings import Range, is_one_of, set_count, set_number, set_switch
from fastnn.kernels import codes
from fastnn.layers.base import Layer

INITS = "signs", "normal", "ones"
"""How the scales of members start."""


@dataclass(frozen=True, repr=False)
class Dense(Layer):
    """Affine map z = x W + b.  x (B, n_in), W (n_in, units), b (units,) -> z (B, units).

    Parameters
    ----------
    units : int
        Width of the output.
    init : str, array, callable or initializer, optional
        Start values of W, see `fastnn.initializers`. Default: by the activation that follows (He
        for ReLU and its relatives, LeCun for SELU, Glorot otherwise). Biases start at 0.
    bias : bool, default True
        Whether to add b. Directly before `BatchNorm` b is redundant (the mean takes it away
        again) and is left out in any case.
    l1, l2 : float, default 0
        Penalties l1 sum |W| and l2 / 2 sum W^2 on the weights, not the biases. L1 is applied as a
        proximal step and gives exact zeros.
    rate, bias_rate : float, default 1
        Factors of the learning rate, of W and of b.
    shared : bool, default True
        Whether the members after `Members` share W and b. With False each has its own, one below
        the other: W (k n_in, units), b (k units,); so TabM ends.

    Examples
    --------
    >>> from fastnn import Dense
    >>> Dense(64, l2=1e-4).units
    64
    """

    units: int
    init: Any = field(default=None, compare=False)
    bias: bool = True
    l1: float = 0.0
    l2: float = 0.0
    rate: float = 1.0
    bias_rate: float = 1.0
    shared: bool = True
    kind: ClassVar[int] = codes.DENSE
    backward_reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        set_count(self, "units")
        set_switch(self, "bias")
        set_switch(self, "shared")
        set_number(self, "l1", Range(0))
        set_number(self, "l2", Range(0))
        set_number(self, "rate", Range(0))
        set_number(self, "bias_rate", Range(0))

    def rates(self, n_in: int) -> tuple[float, float]:
        return self.rate, self.bias_rate

    def n_out(self, n_in: int) -> int:
        return self.units

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        k = 1 if self.shared else members
        shapes: dict[str, tuple[int, ...]] = {"W": (k * n_in, self.units)}
        return shapes | ({"b": (k * self.units,)} if self.bias else {})


@dataclass(frozen=True, repr=False)
class BatchNorm(Layer):
    """Batch normalisation (Ioffe & Szegedy 2015): y = gamma (x - mean) / sqrt(var + eps) + beta.

    In training, mean and variance are those of the mini-batch; gamma and beta are learned.
    Prediction uses running averages, exponential and bias-corrected, so that they are right after
    few steps; `Sequential.recompute_batchnorm` replaces them by exact statistics. After `Members`
    each member has its own.

    Parameters
    ----------
    momentum : float in [0, 1), default 0.9
        Share of the old running average kept at each step.
    epsilon : float, default 1e-5
        Added to the variance.

    Examples
    --------
    >>> from fastnn import BatchNorm
    >>> BatchNorm().momentum
    0.9
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    kind: ClassVar[int] = codes.BATCHNORM
    backward_reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        set_number(self, "momentum", Range(0, 1))
        set_number(self, "epsilon", Range(0, 1, "[]"))

    @property
    def alpha(self) -> float:
        return self.epsilon

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        return {"gamma": (members * n_in,), "beta": (members * n_in,)}


@dataclass(frozen=True, repr=False)
class Dropout(Layer):
    """In training, set each element to 0 with probability `rate` (Srivastava et al. 2014).

    The kept ones are divided by 1 - rate, so that prediction changes nothing. As the first layer
    it drops inputs.

    Parameters
    ----------
    rate : float in [0, 1)
        Probability of dropping an element.

    Examples
    --------
    >>> from fastnn import Dropout
    >>> Dropout(0.2).rate
    0.2
    """

    rate: float
    kind: ClassVar[int] = codes.DROPOUT
    backward_reads: ClassVar[str] = ""

    def __post_init__(self) -> None:
        set_number(self, "rate", Range(0, 1))

    @property
    def alpha(self) -> float:
        return self.rate


@dataclass(frozen=True, repr=False)
class Standardize(Layer):
    """Input normalisation (x - mean) / deviation, fitted on the training rows, kept in the model.

    Only as the first layer. The first `fit` computes both per feature, on its training rows alone
    (never on the validation rows); a feature that does not vary is only centred.

    Examples
    --------
    >>> from fastnn import Dense, Sequential, Standardize
    >>> model = Sequential([Standardize(), Dense(1)])
    """

    kind: ClassVar[int] = codes.STANDARDIZE
    backward_reads: ClassVar[str] = ""


@dataclass(frozen=True, repr=False)
class Scale(Layer):
    """y = s x, s (n_in,) learned, from 1: how much each input counts (Holzmueller et al. 2024).

    As the first layer, or after `Standardize`; after `Members` anywhere: there each member has its
    own s, and so its own scales of the inputs and outputs of a `Dense` (Wen et al. 2020).

    Parameters
    ----------
    rate : float, default 1
        Factor of the learning rate.
    bias : bool, default False
        Whether to add b (n_in,), learned, from 0.

    Examples
    --------
    >>> from fastnn import Dense, Scale, Sequential
    >>> model = Sequential([Scale(rate=6.0), Dense(1)])
    """

    rate: float = 1.0
    bias: bool = False
    kind: ClassVar[int] = codes.SCALE
    backward_reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        set_number(self, "rate", Range(0))
        set_switch(self, "bias")

    def rates(self, n_in: int) -> tuple[float, float]:
        return self.rate, self.rate

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        names = ("scale", "b") if self.bias else ("scale",)
        return dict.fromkeys(names, (members * n_in,))


@dataclass(frozen=True, repr=False)
class Members(Layer):
    """k networks in one from here on: y_m = s_m x, s (k, n_in) learned, of each member its own.

    TabM's way (Gorishniy et al. 2024, arXiv 2410.24210), after BatchEnsemble (Wen et al. 2020,
    arXiv 2002.06715). A batch of B rows becomes k B rows, row by row, member by member, and the
    layers that follow work on those: the members share a `Dense`, unless it says
    ``shared=False``; of a `Scale`, of a `BatchNorm` each has its own. In training each member is
    judged by itself, and the loss is the mean of theirs. `predict` averages the members' outputs,
    after a last `Softmax` their probabilities; metrics, and the loss of `evaluate` and of
    validation, are those of this average.

    Once in a network. With only shared layers after it and a last `Dense` that is not shared it is
    TabM-mini; TabM has scales before and after each product, and a bias::

        block = [Dense(512, bias=False), Scale(bias=True), ReLU()]
        layers = [Members(32), *block, Scale(), *block, Dense(10, shared=False), Softmax()]

    Parameters
    ----------
    k : int
        Number of members, at least 2; TabM has 32.
    init : {"signs", "normal", "ones"}, default "signs"
        Start values of s: -1 or 1, as often; normal of mean 0 and deviation 1, for embedded
        features; or 1, where what follows makes the members differ.
    rate : float, default 1
        Factor of the learning rate.

    Examples
    --------
    >>> from fastnn import Dense, Members, ReLU, Sequential, Softmax
    >>> from fastnn.datasets import load_iris
    >>> X, y = load_iris()
    >>> layers = [Members(8), Dense(16), ReLU(), Dense(3, shared=False), Softmax()]
    >>> model = Sequential(layers, seed=0)
    >>> model.compile(metrics=["accuracy"])
    >>> history = model.fit(X, y, epochs=100, batch_size=32, verbose=0)
    >>> model.predict(X).shape
    (150, 3)
    >>> model.evaluate(X, y)["accuracy"] > 0.95
    True
    """

    k: int
    init: str = "signs"
    rate: float = 1.0
    kind: ClassVar[int] = codes.MEMBERS
    backward_reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        set_count(self, "k", 2)
        if not is_one_of(self.init, INITS):
            raise unknown("init", self.init, INITS)
        set_number(self, "rate", Range(0))

    def rates(self, n_in: int) -> tuple[float, float]:
        return self.rate, 1.0

    def parameters(self, n_in: int, members: int = 1) -> dict[str, tuple[int, ...]]:
        return {"scale": (self.k * n_in,)}
