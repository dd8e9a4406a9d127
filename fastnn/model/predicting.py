"""What a trained model answers, and how well."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.inputs.calls import explained, wrong_call
from fastnn.inputs.notes import warn
from fastnn.inputs.reading import target_rows
from fastnn.inputs.rows import Part
from fastnn.model.weights import Weights
from fastnn.training import building
from fastnn.training.measuring import score


def plain_predict(X: Any) -> None:
    """The arguments of `predict`."""


class Predicting(Weights):
    """The half of a model that predicts."""

    @explained
    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics on given rows, as the model predicts.

        Returns
        -------
        scores : dict
            "loss" (penalties included) and one entry a metric.
        """
        network, setup = self._built(), self._compiled()
        layout = network.layout
        rows = network.read(X)
        rows = target_rows(rows, y, sample_weight, setup.form(layout, self.dtype))
        return score(network, setup, Part(rows))

    def predict(self, X: Any, **others: Any) -> np.ndarray:
        """The network's outputs (n, n_outputs) for X (n, features): probabilities, or values.

        A warning says so where they are NaN: numbers too large for the model's type meet in a row.
        """
        if others:
            # Here, for a wrapper would take longer than a small network.
            raise TypeError(wrong_call(plain_predict, "predict", (X,), others))
        network = self._built()
        run = network.predict_run()
        outputs = run.predict_plain(X)
        if outputs is not None:
            return outputs
        outputs = run.predict(network.read(X))
        bad = np.flatnonzero(np.isnan(outputs).any(axis=1))
        if len(bad):
            also = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            warn(
                f"predict gives NaN in row {bad[0]}{also}: in X, or in the weights, numbers are "
                f"too large for {self.dtype}; scale the features, with Standardize() as the first "
                "layer, or leave such rows out",
                RuntimeWarning,
            )
        return outputs

    @explained
    def predict_classes(self, X: Any) -> np.ndarray:
        """The most probable class of each row, (n,) int64.

        With `Sigmoid` last, whether each output is above 0.5: (n,) for one, (n, K) for several.

        Raises
        ------
        ValueError
            For a regression, whose outputs are numbers.
        """
        several, setup = building.is_multilabel(self.layers), self._setup
        numbers = setup is not None and building.fits_numbers(self.layers, setup.loss)
        if several is None and (numbers or self._built().layout.n_out == 1):
            raise ValueError(
                f"the model ends with {self.layers[-1].name}: its outputs are numbers, no classes; "
                "use predict, or end the model with Softmax() or Sigmoid()"
            )
        outputs = self.predict(X)
        if several:
            chosen = (outputs > 0.5).astype(np.int64)
            return chosen[:, 0] if chosen.shape[1] == 1 else chosen
        return np.argmax(outputs, axis=1)

    @explained
    def recompute_batchnorm(self, X: Any) -> None:
        """Replace the running averages of batch norm by the exact statistics of X (n, features)."""
        network = self._built()
        rows = network.read(X)
        building.exact_batchnorm(network, Part(rows))
