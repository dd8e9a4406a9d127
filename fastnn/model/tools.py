"""What else a person does with a model: look at it, find its learning rate, save it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn.engine.layout import Layout
from fastnn.inputs.calls import explained
from fastnn.inputs.screens import say
from fastnn.kernels.machine.locks import loading
from fastnn.model.predicting import Predicting
from fastnn.model.summary import describe, drawn

if TYPE_CHECKING:
    from fastnn.training.lr_find import LearningRateFinder


@explained
class Tools(Predicting):
    """The part of a model that shows, tries and saves it."""

    def lr_find(self, X: Any, y: Any, **settings: Any) -> LearningRateFinder:
        """Suggest a learning rate, by a copy trained with a growing one; the model stays as it is.

        Parameters
        ----------
        X, y : arrays
            As for `fit`.
        **settings
            Of the range test: low, high, steps, batch_size, sample_weight.

        Returns
        -------
        result : LearningRateFinder
            ``result.suggestion``; `fastnn.plotting.learning_rate_finder` draws it.
        """
        with loading:
            from fastnn.training.lr_find import lr_find
        return lr_find(self, X, y, **settings)

    def save(self, path: str | Path) -> None:
        """Write the model to a file: `fastnn.load` brings it back to the bit, in any process.

        Parameters
        ----------
        path : path
            Of a safetensors file; one that exists is replaced, whole or not at all. It holds
            weights, running statistics, optimizer state, generators, settings and history, also
            the place in an epoch that was broken off. Functions of the user's own are named only:
            `fastnn.load` wants them back.

        Raises
        ------
        OSError
            Where it cannot be written; an old file is left as it was.
        TypeError, ValueError
            For parts that no file can hold.
        """
        with loading:
            from fastnn.model.saving import save
        save(self, path)

    def summary(self) -> None:
        """Print the layers, their output widths and their numbers of parameters."""
        say(describe(self.layers, *self._state_of_layers()))

    def _repr_html_(self) -> str:
        """What a notebook shows: the table of `summary`."""
        return drawn(self.layers, *self._state_of_layers())

    def _state_of_layers(self) -> tuple[Layout | None, int, bool]:
        """The layout, how many layers are frozen, and whether the first knows its features."""
        network = self._network
        if network is None:
            return None, 0, True
        return network.layout, network.frozen, network.state.is_fitted
