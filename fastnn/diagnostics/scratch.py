"""What `check` looks at: a copy of the model, and some rows of the data."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from fastnn.inputs.reading import feature_rows, target_rows
from fastnn.inputs.rows import Part, Rows
from fastnn.layers import BatchNorm
from fastnn.model.sequential import Sequential
from fastnn.training import building

SAMPLE_ROWS = 1000
"""Rows on which activations are looked at."""
ONE_BATCH = 16
"""Rows of the batch that the network is to overfit."""


class Scratch:
    """A copy of a model, and the rows to look at; the model itself is only read.

    Attributes
    ----------
    model : Sequential
        The copy, built; an untrained one has the rows' statistics in its normalising layers.
    untrained : bool
        Whether the model has made no step.
    X, targets : ndarray (n, ...)
        All rows.
    sample : Rows
        Some of them, spread evenly.
    loss : Loss
        The model's, with the mean over the rows.
    """

    def __init__(self, model: Sequential, X: Any, y: Any, sample_weight: Any) -> None:
        self.setup, built = model._compiled(), model._network
        rows = built.read(X) if built else feature_rows(X, None, model.dtype)
        if len(rows.X) < 2:
            raise ValueError("X has 1 row; expected at least 2, so that outputs can differ")
        self.model, self.untrained = copy.deepcopy(model), model.step == 0
        self.model.build(rows.X.shape[1])
        self.network = self.model._built()
        self.layers, self.layout = self.network.layout.layers, self.network.layout
        rows = target_rows(rows, y, sample_weight, self.setup.form(self.layout, model.dtype))
        self.X, self.targets = rows.X, rows.targets
        self.sample = rows.block(_counted(rows))
        self.loss = replace(self.setup.loss, reduction="mean")
        self._normalise(rows)

    def _normalise(self, rows: Rows) -> None:
        """Give layers that have seen no data the statistics of the rows."""
        state = self.network.state
        if not state.is_fitted:
            building.fit_standardize(state, Part(rows))
        normed = [k for k, layer in enumerate(self.layers) if isinstance(layer, BatchNorm)]
        if not any(state.running(k)[2].any() for k in normed):
            building.exact_batchnorm(self.network, Part(self.sample))

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """Outputs (rows, units) of each layer for the sample, as the model predicts."""
        run = self.network.predict_run()
        return [run.predict(self.sample, last=k + 1) for k in range(len(self.layers))]

    @cached_property
    def target_size(self) -> float:
        """Root mean square of real targets; 0 for classes and counts."""
        if self.loss.targets != "real":
            return 0.0
        return float(np.sqrt(np.mean(np.square(self.targets, dtype=np.float64))))

    def mean_loss(self) -> float:
        """Of the sample, as the model predicts, penalties left out."""
        _, total = self.network.predict_run(self.loss).evaluate(self.sample)
        return total / Part(self.sample).weight("mean")

    def one_batch(self) -> Rows:
        """A few rows, spread over the targets, and no more than the parameters can fit."""
        key = targets = self.sample.targets
        if targets.ndim == 2:
            classes = self.loss.targets == "classes"
            key = targets.argmax(axis=1) if classes else targets[:, 0]
        order = np.argsort(key, kind="stable")
        learned = sum(t.size for t in self.layout.parameters if t.layer >= self.network.frozen)
        n_targets = self.loss.n_targets(self.layout.n_out)
        rows = min(int(np.clip(learned // (2 * n_targets), 2, ONE_BATCH)), len(order))
        chosen = spread(len(order), rows)
        if self.loss.targets == "real":
            # Not the most extreme ones, whose gradients no usual batch has.
            chosen = ((np.arange(rows) + 0.5) * len(order) / rows).astype(np.int64)
        return self.sample.block(np.sort(order[chosen]))


def _counted(rows: Rows) -> np.ndarray:
    """Row numbers of a sample of the rows that have a weight."""
    weight = rows.sample_weight
    counted = np.arange(len(rows.X)) if weight is None else np.flatnonzero(weight)
    if len(counted) < 2:
        raise ValueError("sample_weight is above 0 in 1 row; expected at least 2 such rows")
    return counted[spread(len(counted), SAMPLE_ROWS)]


def spread(n: int, count: int) -> np.ndarray:
    """At most `count` row numbers of n, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(np.int64))
