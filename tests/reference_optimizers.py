"""The slow truth of the optimizers: one flat weight vector, one step, in float64 NumPy.

Each optimizer is a pure function (w, g, state, t, **hyper) -> (w, state). `g` is the gradient,
`t` counts steps from 1 and `state` starts as {}. The formulas are PyTorch's; they agree with
`tables/optimizers.json` to 1e-12.
"""

import numpy as np

# ------------------------------------------------------- around an optimizer


def coupled_l2(w, g, l2):
    """The gradient with that of the penalty l2 ||w||^2 / 2 added."""
    return g + l2 * w


def proximal_l1(w, threshold):
    """Soft threshold: w moved towards 0 by learning_rate * l1, stopping at an exact 0."""
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


def clip_by_value(g, clip_value):
    """Each entry within [-clip_value, clip_value]."""
    return np.clip(g, -clip_value, clip_value)


def clip_by_norm(g, clip_norm):
    """g min(1, clip_norm / (||g|| + 1e-6)), ||g|| taken over the whole vector."""
    return g * min(1.0, clip_norm / (np.linalg.norm(g) + 1e-6))


# ----------------------------------------------------------------- optimizers


def sgd(w, g, state, t, learning_rate=1e-2, momentum=0.0, nesterov=False):
    """v = momentum v + g; step along v, or along g + momentum v (Nesterov)."""
    v = momentum * state.get("v", np.zeros_like(w)) + g
    return w - learning_rate * (g + momentum * v if nesterov else v), {"v": v}


def rmsprop(
    w, g, state, t, learning_rate=1e-3, rho=0.9, epsilon=1e-8, momentum=0.0, inside_root=False
):
    """a = rho a + (1 - rho) g^2; v = momentum v + g / (sqrt(a) + epsilon).

    `inside_root` is the other convention, g / sqrt(a + epsilon).
    """
    a = rho * state.get("a", np.zeros_like(w)) + (1 - rho) * g**2
    scale = np.sqrt(a + epsilon) if inside_root else np.sqrt(a) + epsilon
    v = momentum * state.get("v", np.zeros_like(w)) + g / scale
    return w - learning_rate * v, {"a": a, "v": v}


def rmsprop_inside_root(w, g, state, t, **hyper):
    """RMSprop with epsilon inside the root."""
    return rmsprop(w, g, state, t, inside_root=True, **hyper)


def moments(g, state, beta1, beta2):
    """Adam's averages of g and g^2, before the bias correction."""
    m = beta1 * state.get("m", np.zeros_like(g)) + (1 - beta1) * g
    v = beta2 * state.get("v", np.zeros_like(g)) + (1 - beta2) * g**2
    return m, v


def adam(
    w, g, state, t, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_hat=False
):
    """w - learning_rate m^ / (sqrt(v^) + epsilon), m^ = m / (1 - beta1^t), v^ likewise.

    `epsilon_hat` adds epsilon before the correction: (sqrt(v) + epsilon) / sqrt(1 - beta2^t).
    """
    m, v = moments(g, state, beta1, beta2)
    m_hat = m / (1 - beta1**t)
    correction = np.sqrt(1 - beta2**t)
    hat, plain = (epsilon, 0) if epsilon_hat else (0, epsilon)
    root = (np.sqrt(v) + hat) / correction + plain
    return w - learning_rate * m_hat / root, {"m": m, "v": v}


def adamw(w, g, state, t, learning_rate=1e-3, weight_decay=1e-2, **hyper):
    """w - learning_rate weight_decay w, then Adam's step."""
    decayed = w - learning_rate * weight_decay * w
    return adam(decayed, g, state, t, learning_rate, **hyper)


def nadam(
    w, g, state, t, learning_rate=2e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=4e-3
):
    """Adam that looks ahead: this step's g and the next step's share of m (Dozat 2016).

    mu_s = beta1 (1 - 0.96^(s momentum_decay) / 2); m's bias correction is the product of the mu_s.
    """
    m, v = moments(g, state, beta1, beta2)
    mu = beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 2) * momentum_decay))
    now, ahead = mu[:-1].prod(), mu.prod()
    m_hat = (1 - mu[-2]) * g / (1 - now) + mu[-1] * m / (1 - ahead)
    v_hat = v / (1 - beta2**t)
    return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v}


def rprop(
    w, g, state, t, learning_rate=1e-2, eta_minus=0.5, eta_plus=1.2, step_min=1e-6, step_max=50.0
):
    """Each weight moves by its own step against the gradient's sign.

    The step starts at learning_rate, grows by eta_plus while the sign holds and shrinks by
    eta_minus where it changes; there the weight rests once and the change is forgotten.
    """
    agreement = g * state.get("g", np.zeros_like(w))
    factor = np.where(agreement > 0, eta_plus, np.where(agreement < 0, eta_minus, 1.0))
    step = np.clip(state.get("step", np.full_like(w, learning_rate)) * factor, step_min, step_max)
    g = np.where(agreement < 0, 0.0, g)
    return w - np.sign(g) * step, {"g": g, "step": step}


OPTIMIZERS = {f.__name__: f for f in (sgd, rmsprop, rmsprop_inside_root, adam, adamw, nadam, rprop)}


def minimise(
    name, gradient, w, steps, learning_rate, *, clip_value=None, clip_norm=None, l2=0, l1=0, **hyper
):
    """The steps + 1 weight vectors of a run: clip, coupled L2, the optimizer, proximal L1."""
    weights, state = [w], {}
    for t in range(1, steps + 1):
        g = gradient(w)
        if clip_value is not None:
            g = clip_by_value(g, clip_value)
        if clip_norm is not None:
            g = clip_by_norm(g, clip_norm)
        w, state = OPTIMIZERS[name](w, coupled_l2(w, g, l2), state, t, learning_rate, **hyper)
        w = proximal_l1(w, learning_rate * l1)
        weights.append(w)
    return np.array(weights)
