"""Formulas of the layers as they predict. `to_numpy` writes their text into its modules.

So each stands for itself, and uses NumPy and the standard library only.
"""

import base64
import math

import numpy as np


def rows(X: object, n_features: int, dtype: str) -> np.ndarray:
    """X as an array (n, n_features)."""
    z = np.asarray(X, dtype)
    if z.ndim != 2 or z.shape[1] != n_features:
        raise ValueError(f"X has shape {z.shape}; expected (n, {n_features}), one row a sample")
    return z


def array(dtype: str, shape: tuple[int, ...], text: str) -> np.ndarray:
    """The array whose bytes are written in base64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)


def dense(z: np.ndarray, W: np.ndarray, b: np.ndarray | float = 0) -> np.ndarray:
    """z W + b."""
    return z @ W + b


def batchnorm(
    z: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> np.ndarray:
    """gamma (z - mean) / sqrt(variance + epsilon) + beta, with the running averages."""
    return (z - mean) * (gamma / np.sqrt(variance + epsilon)) + beta


def standardize(z: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """(z - mean) / deviation, in double."""
    return ((z - mean) / deviation).astype(deviation.dtype)


def scale(z: np.ndarray, factors: np.ndarray, b: np.ndarray | float = 0) -> np.ndarray:
    """Each column times its factor, plus b."""
    return factors * z + b


def periodic(
    z: np.ndarray, w: np.ndarray, phase: np.ndarray, linear: np.ndarray, b: np.ndarray, start: int
) -> np.ndarray:
    """Columns from `start` on, each x as x and b + cos(2 pi w x + phase) linear."""
    stop = start + len(w)
    x = z[:, start:stop, None]
    waves = np.cos((2 * math.pi) * (x * w) + phase)
    more = np.matmul(waves.swapaxes(0, 1), linear.reshape(*w.shape, -1)).swapaxes(0, 1) + b
    embedded = np.concatenate([x, more], axis=2).reshape(len(z), len(w) * (1 + b.shape[1]))
    return np.concatenate([z[:, :start], embedded, z[:, stop:]], axis=1)


def embedding(z: np.ndarray, table: np.ndarray, column: int) -> np.ndarray:
    """The row of the table that a column's code names in its place; zeros of what is no code."""
    code = z[:, column]
    known = (code >= 0) & (code < len(table)) & (code == np.floor(code))
    rows = table[np.where(known, code, 0).astype(np.int64)]
    found = np.where(known[:, None], rows, 0 * code[:, None])
    return np.concatenate([z[:, :column], found, z[:, column + 1 :]], axis=1)


def piecewise(z: np.ndarray, knots: tuple[tuple[float, ...], ...], height: float) -> np.ndarray:
    """Behind the columns the functions of each one's knots: `height` at theirs, 0 at all others."""
    parts = [z]
    for x, own in zip(z.T, knots, strict=True):
        parts += [height * np.interp(x, own, at) for at in np.eye(len(own))]
    return np.column_stack(parts).astype(z.dtype)


def members(z: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Each row once a member, times the member's scales (members, columns)."""
    n = z.shape[1]
    return (z[:, None] * scales.reshape(-1, n)).reshape(-1, n)


def members_dense(z: np.ndarray, W: np.ndarray, b: np.ndarray | float = 0) -> np.ndarray:
    """z W + b, of each member its own; those of W lie one below the other."""
    (_, n), (_, units) = z.shape, W.shape
    k = len(W) // n
    products = z.reshape(-1, k, n).swapaxes(0, 1) @ W.reshape(k, n, units)
    return (products.swapaxes(0, 1).reshape(-1, k * units) + b).reshape(-1, units)


def members_scale(z: np.ndarray, factors: np.ndarray, b: np.ndarray | float = 0) -> np.ndarray:
    """Each column of each member times its factor, plus b."""
    return (factors * z.reshape(-1, len(factors)) + b).reshape(z.shape)


def members_batchnorm(
    z: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> np.ndarray:
    """Batch norm with the running averages of each member."""
    columns = (z.reshape(-1, len(gamma)) - mean) * (gamma / np.sqrt(variance + epsilon)) + beta
    return columns.reshape(z.shape)


def members_average(z: np.ndarray, k: int) -> np.ndarray:
    """What k members answer on average."""
    return z.reshape(-1, k, z.shape[1]).mean(axis=1)


def relu(z: np.ndarray) -> np.ndarray:
    """max(z, 0)."""
    return np.maximum(z, 0)


def leaky_relu(z: np.ndarray, slope: float) -> np.ndarray:
    """z where z > 0, else slope z."""
    return np.where(z > 0, z, slope * z)


def elu(z: np.ndarray, alpha: float) -> np.ndarray:
    """z where z > 0, else alpha (e^z - 1)."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def selu(z: np.ndarray) -> np.ndarray:
    """Self-normalising ELU (Klambauer et al. 2017)."""
    factor, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return factor * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def gelu(z: np.ndarray) -> np.ndarray:
    """z Phi(z), Phi the normal distribution function."""
    erf = np.vectorize(math.erf, otypes=[float])
    return (0.5 * z * (1 + erf(z / math.sqrt(2)))).astype(z.dtype)


def silu(z: np.ndarray) -> np.ndarray:
    """z / (1 + e^-z)."""
    e = np.exp(-np.abs(z))
    return z * np.where(z < 0, e, 1.0) / (1 + e)


def tanh(z: np.ndarray) -> np.ndarray:
    """Hyperbolic tangent."""
    return np.tanh(z)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z)."""
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1.0) / (1 + e)


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + e^z)."""
    return np.logaddexp(0, z)


def mish(z: np.ndarray) -> np.ndarray:
    """z tanh(log(1 + e^z))."""
    return z * np.tanh(np.logaddexp(0, z))


def softmax(z: np.ndarray) -> np.ndarray:
    """e^z / sum of e^z, row by row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def hardmax(z: np.ndarray) -> np.ndarray:
    """1 at the largest of each row, else 0; the first one wins."""
    return (np.arange(z.shape[1]) == z.argmax(axis=1)[:, None]).astype(z.dtype)


