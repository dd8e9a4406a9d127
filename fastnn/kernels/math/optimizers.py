"""Optimizers: one pass over n parameters that lie side by side.

w is the parameters, g their gradient, m and v the optimizer's two slots, `hyper` the run's
CONTEXT record, `step` what it says of one step; `rate` is the step's learning rate.
"""

from typing import NamedTuple

from fastnn.kernels.codes import ADAM, NADAM, RMSPROP, RPROP, SGD
from fastnn.kernels.machine.functions import ONE, ZERO, sqrt
from fastnn.kernels.machine.jit import kernel


@kernel
def sgd(w, g, m, rate, momentum, nesterov):
    """w -= rate d; d = g, or m = momentum m + g, or Nesterov's g + momentum m."""
    r, mu = w.dtype.type(rate), w.dtype.type(momentum)
    if momentum == 0:
        for i in range(w.size):
            w[i] -= r * g[i]
    elif nesterov:
        for i in range(w.size):
            m[i] = mu * m[i] + g[i]
            w[i] -= r * (g[i] + mu * m[i])
    else:
        for i in range(w.size):
            m[i] = mu * m[i] + g[i]
            w[i] -= r * m[i]


@kernel
def rmsprop(w, g, m, v, rate, rho, momentum, epsilon, inside_root):
    """v = rho v + (1 - rho) g^2; w -= rate g / (sqrt(v) + epsilon) (Tieleman & Hinton 2012)."""
    r, p, q = w.dtype.type(rate), w.dtype.type(rho), w.dtype.type(1 - rho)
    mu = w.dtype.type(momentum)
    inside = w.dtype.type(epsilon if inside_root else 0)
    outside = w.dtype.type(0 if inside_root else epsilon)
    for i in range(w.size):
        v[i] = p * v[i] + q * g[i] * g[i]
        m[i] = mu * m[i] + g[i] / (sqrt(v[i] + inside) + outside)
        w[i] -= r * m[i]


@kernel
def adam(w, g, m, v, beta_1, beta_2, epsilon, step, root):
    """Adam (Kingma & Ba 2015): both averages bias-corrected, epsilon outside the root.

    `step` is the learning rate over the first correction, `root` the second one's root, inverted.
    """
    b1, c1 = w.dtype.type(beta_1), w.dtype.type(1 - beta_1)
    b2, c2 = w.dtype.type(beta_2), w.dtype.type(1 - beta_2)
    s, r, eps = w.dtype.type(step), w.dtype.type(root), w.dtype.type(epsilon)
    for i in range(w.size):
        m[i] = b1 * m[i] + c1 * g[i]
        v[i] = b2 * v[i] + c2 * g[i] * g[i]
        w[i] -= s * m[i] / (sqrt(v[i]) * r + eps)


@kernel
def nadam(w, g, m, v, beta_1, beta_2, epsilon, of_g, of_m, root):
    """NAdam (Dozat 2016): Adam with Nesterov's look ahead and a momentum that warms up."""
    b1, c1 = w.dtype.type(beta_1), w.dtype.type(1 - beta_1)
    b2, c2 = w.dtype.type(beta_2), w.dtype.type(1 - beta_2)
    n, p = w.dtype.type(of_g), w.dtype.type(of_m)
    r, eps = w.dtype.type(root), w.dtype.type(epsilon)
    for i in range(w.size):
        m[i] = b1 * m[i] + c1 * g[i]
        v[i] = b2 * v[i] + c2 * g[i] * g[i]
        w[i] -= (n * g[i] + p * m[i]) / (sqrt(v[i]) * r + eps)


@kernel
def nadam_product(t, beta_1, decay):
    """prod_{s <= t} beta_1 (1 - 0.96^(s decay) / 2); it is 0 to the last bit after 10000 steps."""
    product = 1.0
    for s in range(1, min(t, 10000) + 1):
        product *= beta_1 * (1 - 0.5 * 0.96 ** (s * decay))
        if product < 1e-20:
            return 0.0
    return product


@kernel
def rprop(w, g, previous, size, rate, t, minus, plus, smallest, largest):
    """Rprop (Riedmiller & Braun 1993): a step size grows while its sign stays, else shrinks."""
    down, up = w.dtype.type(minus), w.dtype.type(plus)
    low, high = w.dtype.type(smallest), w.dtype.type(largest)
    if t == 1:
        for i in range(w.size):
            size[i] = rate
            previous[i] = ZERO
    for i in range(w.size):
        agreement = g[i] * previous[i]
        s = size[i] * (up if agreement > ZERO else (down if agreement < ZERO else ONE))
        s = low if s < low else (high if s > high else s)
        d = ZERO if agreement < ZERO else g[i]
        size[i] = s
        previous[i] = d
        w[i] -= s if d > ZERO else (-s if d < ZERO else d)


