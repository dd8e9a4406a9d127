"""Covariate shift: how far new data has moved from what a model was trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fastnn.diagnostics.statistics import (
    AVERAGED,
    EXACT,
    Moments,
    Thresholds,
    compare,
    detectable,
)
from fastnn.diagnostics.tables import LEVELS, Columns, LayerShift, Shift
from fastnn.inputs.arrays import column_names
from fastnn.inputs.calls import explained
from fastnn.inputs.rows import Rows
from fastnn.layers import BatchNorm, Standardize
from fastnn.model.sequential import Sequential
from fastnn.training.network import Network

BATCH_ROWS = 32
"""Rows that a running average is taken to see at each step: `fit`'s default."""
STANDARDIZE_ROWS = 500
"""Rows that Standardize is taken to have seen: with more, "some" is decided by the size alone."""


@explained
def shift(model: Sequential, X_new: Any, reference: Any = None) -> Shift:
    """How far new data has moved from what a model was trained on (covariate shift).

    Each feature is compared with the training rows themselves where they are given; else with the
    mean and deviation that a first layer `Standardize` or `BatchNorm` keeps of them. For each
    `BatchNorm`, the inputs that the new rows give it, as the model predicts, are compared with its
    running mean and variance, or with what the reference rows give.

    A column counts as shifted where the move is more than chance, after correction for the number
    of columns (Benjamini & Yekutieli 2001), and large: its mean by 0.2 deviations (strong: 0.8;
    Cohen 1988), its variance grown to the double (strong: fourfold; Rubin 2001). With reference
    rows its distribution is tested, too, by the two-sample Kolmogorov-Smirnov test, which did best
    among simple ones in Rabanser et al. (2019), and is large from a Wasserstein distance of 0.2
    deviations (strong: 0.8). Running averages are themselves only roughly known: against them a
    mean must have moved by 0.5 deviations.

    Parameters
    ----------
    model : Sequential
        Trained; it is not changed.
    X_new : array or frame (n, features)
        At least two rows. A frame's column names appear in the result.
    reference : array or frame (m, features), optional
        The training rows, or a sample of them.

    Returns
    -------
    result : Shift
        ``print`` it; ``result.verdict`` is "none", "some" or "strong".

    Raises
    ------
    ValueError
        For data that does not fit, and where the model keeps nothing of its training data and no
        reference is given.

    Notes
    -----
    A variance that has shrunk is reported, but no alarm: moments cannot tell it from rare large
    values that the new rows happen to lack, and `Dropout` before a batch norm makes the running
    variance larger than the one at prediction (Li et al. 2019). With reference rows the
    Kolmogorov-Smirnov test sees it.

    The model does not know how many rows its statistics are of. `Standardize` is taken to have seen
    500, batch norm 32 (1 + momentum) / (1 - momentum). After ``recompute_batchnorm(X_train)`` its
    averages are exact.

    It looks at the inputs alone: what a shift does to the predictions it does not say, nor can it
    see that the same inputs mean something else today.

    References
    ----------
    S. Rabanser, S. Günnemann, Z. Lipton, "Failing Loudly: An Empirical Study of Methods for
    Detecting Dataset Shift", NeurIPS 2019.

    Examples
    --------
    >>> from fastnn import Dense, Sequential, Softmax, Standardize
    >>> from fastnn.datasets import load_iris
    >>> X, y = load_iris()
    >>> model = Sequential([Standardize(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> history = model.fit(X, y, verbose=0)
    >>> shift(model, X[::3]).verdict
    'none'
    >>> inches = X / [1, 1, 2.54, 1]
    >>> shift(model, inches).shifted
    ('2',)
    """
    network = _built(model)
    new = _rows(network, X_new, "X_new")
    sample = None if reference is None else _rows(network, reference, "reference")
    names = _names(X_new, reference)
    known, compared_with, thresholds = _known_features(network, sample)
    layers = _normed_layers(network)
    if known is None and not layers:
        raise ValueError(
            "the model keeps nothing of the data that it was trained on, for it has neither "
            "Standardize() as the first layer nor a trained BatchNorm(); pass the training rows: "
            "shift(model, X_new, reference=X_train)"
        )
    features = None
    if known is not None:
        inputs = None if sample is None else sample.X
        floor = network.layout.layers[0].alpha if thresholds is AVERAGED else 0.0
        features = compare(new.X, known, inputs, thresholds, names, floor)
    moved = tuple(_of_layer(network, k, new, sample) for k in layers)
    levels = [] if features is None else list(features.level)
    levels += [layer.level for layer in moved]
    verdict = LEVELS[max(LEVELS.index(level) for level in levels)]
    least = _detectable(features, moved, network, known, len(new.X))
    return Shift(verdict, len(new.X), compared_with, features, moved, least)


