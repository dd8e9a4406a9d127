"""Floor 1. Layers: what a network is made of, declared.

A layer is a small frozen dataclass. It owns no arrays; `plan.py` turns a list of layers into the
program and the parameter vector that the compiled loop reads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from fastnn.kernels import codes
from fastnn.names import unknown


class Layer:
    """What all layers share: `kind` is the code of their op in the compiled loop."""

    kind: ClassVar[int]
    backward_reads: ClassVar[str] = "y"
    """Which of its arrays backward needs: its input "x", its output "y", or "" for neither."""

    @property
    def name(self) -> str:
        """The class's name."""
        return type(self).__name__

    @property
    def alpha(self) -> float:
        """The one number that the op's kernel takes."""
        return 0.0

    def n_out(self, n_in: int) -> int:
        """Width of the output for an input of width n_in."""
        return n_in

    def parameters(self, n_in: int) -> dict[str, tuple[int, ...]]:
        """Name and shape of each learned array."""
        return {}


def _number(layer: Layer, name: str, low: float, high: float, closed: bool = True) -> None:
    value = getattr(layer, name)
    inside = isinstance(value, int | float) and not isinstance(value, bool)
    if not (inside and low <= value and (value <= high if closed else value < high)):
        bracket = "]" if closed else ")"
        raise ValueError(
            f"{layer.name}({name}={value!r}): expected a number in [{low:g}, {high:g}{bracket}"
        )


@dataclass(frozen=True)
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
    kind: ClassVar[int] = codes.DENSE
    backward_reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        if not isinstance(self.units, int) or isinstance(self.units, bool) or self.units < 1:
            raise ValueError(f"Dense(units={self.units!r}): expected a whole number of at least 1")
        _number(self, "l1", 0, float("inf"))
        _number(self, "l2", 0, float("inf"))

    def n_out(self, n_in: int) -> int:
        return self.units

    def parameters(self, n_in: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"W": (n_in, self.units)}
        return shapes | ({"b": (self.units,)} if self.bias else {})


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation (Ioffe & Szegedy 2015): y = gamma (x - mean) / sqrt(var + eps) + beta.

    In training, mean and variance are those of the mini-batch; gamma and beta are learned.
    Prediction uses running averages, exponential and bias-corrected, so that they are right after
    few steps; `Sequential.recompute_batchnorm` replaces them by exact statistics.

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
        _number(self, "momentum", 0, 1, closed=False)
        _number(self, "epsilon", 0, 1)

    @property
    def alpha(self) -> float:
        return self.epsilon

    def parameters(self, n_in: int) -> dict[str, tuple[int, ...]]:
        return {"gamma": (n_in,), "beta": (n_in,)}


@dataclass(frozen=True)
class Dropout(Layer):
    """Sets each element to 0 with probability `rate` in training, scales the rest (Srivastava 2014).

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
        _number(self, "rate", 0, 1, closed=False)

    @property
    def alpha(self) -> float:
        return self.rate


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Softmax(Layer):
    """y_k = e^(z_k) / sum_j e^(z_j), as the last layer: class probabilities.

    With `loss="cross_entropy"` both are one pass in training.

    Examples
    --------
    >>> from fastnn import Dense, Sequential, Softmax
    >>> model = Sequential([Dense(3), Softmax()])
    """

    kind: ClassVar[int] = codes.SOFTMAX


@dataclass(frozen=True)
class Hardmax(Layer):
    """1 at the largest output of a row, else 0, as the last layer; for prediction only."""

    kind: ClassVar[int] = codes.HARDMAX


@dataclass(frozen=True)
class Identity(Layer):
    """y = z."""

    kind: ClassVar[int] = codes.IDENTITY
    backward_reads: ClassVar[str] = ""


@dataclass(frozen=True)
class ReLU(Layer):
    """y = max(z, 0) (Nair & Hinton 2010)."""

    kind: ClassVar[int] = codes.RELU


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """y = z where z > 0, else alpha z (Maas et al. 2013); `slope` is alpha, default 0.01."""

    slope: float = 0.01
    kind: ClassVar[int] = codes.LEAKY_RELU
    backward_reads: ClassVar[str] = "x"

    @property
    def alpha(self) -> float:
        return self.slope


@dataclass(frozen=True)
class ELU(Layer):
    """y = z where z > 0, else scale (e^z - 1) (Clevert et al. 2016); `scale` >= 0, default 1."""

    scale: float = 1.0
    kind: ClassVar[int] = codes.ELU

    def __post_init__(self) -> None:
        _number(self, "scale", 0, float("inf"))

    @property
    def alpha(self) -> float:
        return self.scale


@dataclass(frozen=True)
class SELU(Layer):
    """Self-normalising ELU with its two constants (Klambauer et al. 2017)."""

    kind: ClassVar[int] = codes.SELU


@dataclass(frozen=True)
class GELU(Layer):
    """y = z Phi(z), Phi the normal distribution function, exact (Hendrycks & Gimpel 2016)."""

    kind: ClassVar[int] = codes.GELU
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True)
class SiLU(Layer):
    """y = z sigmoid(z), also called swish (Elfwing et al. 2018)."""

    kind: ClassVar[int] = codes.SILU
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True)
class Tanh(Layer):
    """y = tanh(z)."""

    kind: ClassVar[int] = codes.TANH


@dataclass(frozen=True)
class Sigmoid(Layer):
    """y = 1 / (1 + e^-z); as the last layer before `binary_cross_entropy`, fused with it."""

    kind: ClassVar[int] = codes.SIGMOID


@dataclass(frozen=True)
class Softplus(Layer):
    """y = log(1 + e^z): positive, smooth (Dugas et al. 2001)."""

    kind: ClassVar[int] = codes.SOFTPLUS
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True)
class Mish(Layer):
    """y = z tanh(softplus(z)) (Misra 2020)."""

    kind: ClassVar[int] = codes.MISH
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True)
class Activation(Layer):
    """A user's own elementwise activation, handed to the engine by address.

    Parameters
    ----------
    function : njit function ``(z) -> y``
        Of one number.
    derivative : njit function ``(z) -> dy/dz``
        Of one number. `fastnn.check_gradient` tells whether it is right.

    Examples
    --------
    >>> import numba
    >>> from fastnn import Activation
    >>> square = Activation(numba.njit(lambda z: z * z), numba.njit(lambda z: 2 * z))
    """

    function: Callable
    derivative: Callable
    kind: ClassVar[int] = codes.CUSTOM
    backward_reads: ClassVar[str] = "xy"


LAYERS = {
    cls.__name__: cls
    for cls in (
        Dense, BatchNorm, Dropout, Standardize, Softmax, Hardmax, Identity, ReLU, LeakyReLU, ELU,
        SELU, GELU, SiLU, Tanh, Sigmoid, Softplus, Mish, Activation,
    )
}  # fmt: skip


def get(spec: Any) -> Layer:
    """A layer from a layer, or from the name of one that needs no arguments ("relu")."""
    if isinstance(spec, Layer):
        return spec
    if isinstance(spec, type) and issubclass(spec, Layer):
        raise TypeError(f"got the class {spec.__name__}; expected a layer: {spec.__name__}(...)")
    if isinstance(spec, str):
        for name, cls in LAYERS.items():
            if spec.lower().replace("_", "") == name.lower():
                return cls()
        raise unknown("layer", spec, LAYERS)
    raise TypeError(
        f"got {type(spec).__name__} among the layers; expected layers such as Dense(64) or ReLU()"
    )