@kernel
def regularize(w, g, l2):
    """g += l2 w: the gradient of l2 / 2 ||w||^2."""
    c = w.dtype.type(l2)
    for i in range(w.size):
        g[i] += c * w[i]


@kernel
def scale(x, factor):
    """x *= factor."""
    c = x.dtype.type(factor)
    for i in range(x.size):
        x[i] *= c


@kernel
def clip(g, limit):
    """Hold every element within [-limit, limit]; a NaN stays one."""
    c = g.dtype.type(limit)
    for i in range(g.size):
        g[i] = c if g[i] > c else (-c if g[i] < -c else g[i])


@kernel
def shrink(w, amount):
    """Soft threshold, the proximal step of amount ||w||_1: gives exact zeros."""
    c = w.dtype.type(amount)
    for i in range(w.size):
        w[i] = w[i] - c if w[i] > c else (w[i] + c if w[i] < -c else w[i] * ZERO)


@kernel
def square_sum(x):
    """sum x^2, in double."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * x[i]
    return total


@kernel
def absolute_sum(x):
    """sum |x|, in double."""
    total = 0.0
    for i in range(x.size):
        total += abs(x[i])
    return total


class Step(NamedTuple):
    """What an update needs to know of its step.

    `rate` is the learning rate, `penalty` the factor of l1 and l2, `t` the step's number, from 1.
    The others are what the optimizer makes of them: factors of the gradient, of its average, of
    the root of the average square, and what is added to that root.
    """

    rate: float
    penalty: float
    t: int
    of_g: float
    of_m: float
    root: float
    epsilon: float


@kernel
def correction(beta, t):
    """1 - beta^t; beyond t = 37 / (1 - beta) that is 1 to the last bit."""
    return 1.0 if t * (1 - beta) > 37 else 1 - beta**t


@kernel
def step_of(hyper, rate, penalty, t):
    """The `Step` number t."""
    of_g, of_m, root, epsilon = rate, 0.0, 1.0, hyper.epsilon
    if hyper.optimizer == ADAM:
        first, second = correction(hyper.beta_1, t), correction(hyper.beta_2, t)
        of_g, of_m, root = 0.0, rate / first, 1 / sqrt(second)
        if hyper.epsilon_hat:
            epsilon *= root
    elif hyper.optimizer == NADAM:
        decay = hyper.momentum_decay
        product = nadam_product(t, hyper.beta_1, decay)
        mu = hyper.beta_1 * (1 - 0.5 * 0.96 ** (t * decay))
        mu_next = hyper.beta_1 * (1 - 0.5 * 0.96 ** ((t + 1) * decay))
        of_g, of_m = rate * (1 - mu) / (1 - product), rate * mu_next / (1 - product * mu_next)
        root = 1 / sqrt(1 - hyper.beta_2**t)
    return Step(rate, penalty, t, of_g, of_m, root, epsilon)


@kernel
def scaled_step(step, factor):
    """The step of parameters that learn at `factor` times the rate."""
    s = step
    rate, of_g, of_m = factor * s.rate, factor * s.of_g, factor * s.of_m
    return Step(rate, s.penalty, s.t, of_g, of_m, s.root, s.epsilon)


@kernel
def update(hyper, w, g, m, v, step):
    """One step of the optimizer that `hyper` names."""
    kind, rate = hyper.optimizer, step.rate
    if kind == ADAM:
        adam(w, g, m, v, hyper.beta_1, hyper.beta_2, step.epsilon, step.of_m, step.root)
    elif kind == SGD:
        sgd(w, g, m, rate, hyper.momentum, hyper.nesterov)
    elif kind == RMSPROP:
        rho, inside = hyper.beta_2, hyper.inside_root
        rmsprop(w, g, m, v, rate, rho, hyper.momentum, hyper.epsilon, inside)
    elif kind == NADAM:
        b1, b2, eps = hyper.beta_1, hyper.beta_2, hyper.epsilon
        nadam(w, g, m, v, b1, b2, eps, step.of_g, step.of_m, step.root)
    elif kind == RPROP:
        minus, plus = hyper.eta_minus, hyper.eta_plus
        rprop(w, g, m, v, rate, step.t, minus, plus, hyper.step_min, hyper.step_max)
