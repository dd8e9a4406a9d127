"""Gradient checks: is the gradient that training follows the slope of the loss?"""

from typing import Any

import numpy as np

from fastnn.engine.layout import Layout
from fastnn.inputs.calls import explained
from fastnn.inputs.reading import feature_rows, target_rows
from fastnn.inputs.settings import check_count
from fastnn.model.given import as_model
from fastnn.model.sequential import Sequential
from fastnn.training.building import draw_weights
from fastnn.training.network import Network


@explained
def check_gradient(
    model: Sequential, X: Any, y: Any, sample_weight: Any = None, *, directions: int = 5
) -> float:
    """Compare the gradient with central differences, in float64, in random directions.

    It tells whether the derivative of one's own loss or activation is right.

    Parameters
    ----------
    model : Sequential
        Compiled; it is not changed. A model without weights yet gets some.
    X, y, sample_weight
        A few rows, as for `fit`.
    directions : int, default 5
        Number of random directions.

    Returns
    -------
    error : float
        The largest relative error. Below 1e-6 the derivative is right; a wrong one gives 1e-3 and
        more. At a kink, such as ReLU's at 0, the difference is neither slope.

    Examples
    --------
    >>> from fastnn import Dense, Sequential, Tanh
    >>> model = Sequential([Dense(5), Tanh(), Dense(1)], seed=0)
    >>> model.compile(loss="mse")
    >>> check_gradient(model, [[0.1, 0.2], [0.3, 0.4]], [1.0, 2.0]) < 1e-6
    True
    """
    setup = as_model(model)._compiled()
    check_count(directions, "directions")
    twin = _double_twin(model, X)
    rows = feature_rows(X, twin.layout.n_in, twin.dtype)
    rows = target_rows(rows, y, sample_weight, setup.form(twin.layout, twin.dtype))
    if not rows.direct:
        rows = rows.block(slice(None))
    n = len(rows.X)
    run = twin.gradient_run(setup.loss, n)
    bounds, order = np.array([0, n]), np.arange(n)

    def loss() -> float:
        return float(run.steps(rows, order, bounds, np.zeros(1), 0)[0][0])

    loss()
    gradient, learned = _claimed(twin, run.gradient)
    start = twin.state.parameters.copy()
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(directions):
        # Along the gradient's own signs, slopes add up instead of cancelling.
        signs = np.where(gradient == 0, rng.choice([-1.0, 1.0], start.size), np.sign(gradient))
        direction = np.abs(rng.normal(size=start.size)) * signs * learned
        direction /= max(np.linalg.norm(direction), 1e-300)
        step = 1e-6 * max(1.0, float(np.abs(start).max()))
        twin.state.assign(start + step * direction)
        above = loss()
        twin.state.assign(start - step * direction)
        slope = (above - loss()) / (2 * step)
        claimed = float(gradient @ direction)
        scale = max(abs(slope), abs(claimed), 1e-10)
        error = abs(slope - claimed) / scale
        worst = max(worst, error) if np.isfinite(error) else np.inf
    return worst


def _claimed(twin: Network, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient with that of the L1 penalties, and 1 where a parameter learns."""
    claimed, learned = gradient.copy(), np.zeros(gradient.size)
    for tensor in twin.layout.parameters:
        learned[tensor.slice] = tensor.layer >= twin.frozen
        if tensor.name == "W":
            l1 = getattr(twin.layout.layers[tensor.layer], "l1", 0.0)
            claimed[tensor.slice] += l1 * np.sign(twin.state.values[tensor.slice])
    return claimed * learned, learned


def _double_twin(model: Sequential, X: Any) -> Network:
    """A float64 network with the model's layers, and its weights where it has some."""
    double = np.dtype(np.float64)
    built = model._network
    rows = built.read(X) if built else feature_rows(X, None, double)
    layout = built.layout if built else Layout(model.layers, rows.X.shape[1])
    twin = Network(layout, double, np.random.default_rng(0), 0)
    if built is None:
        draw_weights(twin.state, np.random.default_rng(0))
    else:
        twin.state.set_arrays([array for _, array in built.state.arrays()])
        twin.frozen = built.frozen
    return twin
