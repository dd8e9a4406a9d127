"""Activations, and the output layers Softmax and Hardmax."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from fastnn.inputs.settings import Range, set_number
from fastnn.kernels import codes
from fastnn.layers.base import Layer


@dataclass(frozen=True, repr=False)
class Softmax(Layer):
    """y_k = e^(z_k) / sum_j e^(z_j), as the last layer: class probabilities.

    With `loss="cross_entropy"` both are one pass in training.

    Examples
    --------
    >>> from fastnn import Dense, Sequential, Softmax
    >>> model = Sequential([Dense(3), Softmax()])
    """

    kind: ClassVar[int] = codes.SOFTMAX


@dataclass(frozen=True, repr=False)
class Hardmax(Layer):
    """1 at the largest output of a row, else 0, as the last layer; for prediction only.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, Hardmax, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), Hardmax()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[0.0, 0.0, 1.0]]
    """

    kind: ClassVar[int] = codes.HARDMAX


@dataclass(frozen=True, repr=False)
class Identity(Layer):
    """y = z.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, Identity, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), Identity()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-1.0, 0.0, 2.0]]
    """

    kind: ClassVar[int] = codes.IDENTITY
    backward_reads: ClassVar[str] = ""


@dataclass(frozen=True, repr=False)
class ReLU(Layer):
    """y = max(z, 0) (Nair & Hinton 2010).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, ReLU, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), ReLU()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[0.0, 0.0, 2.0]]
    """

    kind: ClassVar[int] = codes.RELU


@dataclass(frozen=True, repr=False)
class LeakyReLU(Layer):
    """y = z where z > 0, else alpha z (Maas et al. 2013).

    Parameters
    ----------
    slope : float, default 0.01
        alpha.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, LeakyReLU, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), LeakyReLU(0.1)], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-0.1, 0.0, 2.0]]
    """

    slope: float = 0.01
    kind: ClassVar[int] = codes.LEAKY_RELU
    backward_reads: ClassVar[str] = "x"

    def __post_init__(self) -> None:
        set_number(self, "slope", Range())

    @property
    def alpha(self) -> float:
        return self.slope


@dataclass(frozen=True, repr=False)
class ELU(Layer):
    """y = z where z > 0, else scale (e^z - 1) (Clevert et al. 2016).

    Parameters
    ----------
    scale : float, default 1
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, ELU, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), ELU()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-0.632, 0.0, 2.0]]
    """

    scale: float = 1.0
    kind: ClassVar[int] = codes.ELU

    def __post_init__(self) -> None:
        set_number(self, "scale", Range(0))

    @property
    def alpha(self) -> float:
        return self.scale


@dataclass(frozen=True, repr=False)
class SELU(Layer):
    """Self-normalising ELU with its two constants (Klambauer et al. 2017).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, SELU, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), SELU()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-1.111, 0.0, 2.101]]
    """

    kind: ClassVar[int] = codes.SELU


@dataclass(frozen=True, repr=False)
class GELU(Layer):
    """y = z Phi(z), Phi the normal distribution function, exact (Hendrycks & Gimpel 2016).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, GELU, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), GELU()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-0.159, 0.0, 1.954]]
    """

    kind: ClassVar[int] = codes.GELU
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True, repr=False)
class SiLU(Layer):
    """y = z sigmoid(z), also called swish (Elfwing et al. 2018).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, SiLU, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), SiLU()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-0.269, 0.0, 1.762]]
    """

    kind: ClassVar[int] = codes.SILU
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True, repr=False)
class Tanh(Layer):
    """y = tanh(z).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, Tanh, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), Tanh()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-0.762, -0.0, 0.964]]
    """

    kind: ClassVar[int] = codes.TANH


@dataclass(frozen=True, repr=False)
class Sigmoid(Layer):
    """y = 1 / (1 + e^-z); as the last layer before `binary_cross_entropy`, fused with it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, Sigmoid, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), Sigmoid()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[0.269, 0.5, 0.881]]
    """

    kind: ClassVar[int] = codes.SIGMOID


@dataclass(frozen=True, repr=False)
class Softplus(Layer):
    """y = log(1 + e^z): positive, smooth (Dugas et al. 2001).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, Softplus, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), Softplus()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[0.313, 0.693, 2.127]]
    """

    kind: ClassVar[int] = codes.SOFTPLUS
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True, repr=False)
class Mish(Layer):
    """y = z tanh(softplus(z)) (Misra 2020).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Dense, Mish, Sequential
    >>> model = Sequential([Dense(3, init=np.eye(3)), Mish()], dtype="float64").build(3)
    >>> model.predict([[-1.0, 0.0, 2.0]]).round(3).tolist()
    [[-0.303, 0.0, 1.944]]
    """

    kind: ClassVar[int] = codes.MISH
    backward_reads: ClassVar[str] = "x"


@dataclass(frozen=True, repr=False)
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
