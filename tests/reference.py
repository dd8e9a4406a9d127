"""The slow truth: a float64 NumPy twin of every kernel, written to be read.

Nothing here imports fastnn. Arrays are float64 and inputs come first: x (B, I), W (I, O).
The optimizers are in `reference_optimizers.py`, whole networks in `reference_network.py`.
"""

import numpy as np
from scipy.special import erfc, expit, logsumexp

# ---------------------------------------------------------------------- dense


def dense_forward(x, W, b=None):
    """y = x W + b.  x (B, I), W (I, O), b (O,) or None -> y (B, O)."""
    y = x @ W
    return y if b is None else y + b


def dense_backward(x, W, dz):
    """Gradients (dx, dW, db) of a loss whose gradient at z = x W + b is dz (B, O)."""
    return dz @ W.T, x.T @ dz, dz.sum(axis=0)


# ---------------------------------------------------------------- activations

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def elu(z, alpha):
    """z above zero, alpha (e^z - 1) below."""
    # The clamp keeps the branch that is not taken from overflowing; NaN passes through it.
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_derivative(z, alpha):
    """1 above zero, alpha e^z below."""
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0)))


def gelu(z, alpha=None):
    """z Phi(z), with the normal distribution function Phi itself, not its tanh fit."""
    return z * normal_cdf(z)


def gelu_derivative(z, alpha=None):
    """Phi(z) + z phi(z)."""
    return normal_cdf(z) + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def normal_cdf(z):
    """Phi(z), exact in both tails."""
    return erfc(-z / np.sqrt(2)) / 2


def softplus(z, alpha=None):
    """log(1 + e^z)."""
    return np.logaddexp(0, z)


def mish_derivative(z, alpha=None):
    """t + z sigmoid(z) (1 - t^2), t = tanh(softplus(z))."""
    t = np.tanh(softplus(z))
    return t + z * expit(z) * (1 - t * t)


# name -> (forward(z, alpha), derivative(z, alpha)). At a kink the derivative is the left one.
# np.maximum and not a comparison in relu: it lets a NaN through.
ACTIVATIONS = {
    "relu": (lambda z, alpha=None: np.maximum(z, 0), lambda z, alpha=None: (z > 0) * 1.0),
    "leaky_relu": (
        lambda z, alpha=0.01: np.where(z > 0, z, alpha * z),
        lambda z, alpha=0.01: np.where(z > 0, 1.0, alpha),
    ),
    "elu": (
        lambda z, alpha=1.0: elu(z, alpha),
        lambda z, alpha=1.0: elu_derivative(z, alpha),
    ),
    "selu": (
        lambda z, alpha=None: SELU_SCALE * elu(z, SELU_ALPHA),
        lambda z, alpha=None: SELU_SCALE * elu_derivative(z, SELU_ALPHA),
    ),
    "gelu": (gelu, gelu_derivative),
    "silu": (
        lambda z, alpha=None: z * expit(z),
        lambda z, alpha=None: expit(z) * (1 + z * expit(-z)),
    ),
    # 1 - tanh^2 = 4 sigmoid(2z) sigmoid(-2z), and the product does not cancel.
    "tanh": (
        lambda z, alpha=None: np.tanh(z),
        lambda z, alpha=None: 4 * expit(2 * z) * expit(-2 * z),
    ),
    "sigmoid": (lambda z, alpha=None: expit(z), lambda z, alpha=None: expit(z) * expit(-z)),
    "softplus": (softplus, lambda z, alpha=None: expit(z)),
    "mish": (lambda z, alpha=None: z * np.tanh(softplus(z)), mish_derivative),
    "identity": (lambda z, alpha=None: z + 0.0, lambda z, alpha=None: np.ones_like(z)),
}


def hardmax(z):
    """One-hot of each row's largest entry; the first one where several are largest."""
    return np.eye(z.shape[1])[z.argmax(axis=1)]


