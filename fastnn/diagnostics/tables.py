"""What `shift` finds: tables of columns and of layers, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.inputs.packages import package

LEVELS = ("none", "some", "strong")
SHOWN = 10
"""Columns that a printed table shows."""


@dataclass(frozen=True)
class Columns:
    """How far each column of a table has moved: features, or the units of a layer.

    Attributes
    ----------
    names : tuple of str
        Of a data frame's columns, else their numbers from 0.
    mean_difference : ndarray (k,)
        New mean minus reference mean, in deviations of the reference (Glass's delta); infinite
        where the reference is constant and the new rows are not.
    log_variance_ratio : ndarray (k,)
        Log of new over reference variance; -inf where the new rows are constant.
    distance : ndarray (k,)
        Wasserstein distance of the two distributions, in deviations of the reference: how far
        the mass must be carried on average. NaN where only moments of the reference are known.
    ks : ndarray (k,)
        Kolmogorov-Smirnov statistic: the largest difference of the two distribution functions, 0
        to 1; NaN likewise.
    p_value : ndarray (k,)
        The smallest of the column's tests, adjusted for the number of tests and columns.
    level : ndarray (k,) of str
        "none", "some" or "strong".

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import BatchNorm, Dense, Sequential, Softmax
    >>> X, y = fastnn.datasets.load_iris()
    >>> model = Sequential([Dense(8), BatchNorm(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> history = model.fit(X, y, epochs=5, verbose=0)
    >>> moved = fastnn.diagnostics.shift(model, 2 * X, reference=X)
    >>> moved.features.level.tolist()
    ['strong', 'strong', 'strong', 'strong']
    """

    names: tuple[str, ...]
    mean_difference: np.ndarray
    log_variance_ratio: np.ndarray
    distance: np.ndarray
    ks: np.ndarray
    p_value: np.ndarray
    level: np.ndarray

    @property
    def most_shifted(self) -> np.ndarray:
        """Column numbers (k,), the most shifted first."""
        grades = np.array([LEVELS.index(level) for level in self.level])
        size = np.fmax(np.abs(self.mean_difference), self.distance)
        return np.lexsort((-size, -grades))

    @property
    def n_shifted(self) -> int:
        """Number of columns whose level is not "none"."""
        return int(np.sum(self.level != LEVELS[0]))


@dataclass(frozen=True)
class LayerShift:
    """How far the inputs of one batch-norm layer have moved.

    Attributes
    ----------
    layer : int
        Its place in ``model.layers``, from 0.
    mean_difference : float
        Root mean square over the units, less what chance alone adds.
    variance_ratio : float
        New over reference variance, geometric mean over the units.
    level : str
        "none", "some" or "strong".
    units : Columns
        Unit by unit; their own levels do not enter the layer's.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import BatchNorm, Dense, Sequential, Softmax
    >>> X, y = fastnn.datasets.load_iris()
    >>> model = Sequential([Dense(8), BatchNorm(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> history = model.fit(X, y, epochs=5, verbose=0)
    >>> moved = fastnn.diagnostics.shift(model, 2 * X, reference=X)
    >>> [(layer.layer, layer.level) for layer in moved.layers]
    [(1, 'strong')]
    """

    layer: int
    mean_difference: float
    variance_ratio: float
    level: str
    units: Columns


@dataclass(frozen=True)
class Shift:
    """What `fastnn.diagnostics.shift` has found; printing it gives a table.

    Attributes
    ----------
    verdict : {"none", "some", "strong"}
        The highest level of all features and layers.
    rows : int
        Number of new rows.
    compared_with : str
        What the features are compared with, in words.
    features : Columns or None
        None where nothing is known of the features that the model was trained on.
    layers : tuple of LayerShift
        One a `BatchNorm`.
    detectable : float
        The difference of means, in deviations, from which so many new rows show that a column has
        moved: a verdict "none" says nothing of smaller ones.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import BatchNorm, Dense, Sequential, Softmax
    >>> X, y = fastnn.datasets.load_iris()
    >>> model = Sequential([Dense(8), BatchNorm(), Dense(3), Softmax()], seed=0)
    >>> model.compile()
    >>> history = model.fit(X, y, epochs=5, verbose=0)
    >>> fastnn.diagnostics.shift(model, 2 * X, reference=X).verdict
    'strong'
    """

    verdict: str
    rows: int
    compared_with: str
    features: Columns | None
    layers: tuple[LayerShift, ...]
    detectable: float

    @property
    def shifted(self) -> tuple[str, ...]:
        """Names of the features that have moved, the most shifted first."""
        if self.features is None:
            return ()
        order = self.features.most_shifted[: self.features.n_shifted]
        return tuple(self.features.names[j] for j in order)

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a feature.

        Raises
        ------
        ValueError
            Where the features are not known.
        ImportError
            Without pandas.
        """
        if self.features is None:
            raise ValueError(f"there is no table of the features: {self.compared_with}")
        pandas = package("pandas", "to_frame makes a DataFrame of pandas", "pandas")
        columns = {k: v for k, v in vars(self.features).items() if k != "names"}
        return pandas.DataFrame(columns, index=pandas.Index(self.features.names, name="feature"))

    def __str__(self) -> str:
        lines = [self._headline(), f"features: {self.compared_with}"]
        lines += _feature_lines(self.features) if self.features is not None else []
        lines += _layer_lines(self.layers) if self.layers else []
        if self.verdict == LEVELS[0] and self.detectable > 0.2:
            lines.append(
                f"\n{self.rows:,} rows show a mean that has moved by {self.detectable:.2g} "
                "deviations or more; a smaller shift may be there unseen"
            )
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.verdict == LEVELS[0]:
            return f"no shift seen in {self.rows:,} new rows"
        parts = []
        if self.features is not None:
            parts.append(f"{self.features.n_shifted} of {_count(self.features.names, 'feature')}")
        if self.layers:
            moved = sum(layer.level != LEVELS[0] for layer in self.layers)
            parts.append(f"{moved} of {_count(self.layers, 'batch-norm layer')}")
        return f"{self.verdict} shift in {self.rows:,} new rows: {' and '.join(parts)}"


def _count(things: Any, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _feature_lines(features: Columns) -> list[str]:
    """The most shifted ones."""
    order = features.most_shifted[:SHOWN]
    names = [f"{features.names[j]:.32}" for j in order]
    width = max(len("feature"), *map(len, names))
    known = not np.isnan(features.distance).all()
    distance = f"{'distance':>10}" if known else ""
    lines = [
        f"\n{'feature':<{width}}{'mean/sd':>9}{'variance':>10}{distance}{'p-value':>10}  shift"
    ]
    for j, name in zip(order, names, strict=True):
        ratio = np.exp(features.log_variance_ratio[j])
        distance = f"{_compact(features.distance[j]):>10}" if known else ""
        lines.append(
            f"{name:<{width}}{_compact(features.mean_difference[j], '+'):>9}"
            f"{'x' + _compact(ratio):>10}{distance}{features.p_value[j]:10.2g}  {features.level[j]}"
        )
    if len(features.names) > len(order):
        lines.append(f"and {len(features.names) - len(order)} features that have moved less")
    return lines


def _layer_lines(layers: tuple[LayerShift, ...]) -> list[str]:
    lines = [f"\n{'inputs of':<24}{'mean/sd':>9}{'variance':>10}{'units moved':>15}  shift"]
    for layer in layers:
        units = f"{layer.units.n_shifted} of {len(layer.units.names)}"
        lines.append(
            f"{f'layer {layer.layer + 1}, BatchNorm':<24}{_compact(layer.mean_difference):>9}"
            f"{'x' + _compact(layer.variance_ratio):>10}{units:>15}  {layer.level}"
        )
    return lines


def _compact(value: float, sign: str = "") -> str:
    """Two decimals, or three digits where that is too long or too short."""
    plain = value == 0 or 0.01 <= abs(value) < 1000
    return f"{value:{sign}.2f}" if plain else f"{value:{sign}.2g}"
