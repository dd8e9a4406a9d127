"""The truth in float64 NumPy: the losses that every library must reach."""

import numpy as np

from benchmarks.peers import workloads as wl


def check_losses(workload, X, y):
    """Mean loss of the first CHECK_STEPS steps, and the loss of the batch after them."""
    params = [
        {name: np.float64(value) for name, value in _named(layer).items()}
        for layer in wl.make_weights(workload)
    ]
    moments = [{name: (0.0, 0.0) for name in layer} for layer in params]
    head, tail = wl.check_rows(workload)
    losses = []
    for t, rows in enumerate(head.reshape(-1, workload.batch), start=1):
        loss, grads = loss_and_grads(params, np.float64(X[rows]), y[rows])
        adam(params, moments, grads, t)
        losses.append(loss)
    after, _ = loss_and_grads(params, np.float64(X[tail]), y[tail])
    return float(np.mean(losses)), float(after)


def _named(layer):
    """W with its bias, or with batch norm's scale and shift."""
    n = layer.W.shape[1]
    if layer.b is None:
        return {"W": layer.W, "gamma": np.ones(n), "beta": np.zeros(n)}
    return {"W": layer.W, "b": layer.b}


def loss_and_grads(params, x, y):
    """Softmax cross-entropy, mean over the batch, and its gradient for every parameter."""
    saved = []
    for k, p in enumerate(params):
        z = x @ p["W"]
        if "b" in p:
            out, norm = z + p["b"], None
        else:
            rstd = 1 / np.sqrt(z.var(axis=0) + wl.BN_EPS)
            norm = ((z - z.mean(axis=0)) * rstd, rstd)
            out = norm[0] * p["gamma"] + p["beta"]
        saved.append((x, norm, out))
        x = np.maximum(out, 0) if k < len(params) - 1 else out
    z = x - x.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    rows = np.arange(len(y))
    dout = np.exp(log_p)
    dout[rows, y] -= 1
    return -log_p[rows, y].mean(), _grads(params, saved, dout / len(y))


def _grads(params, saved, dout):
    """Back from the gradient of the logits; one dict of gradients per layer."""
    grads = []
    for k in reversed(range(len(params))):
        x, norm, _ = saved[k]
        if norm is None:
            dz, grad = dout, {"b": dout.sum(axis=0)}
        else:
            x_hat, rstd = norm
            grad = {"gamma": (dout * x_hat).sum(axis=0), "beta": dout.sum(axis=0)}
            centred = dout - grad["beta"] / len(dout) - x_hat * grad["gamma"] / len(dout)
            dz = params[k]["gamma"] * rstd * centred
        grads.append(grad | {"W": x.T @ dz})
        if k > 0:
            dout = (dz @ params[k]["W"].T) * (saved[k - 1][2] > 0)
    return grads[::-1]


def adam(params, moments, grads, t):
    """One Adam step, in place."""
    for p, mv, g in zip(params, moments, grads, strict=True):
        for name in p:
            m = wl.BETA1 * mv[name][0] + (1 - wl.BETA1) * g[name]
            v = wl.BETA2 * mv[name][1] + (1 - wl.BETA2) * g[name] ** 2
            mv[name] = m, v
            m_hat, v_hat = m / (1 - wl.BETA1**t), v / (1 - wl.BETA2**t)
            p[name] = p[name] - wl.LEARNING_RATE * m_hat / (np.sqrt(v_hat) + wl.ADAM_EPS)