def softmax(z):
    """e^z / sum e^z along each row."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(y, dy):
    """dz = J^T dy for y = softmax(z), with the row Jacobian J = diag(y) - y y^T."""
    return y * (dy - (y * dy).sum(axis=-1, keepdims=True))


# ----------------------------------------------------------------- batch norm


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    """y = gamma (x - mean) / sqrt(var + eps) + beta -> y, mean, var, over rows, var biased."""
    mean = x.mean(axis=0)
    var = ((x - mean) ** 2).mean(axis=0)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, mean, var


def batchnorm_backward(x, gamma, eps, dy):
    """Gradients (dx, dgamma, dbeta), the batch's mean and variance depending on x too."""
    mean = x.mean(axis=0)
    rstd = 1 / np.sqrt(((x - mean) ** 2).mean(axis=0) + eps)
    u = (x - mean) * rstd
    du = dy * gamma
    dx = rstd * (du - du.mean(axis=0) - u * (du * u).mean(axis=0))
    return dx, (dy * u).sum(axis=0), dy.sum(axis=0)


def batchnorm_predict(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """The same map with the running statistics in place of the batch's."""
    return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta


def batchnorm_running(batches, momentum=0.9):
    """Bias-corrected exponential averages (mean, var) after a list of batches (n, O).

    m_t = momentum m_{t-1} + (1 - momentum) mean_t from m_0 = 0, reported as m_t / (1 - momentum^t).
    The variance averages n / (n - 1) times the batch's biased one; a single row's is taken as is.
    """
    m = v = 0.0
    for x in batches:
        m = momentum * m + (1 - momentum) * x.mean(axis=0)
        v = momentum * v + (1 - momentum) * x.var(axis=0, ddof=1 if len(x) > 1 else 0)
    correction = 1 - momentum ** len(batches)
    return m / correction, v / correction


# -------------------------------------------------------------------- dropout


def rotl32(x):
    """The two halves of 64-bit words swapped."""
    return (x << np.uint64(32)) | (x >> np.uint64(32))


def squares32(counter, key):
    """32 random bits of `counter` under an odd `key` (Widynski 2020, four rounds)."""
    # Arrays of one dimension at least: they wrap modulo 2^64 silently, NumPy's scalars warn.
    counter = np.atleast_1d(np.asarray(counter, np.uint64))
    x = y = counter * np.uint64(key)
    z = y + np.uint64(key)
    x = rotl32(x * x + y)
    x = rotl32(x * x + z)
    x = rotl32(x * x + y)
    return ((x * x + z) >> np.uint64(32)).astype(np.uint32)


def splitmix64(x):
    """Scramble 64 bits: the output function of Steele, Lea and Flood's SplitMix (2014)."""
    mask = 2**64 - 1
    x = (int(x) + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def dropout_key(seed, step, layer):
    """The odd key of one layer in one step."""
    return splitmix64(splitmix64(splitmix64(seed) ^ step) ^ layer) | 1


def dropout_mask(shape, rate, key):
    """True where an element is kept; element (i, j) has counter i * width + j."""
    counter = np.arange(np.prod(shape), dtype=np.uint64)
    return (squares32(counter, key) >= np.uint32(rate * 2**32)).reshape(shape)


def dropout(x, mask, rate):
    """x / (1 - rate) where kept, else 0.  Backward is the same map of dy."""
    return np.where(mask, x / (1 - rate), 0.0)


# --------------------------------------------------------------------- losses


def reduce_rows(row_loss, row_gradient, weight, reduction):
    """sum_i w_i l_i, over sum_i w_i when the reduction is "mean" -> value, gradient."""
    w = np.ones(len(row_loss)) if weight is None else np.asarray(weight, float)
    if reduction == "mean":
        w = w / w.sum()
    return w @ row_loss, w[:, None] * row_gradient


def cross_entropy(z, target, weight=None, reduction="mean", smoothing=0.0):
    """-sum_k t_k log softmax(z)_k; target (B, K) rows that sum to one, smoothed towards 1/K."""
    t = target * (1 - smoothing) + smoothing / z.shape[1]
    log_y = z - logsumexp(z, axis=1, keepdims=True)
    return reduce_rows(-(t * log_y).sum(axis=1), softmax(z) - t, weight, reduction)


def binary_cross_entropy(z, target, weight=None, reduction="mean", smoothing=0.0):
    """-t log s - (1 - t) log(1 - s), s = sigmoid(z), mean over the K labels; t goes towards 1/2."""
    target = target * (1 - smoothing) + smoothing / 2
    row_loss = (softplus(z) - target * z).mean(axis=1)
    return reduce_rows(row_loss, (expit(z) - target) / z.shape[1], weight, reduction)


def mse(y, target, weight=None, reduction="mean"):
    """e^2, e = y - target, mean over the outputs."""
    e = y - target
    return reduce_rows((e * e).mean(axis=1), 2 * e / y.shape[1], weight, reduction)


def mae(y, target, weight=None, reduction="mean"):
    """|e|, mean over the outputs; the gradient at e = 0 is 0."""
    e = y - target
    return reduce_rows(np.abs(e).mean(axis=1), np.sign(e) / y.shape[1], weight, reduction)


def huber(y, target, weight=None, reduction="mean", delta=1.0):
    """e^2 / 2 up to |e| = delta, delta (|e| - delta / 2) beyond, mean over the outputs."""
    e = y - target
    a = np.abs(e)
    loss = np.where(a <= delta, e * e / 2, delta * (a - delta / 2))
    return reduce_rows(loss.mean(axis=1), e.clip(-delta, delta) / y.shape[1], weight, reduction)


def poisson(y, target, weight=None, reduction="mean"):
    """y - target log(y + 1e-7), mean over the outputs."""
    loss = y - target * np.log(y + 1e-7)
    gradient = (1 - target / (y + 1e-7)) / y.shape[1]
    return reduce_rows(loss.mean(axis=1), gradient, weight, reduction)


def log_poisson(z, target, weight=None, reduction="mean"):
    """e^z - target z + target log target - target, mean over the outputs; 0 log 0 = 0."""
    least = target * np.log(np.where(target > 0, target, 1)) - target
    gradient = (np.exp(z) - target) / z.shape[1]
    loss = np.exp(z) - target * z + least
    return reduce_rows(loss.mean(axis=1), gradient, weight, reduction)


def pinball(y, target, weight=None, reduction="mean", quantiles=(0.5,)):
    """max(q e, (q - 1) e), e = target - y; target (B, T), y (B, T Q) with column t * Q + q.

    The mean is over all columns; the gradient at e = 0 is 0, as for mae.
    """
    q = np.tile(quantiles, target.shape[1])
    e = np.repeat(target, len(quantiles), axis=1) - y
    gradient = np.where(e > 0, -q, np.where(e < 0, 1 - q, 0.0)) / y.shape[1]
    return reduce_rows(np.maximum(q * e, (q - 1) * e).mean(axis=1), gradient, weight, reduction)


# The two cross-entropies take logits; the others take the network's output.
LOSSES = {
    f.__name__: f
    for f in (
        cross_entropy,
        binary_cross_entropy,
        mse,
        mae,
        huber,
        poisson,
        log_poisson,
        pinball,
    )
}


# ------------------------------------------------------------- gradient check


def check_gradient(f, p, grad, rng, h=1e-6, rtol=1e-6):
    """Compare grad with the central difference of f at p along one random direction.

    Returns the error relative to the slope, or to the size that a slope has on average,
    ||grad|| / sqrt(P), where this direction is flatter; raises AssertionError beyond rtol.
    """
    u = rng.normal(size=p.shape)
    u /= np.linalg.norm(u)
    slope = (f(p + h * u) - f(p - h * u)) / (2 * h)
    claimed = np.vdot(grad, u)
    usual = np.linalg.norm(grad) / np.sqrt(p.size)
    error = abs(claimed - slope) / max(abs(claimed), abs(slope), usual, np.finfo(float).tiny)
    # Not `error > rtol`: a NaN must fail too.
    if not error <= rtol:
        raise AssertionError(
            f"the gradient's slope is {claimed:.9g} but the central difference is {slope:.9g}: "
            f"relative error {error:.2e}, allowed {rtol:.0e}"
        )
    return error