def _built(model: Any) -> Network:
    if not isinstance(model, Sequential):
        raise TypeError(f"got {model!r:.60}; expected a trained Sequential")
    return model._built()


def _rows(network: Network, X: Any, name: str) -> Rows:
    rows = network.read(X, name)
    if len(rows.X) < 2:
        raise ValueError(f"{name} has 1 row; expected at least 2: a distribution needs several")
    # Of the model's type: a constant must not differ by its rounding.
    return replace(rows, X=np.ascontiguousarray(rows.X, network.dtype), direct=True)


def _names(X_new: Any, reference: Any) -> tuple[str, ...] | None:
    """The features' names, where a frame tells them."""
    of_new, of_reference = column_names(X_new), column_names(reference)
    if of_new is not None and of_reference is not None and of_new != of_reference:
        pairs = zip(of_new, of_reference, strict=True)
        j, (new, old) = next((j, pair) for j, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f'column {j} of X_new is "{new}", of the reference "{old}"; expected the same '
            "columns in the same order; use X_new[reference.columns]"
        )
    names = of_reference if of_new is None else of_new
    return None if names is None else tuple(map(str, names))


def _known_features(
    network: Network, sample: Rows | None
) -> tuple[Moments | None, str, Thresholds]:
    """What is known of the training features, its source in words, and how exactly."""
    state, first = network.state, network.layout.layers[0]
    if sample is not None:
        return Moments.of(sample.X), f"compared with {len(sample.X):,} reference rows", EXACT
    if isinstance(first, Standardize) and state.is_fitted:
        kept = (state.array(f"0.{part}") for part in ("mean", "deviation"))
        mean, deviation = (array.astype(network.dtype).astype(np.float64) for array in kept)
        moments = Moments(mean, np.square(deviation), STANDARDIZE_ROWS)
        return moments, "compared with the mean and deviation that Standardize keeps", EXACT
    if isinstance(first, BatchNorm) and 0 in _normed_layers(network):
        words = "compared with the running averages of the first layer, BatchNorm"
        return _running(network, 0), words, AVERAGED
    return None, "not compared, as the model keeps nothing of them; pass reference=X_train", EXACT


def _normed_layers(network: Network) -> list[int]:
    """The batch-norm layers that have seen data."""
    return [
        k
        for k, layer in enumerate(network.layout.layers)
        if isinstance(layer, BatchNorm) and (network.state.running(k)[2] > 0).all()
    ]


def _running(network: Network, k: int) -> Moments:
    """What a batch norm has seen; epsilon belongs to its variance."""
    layer, state = network.layout.layers[k], network.state
    mean, variance = (
        state.array(f"{k}.running_{part}").astype(np.float64) for part in ("mean", "var")
    )
    momentum, epsilon = getattr(layer, "momentum", 0.0), layer.alpha
    rows = BATCH_ROWS * (1 + momentum) / (1 - momentum)
    return Moments(mean, variance + epsilon, rows)


def _of_layer(network: Network, k: int, new: Rows, sample: Rows | None) -> LayerShift:
    """The inputs of batch norm k."""
    run, epsilon = network.predict_run(), network.layout.layers[k].alpha

    def inputs(rows: Rows) -> np.ndarray:
        return rows.X if k == 0 else run.predict(rows, last=k)

    thresholds = AVERAGED if sample is None else EXACT
    known = _running(network, k) if sample is None else Moments.of(inputs(sample), epsilon)
    values = inputs(new)
    units = compare(values, known, None, thresholds, floor=epsilon)
    # By chance alone each squared difference has this mean.
    noise = np.exp(units.log_variance_ratio) / len(values) + 1 / known.rows
    squares = np.square(units.mean_difference) - noise
    difference = float(np.sqrt(max(squares.mean(), 0)))
    ratio = float(np.exp(units.log_variance_ratio.mean()))
    level = 0
    if units.n_shifted:
        level = max(
            int(np.digitize(difference, thresholds.difference)),
            int(np.digitize(ratio, thresholds.ratio)),
        )
    return LayerShift(k, difference, ratio, LEVELS[level], units)


def _detectable(
    features: Columns | None, layers: tuple[LayerShift, ...], network: Network,
    known: Moments | None, rows: int,
) -> float:  # fmt: skip
    """Of the features where they are known, else of the first layer's units."""
    if features is not None and known is not None:
        tests = 2 if np.isnan(features.distance).all() else 3
        return detectable(len(features.names), tests, rows, known.rows)
    first = layers[0]
    return detectable(len(first.units.names), 2, rows, _running(network, first.layer).rows)
