"""Members: the networks of a tabular model, each with the encoder that it was trained with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn.model import Sequential
from fastnn.tabular.encoder import Encoder, network_input
from fastnn.tabular.parsed import Parsed, parse
from fastnn.tabular.table import Table
from fastnn.tabular.target import Target


@dataclass(frozen=True)
class Member:
    """One network, with all that was learned from the rows it was trained on.

    Attributes
    ----------
    encoder : Encoder
    median, factor : array (features,)
        Of the robust scaling that follows it.
    network : Sequential
    answers : array of int
        Numbers of the classes that its outputs stand for; of a regression none.
    mean, scale : float
        Of the target, in a regression.
    """

    encoder: Encoder
    median: np.ndarray
    factor: np.ndarray
    network: Sequential
    answers: np.ndarray
    mean: float = 0.0
    scale: float = 1.0

    def features(self, table: Table | Parsed) -> np.ndarray:
        """What the network reads, (n, features) float32."""
        if isinstance(table, Table):
            table = parse([rule.column for rule in self.encoder.rules], table)
        return self.expand(self.encoder.compact(table))

    def expand(self, compact: np.ndarray) -> np.ndarray:
        """The same, of what `Encoder.compact` gives."""
        return network_input(self.encoder, compact, self.median, self.factor)

    def answers_of(self, X: np.ndarray, target: Target) -> np.ndarray:
        """Probabilities (n, classes), also of classes that its rows lacked; or numbers (n,).

        X is what `features` gives.
        """
        found = self.network.predict(X).astype(np.float64)
        if target.task == "regression":
            return self.mean + self.scale * found[:, 0]
        if found.shape[1] == 1:
            found = np.hstack([1 - found, found])
        if len(self.answers) == len(target.classes):
            return found
        outputs = np.zeros((len(found), len(target.classes)))
        outputs[:, self.answers] = found
        return outputs