def softly_scaled(z: np.ndarray, median: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """x / sqrt(1 + (x / 3)^2) of x = factor (z - median): never beyond 3; float32."""
    x = factor * (z - median)
    # Divided before squaring, and by hypot: no overflow for the largest of numbers.
    return (x / np.hypot(1, x / 3)).astype(np.float32)


def gaps_told(z: np.ndarray, columns: tuple[int, ...] | np.ndarray) -> np.ndarray:
    """Behind all others a column of 0 and 1 for each of these: where it has a gap, NaN."""
    return np.hstack([z, np.isnan(z[:, list(columns)])]) if len(columns) else z


def gaps_filled(z: np.ndarray) -> np.ndarray:
    """0, the median of a scaled column, where there is a gap."""
    return np.where(np.isnan(z), z.dtype.type(0), z)


def exponential(z: np.ndarray) -> np.ndarray:
    """exp z."""
    return np.exp(z)


def in_units(z: np.ndarray, scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """mean + scale z, in double: a target in the units that it was given in."""
    return z.astype(np.float64) * scale + mean


def average(parts: list[np.ndarray]) -> np.ndarray:
    """The mean of what several networks answer."""
    return np.stack(parts).mean(axis=0)


def both_classes(z: np.ndarray) -> np.ndarray:
    """Probabilities of both classes of the second one's."""
    return np.concatenate([1 - z, z], axis=1)


def certain(z: np.ndarray) -> np.ndarray:
    """The probability of the only class there is."""
    return np.ones_like(z)


def table(z: dict, names: tuple[str, ...]) -> dict:
    """A dict or a data frame that holds columns of these names."""
    missing = [name for name in names if name not in z]
    if missing:
        raise ValueError(f"X lacks the columns {', '.join(missing)}")
    return z


def encoded(z: dict, columns: tuple) -> np.ndarray:
    """Numbers (n, features) of the columns of a table.

    Each of `columns` is a name, a kind, the median, whether gaps are told by a column of their own,
    the categories, and the places of a missing and of an unknown one, -1 for none.
    """
    parts = []
    for name, kind, median, tells, categories, missing, other in columns:
        if kind == "category":
            places = {text: k for k, text in enumerate(categories) if k not in (missing, other)}
            at = [
                missing if text is None or text != text or text == "" else places.get(text, other)
                for text in z[name]
            ]
            parts.append(np.array(at)[:, None] == np.arange(len(categories)))
            continue
        numbers = np.asarray(z[name], float)
        gaps = np.isnan(numbers)
        numbers = np.where(gaps, median, numbers)
        parts.append(numbers)
        if kind == "date":
            for seconds in (31_556_952.0, 604_800.0, 86_400.0):
                angle = 2 * np.pi * (numbers % seconds) / seconds
                parts += [np.sin(angle), np.cos(angle)]
        if tells:
            parts.append(gaps)
    return np.column_stack(parts).astype(float)


def placed(z: np.ndarray, columns: tuple[int, ...], n: int) -> np.ndarray:
    """Columns at their places among n, the others 0, in double."""
    spread = np.zeros((len(z), n))
    spread[:, list(columns)] = z
    return spread


def shares(z: np.ndarray) -> np.ndarray:
    """Each row divided by its sum."""
    return z / z.sum(axis=1, keepdims=True)
