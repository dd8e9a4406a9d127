"""Floor 4. Gradient checks: is the gradient that training follows the slope of the loss?"""

import copy
from typing import Any

import numpy as np

from fastnn.data import as_sample_weight
from fastnn.model import Sequential
from fastnn.training import gradient_run


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
    twin = _double_twin(model)
    features = twin._features(X)
    twin.build(features.shape[1])
    rows = twin._rows(features, y, as_sample_weight(sample_weight, len(features), np.float64),
                      twin._layout)  # fmt: skip
    if not rows.direct:
        rows = rows.block(slice(None), twin.dtype)
    run = gradient_run(twin, len(features))
    bounds, order = np.array([0, len(features)]), np.arange(len(features))
    parameters = twin._state.parameters

    def loss() -> float:
        return float(run.steps(rows, order, bounds, np.zeros(1), 0)[0][0])

    loss()
    gradient, start = run.gradient.copy(), parameters.copy()
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(directions):
        # Along the gradient's own signs, slopes add up instead of cancelling.
        direction = np.abs(rng.normal(size=start.size)) * np.sign(gradient)
        direction /= max(np.linalg.norm(direction), 1e-300)
        step = 1e-6 * max(1.0, float(np.abs(start).max()))
        parameters[:] = start + step * direction
        above = loss()
        parameters[:] = start - step * direction
        slope = (above - loss()) / (2 * step)
        claimed = float(gradient @ direction)
        scale = max(abs(slope), abs(claimed), 1e-10)
        worst = max(worst, abs(slope - claimed) / scale)
    return worst


def _double_twin(model: Sequential) -> Sequential:
    """A float64 model with the same layers, settings and weights."""
    model._compiled()
    twin = copy.copy(model)
    twin.dtype = np.dtype(np.float64)
    twin._prepared, twin._layout = {}, None
    twin._init_rng = copy.deepcopy(model._init_rng)
    if model._layout is not None:
        twin.set_weights(model.get_weights())
    return twin
