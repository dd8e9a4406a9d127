"""Initializers that draw: the variance is what differs between them.

A signal keeps its variance through y = x W when Var W = 1 / fan_in, and so does a gradient when
Var W = 1 / fan_out. Each class below is a compromise between the two, or allows for what the
activation that follows takes away.
"""

from dataclasses import dataclass

import numpy as np

from fastnn.inputs.settings import ABOVE_0, Range


@dataclass(frozen=True)
class Uniform:
    """W ~ U[low, high), whatever the size of the layer.

    Parameters
    ----------
    low, high : float, default -1.0 and 1.0
        The bounds. ValueError unless both are finite and low < high. Those of Keras's "uniform"
        are -0.05 and 0.05.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> Uniform(0.0, 2.0)(rng, 3, 2).shape
    (3, 2)
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not (Range().holds(self.low) and Range().holds(self.high) and self.low < self.high):
            raise ValueError(
                f"Uniform needs finite bounds with low < high; got low={self.low}, high={self.high}"
            )

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        return rng.uniform(self.low, self.high, (fan_in, fan_out))


@dataclass(frozen=True)
class GlorotNormal:
    """W ~ N(0, s^2), s = gain sqrt(2 / (fan_in + fan_out)); not truncated.

    Keeps the variance of activations and of gradients alike where the activation is about linear
    near 0, as tanh is.

    Parameters
    ----------
    gain : float, default 1.0
        Multiplies s (5/3 is customary for tanh). ValueError unless positive and finite.

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bool(abs(GlorotNormal()(rng, 300, 500).std() - 0.05) < 1e-3)
    True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _check_gain(self, self.gain)

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, self.gain * np.sqrt(2.0 / (fan_in + fan_out)), (fan_in, fan_out))


@dataclass(frozen=True)
class GlorotUniform:
    """W ~ U[-a, a), a = gain sqrt(6 / (fan_in + fan_out)): the variance of `GlorotNormal`.

    Parameters
    ----------
    gain : float, default 1.0
        Multiplies a. ValueError unless positive and finite.

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 16.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bool(abs(GlorotUniform()(rng, 1, 5)).max() < 1)
    True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _check_gain(self, self.gain)

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        a = self.gain * np.sqrt(6.0 / (fan_in + fan_out))
        return rng.uniform(-a, a, (fan_in, fan_out))


@dataclass(frozen=True)
class HeNormal:
    """W ~ N(0, 2 / fan_in); not truncated. For ReLU and its relatives, which halve the variance.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bool(abs(HeNormal()(rng, 200, 500).std() - 0.1) < 1e-3)
    True
    """

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))


@dataclass(frozen=True)
class HeUniform:
    """W ~ U[-a, a), a = sqrt(6 / fan_in): the variance of `HeNormal`.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bool(abs(HeUniform()(rng, 6, 5)).max() < 1)
    True
    """

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        a = np.sqrt(6.0 / fan_in)
        return rng.uniform(-a, a, (fan_in, fan_out))


@dataclass(frozen=True)
class LeCunNormal:
    """W ~ N(0, 1 / fan_in); not truncated. For SELU, whose fixed point assumes this variance.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998. G. Klambauer,
    T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bool(abs(LeCunNormal()(rng, 100, 500).std() - 0.1) < 1e-3)
    True
    """

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, np.sqrt(1.0 / fan_in), (fan_in, fan_out))


@dataclass(frozen=True)
class LeCunUniform:
    """W ~ U[-a, a), a = sqrt(3 / fan_in): the variance of `LeCunNormal`.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bool(abs(LeCunUniform()(rng, 3, 5)).max() < 1)
    True
    """

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        a = np.sqrt(3.0 / fan_in)
        return rng.uniform(-a, a, (fan_in, fan_out))


@dataclass(frozen=True)
class Orthogonal:
    """W = gain Q with Q uniform (Haar) among the matrices with orthonormal rows or columns.

    W^T W = gain^2 I where fan_in >= fan_out, else W W^T = gain^2 I.

    Parameters
    ----------
    gain : float, default 1.0
        The singular values of W, all equal. ValueError unless positive and finite.

    References
    ----------
    A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks", ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> W = Orthogonal(2.0)(rng, 5, 3)
    >>> bool(np.allclose(W.T @ W, 4 * np.eye(3)))
    True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        _check_gain(self, self.gain)

    def __call__(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        tall = rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out)))
        q, r = np.linalg.qr(tall)
        # LAPACK fixes the signs of Q by convention; only with R's diagonal positive is Q uniform.
        q *= self.gain * np.where(np.diag(r) < 0, -1.0, 1.0)
        return np.ascontiguousarray(q if fan_in >= fan_out else q.T)


def _check_gain(initializer: object, gain: float) -> None:
    if not ABOVE_0.holds(gain):
        raise ValueError(
            f"{type(initializer).__name__} needs a positive, finite gain; got gain={gain}"
        )
