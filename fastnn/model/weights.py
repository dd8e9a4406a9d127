"""Weights: what a model holds of its network, read, set, copied and gone back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.engine.layout import STANDARDIZE_NAMES, Layout
from fastnn.history import History
from fastnn.inputs.calls import explained
from fastnn.inputs.settings import Range, check_count
from fastnn.layers import Layer
from fastnn.optimizers import Optimizer
from fastnn.training import building, turns
from fastnn.training.curvature import Curvature
from fastnn.training.interrupts import Interrupts
from fastnn.training.network import Network, Setup

MOMENTS = tuple(f"0.{name}" for name in STANDARDIZE_NAMES)
"""What a model keeps of its Standardize, which is the first layer."""


class Snapshot(NamedTuple):
    """A copy of all that training changes: see `Sequential.snapshot`."""

    values: np.ndarray
    step: int
    schedule_start: int
    learning_rate_factor: float
    optimizer: Optimizer | None
    """Whose state it is."""
    curvature: Curvature | None = None


@explained
class Weights:
    """The half of a model that holds its network."""

    layers: tuple[Layer, ...]
    dtype: np.dtype
    seed: int | None
    history: History
    _init_rng: np.random.Generator
    _shuffle_rng: np.random.Generator
    _dropout_seed: int
    _split_seed: np.random.SeedSequence
    _network: Network | None = None
    _setup: Setup | None = None

    def build(self, n_features: int) -> Any:
        """Lay out and draw the weights for so many input features; `fit` does it by itself."""
        check_count(n_features, "n_features")
        if self._network is None:
            self._adopt(Layout(self.layers, n_features))
        elif self._network.layout.n_in != n_features:
            raise ValueError(
                f"the model was built for {self._network.layout.n_in} features; got {n_features}; "
                "make a new model for other features"
            )
        return self

    def _adopt(self, layout: Layout) -> Network:
        """The network of a layout, new weights drawn."""
        network = Network(layout, self.dtype, self._shuffle_rng, self._dropout_seed)
        # What is drawn is the model's: both or neither.
        with Interrupts(), network.lock:
            building.draw_weights(network.state, self._init_rng)
            self._network = network
        return network

    @property
    def epoch(self) -> int:
        """Number of epochs made, over the model's life."""
        return self._network.epoch if self._network else 0

    @property
    def step(self) -> int:
        """Number of updates made; under an optimizer of another kind it counts from 0 again."""
        return self._network.step if self._network else 0

    @property
    def feature_names(self) -> list[str] | None:
        """Columns of the frame that it was trained on; None where it was an array."""
        names = self._network.feature_names if self._network else None
        return None if names is None else list(names)

    @property
    def learning_rate_factor(self) -> float:
        """Multiplies what the optimizer's learning rate or schedule gives."""
        return self._built().learning_rate_factor

    @learning_rate_factor.setter
    def learning_rate_factor(self, factor: float) -> None:
        if not Range(0).holds(factor):
            raise ValueError(f"learning_rate_factor is {factor!r}; expected a {Range(0)}")
        self._built().learning_rate_factor = float(factor)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all arrays, layer by layer: W, b; gamma, beta, running mean and variance.

        Of `Standardize` mean and deviation, the mean in float64; before it is fitted 0 and 1.
        """
        network = self._built()
        with network.lock:
            return [array.copy() for _, array in network.state.arrays()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all arrays, in the form that `get_weights` returns.

        A model that is not built yet takes its number of features from the first array. An error
        names the array that does not fit; then nothing is changed. A `Standardize` that is not
        fitted stays so where it is given 0 and 1, as it reports them.
        """
        given, network = building.listed(weights), self._network
        layout = network.layout if network else building.layout_for(self.layers, given)
        arrays = building.as_weights(given, layout, self.dtype)
        with Interrupts():
            (network or self._adopt(layout)).state.set_arrays(arrays)

    def initialize_from(self, other: Weights, freeze: int = 0) -> list[str]:
        """Take over another model's arrays, layer by layer, where the shapes match (pretraining).

        Parameters
        ----------
        other : Sequential
            A built model. Its number of features is taken where this one is not built.
        freeze : int, default 0
            Number of first layers that are then held fixed: `fit` neither changes their weights
            nor, for batch norm, their statistics.

        Returns
        -------
        copied : list of str
            Names of the arrays that were taken, such as "0.W".
        """
        if not isinstance(other, Weights):
            raise TypeError(f"got {other!r:.60}; expected another Sequential, with weights")
        source, network = other._built(), self._network
        if check_count(freeze, "freeze", 0) > len(self.layers):
            raise ValueError(f"freeze is {freeze}; expected 0 to {len(self.layers)} layers")
        layout = network.layout if network else Layout(self.layers, source.layout.n_in)
        shapes = layout.array_names()
        nothing = () if source.state.is_fitted else MOMENTS
        taken = {
            name: building.in_range(array, name, self.dtype)
            for name, array in source.state.arrays()
            if shapes.get(name) == array.shape and name not in nothing
        }
        turns.refuse(self, "initialize_from")
        with Interrupts():
            network = network or self._adopt(layout)
            mine = dict(network.state.arrays())
            network.state.set_arrays(list((mine | taken).values()))
            if taken.keys() >= set(MOMENTS):
                # Also where they are 0 and 1.
                network.state.fit_moments(*(taken[name] for name in MOMENTS))
            network.frozen = int(freeze)
        return [name for name in mine if name in taken]

    def snapshot(self) -> Snapshot:
        """A copy of all that training changes, to `restore` later.

        That is weights, running statistics, the optimizer's state, its step and
        `learning_rate_factor`.

        Examples
        --------
        >>> from fastnn import Dense, Sequential
        >>> model = Sequential([Dense(1)], seed=0).build(2)
        >>> before = model.snapshot()
        >>> model.set_weights([[[1], [2]], [3]])
        >>> model.restore(before)
        >>> float(model.get_weights()[1][0])
        0.0
        """
        network = self._built()
        with network.lock:
            optimizer = None if self._setup is None else self._setup.optimizer
            return Snapshot(
                network.state.values.copy(), network.step, network.schedule_start,
                network.learning_rate_factor, optimizer, network.curvature,
            )  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this model, to the bit; history and epochs stay.

        If the model was compiled since, with another optimizer or learning rate, it goes on from
        there as `compile` says. A callback may call it at the end of an epoch, not within one.
        """
        if not isinstance(snapshot, Snapshot):
            raise TypeError(f"got {snapshot!r:.60}; expected what snapshot() has returned")
        network, values = self._built(), snapshot.values
        if values.shape != network.state.values.shape:
            raise ValueError(
                f"the snapshot holds {len(values)} numbers, this model {len(network.state.values)};"
                " take a snapshot of the same model"
            )
        turns.refuse(self, "restore", own=network.is_mid_epoch)
        with Interrupts(), network.lock:
            same = snapshot.step == network.step and np.array_equal(
                values.view(np.uint8), network.state.values.view(np.uint8)
            )
            if not same:
                network.restore(values, snapshot.step)
            network.schedule_start = snapshot.schedule_start
            network.learning_rate_factor = snapshot.learning_rate_factor
            network.curvature = snapshot.curvature
            now = None if self._setup is None else self._setup.optimizer
            if now is not None and snapshot.optimizer not in (None, now):
                network.follow(snapshot.optimizer, now)

    def _change(self, layers: tuple[Layer, ...], setup: Setup) -> None:
        """Take layers of the same arrays, and another setup; the state stays."""
        turns.refuse(self, "set")
        with Interrupts():
            if self._network is not None:
                self._network.take_layout(Layout(layers, self._network.layout.n_in))
                self._network.follow(self._compiled().optimizer, setup.optimizer)
            self.layers, self._setup = layers, setup

    def _built(self) -> Network:
        if self._network is None:
            raise ValueError("the model has no weights yet; call fit, or build(n_features)")
        return self._network

    def _compiled(self) -> Setup:
        if self._setup is None:
            raise ValueError("the model is not compiled; call compile(optimizer, loss) first")
        return self._setup
