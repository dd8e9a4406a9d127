"""Sequential: layers in a row, and all that a person does with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn.engine.layout import Layout, check_order
from fastnn.export import Exports
from fastnn.history import History
from fastnn.inputs.calls import explained
from fastnn.inputs.columns import text_names
from fastnn.inputs.reading import feature_rows
from fastnn.layers import Standardize
from fastnn.model.tools import Tools
from fastnn.training import building, door, turns
from fastnn.training.divergence import DivergenceError
from fastnn.training.epochs import train
from fastnn.training.interrupts import Interrupts
from fastnn.training.job import Job
from fastnn.training.lbfgs import train_lbfgs
from fastnn.training.network import Network, Setup
from fastnn.training.settled import Settings, as_job


@explained
class Sequential(Tools, Exports):
    """A network: layers in a row.

    Parameters
    ----------
    layers : sequence of layers
        Such as ``[Dense(64), BatchNorm(), ReLU(), Dense(10), Softmax()]``.
    seed : int or None, default None
        Of initial weights, shuffling, splits and dropout: the same seed gives the same bits on any
        number of threads. None draws one.
    dtype : {"float32", "float64"}, default "float32"
        Of all arithmetic.

    Attributes
    ----------
    history : History
        What each epoch measured, over all calls of `fit`.
    feature_names : list of str or None
        Columns of the frame that it was trained on.
    epoch, step : int
        Epochs and updates made so far.
    learning_rate_factor : float
        Of the optimizer's learning rate or schedule, 1.0 at first; it may be changed at any time.

    Examples
    --------
    >>> from fastnn import Adam, BatchNorm, Dense, ReLU, Sequential, Softmax
    >>> from fastnn.datasets import load_digits
    >>> X, y = load_digits()
    >>> model = Sequential([Dense(64), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=0)
    >>> model.compile(optimizer=Adam(1e-3), loss="cross_entropy", metrics=["accuracy"])
    >>> history = model.fit(X, y, epochs=5, batch_size=32, validation_split=0.2, verbose=0)
    >>> history["val_accuracy"][-1] > 0.9
    True
    """

    def __init__(
        self, layers: Sequence[Any], seed: int | None = None, dtype: Any = "float32"
    ) -> None:
        self.layers = tuple(building.as_layers(layers))
        check_order(self.layers)
        self.dtype, self.seed = building.as_dtype(dtype), seed
        init, shuffle, dropout, self._split_seed = building.as_seeds(seed, 4)
        self._init_rng = np.random.default_rng(init)
        self._shuffle_rng = np.random.default_rng(shuffle)
        self._dropout_seed = int(dropout.generate_state(1, np.uint64)[0] >> 1)
        self.history = History()
        self._setup: Setup | None = None
        self._network: Network | None = None

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = "cross_entropy",
        metrics: Sequence[Any] = (),
        *,
        weighted_metrics: Sequence[Any] = (),
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        """Choose what training minimises, and how.

        Parameters
        ----------
        optimizer : str or optimizer, default "adam"
            Such as ``fastnn.Adam(1e-3)``; a name takes the defaults. Another one than before
            starts with an empty state. Another learning rate or schedule than before counts as it
            is: a schedule from its step 0, `learning_rate_factor` from 1. An equal schedule goes
            on where it stands, one that is over begins anew.
        loss : str, loss or njit function, default "cross_entropy"
            See `fastnn.losses`. "cross_entropy" needs `Softmax()` as the last layer,
            "binary_cross_entropy" needs `Sigmoid()`.
        metrics : sequence of str or callable ``(y, prediction) -> float``
            See `fastnn.metrics`. A fit first tries each on a few rows.
        weighted_metrics : sequence of the same, default ()
            Metrics that count each row by its `sample_weight`, where there is one; an own one is
            called as ``(y, prediction, sample_weight=weights)``. One that is also among the
            `metrics` is named "weighted_...".
        clip_norm, clip_value : float, optional
            Limit of the norm of the whole gradient, of each of its elements.

        Raises
        ------
        ValueError, TypeError
            For unknown names, a loss that does not fit the last layer, and own functions that do
            not compile; nothing is changed.
        """
        setup = door.as_setup(
            self.layers, optimizer, loss, metrics, weighted_metrics, clip_norm, clip_value
        )
        door.refuse_classes(self.layers, setup)
        door.try_own_parts(self.layers, setup.loss, self.dtype)
        turns.refuse(self, "compile")
        with Interrupts():
            before, self._setup = self._setup, setup
            if self._network is not None and before is not None:
                self._network.follow(before.optimizer, setup.optimizer)

    def fit(
        self,
        X: Any,
        y: Any,
        epochs: int = 1,
        batch_size: int | str | None = 32,
        *,
        shuffle: bool = True,
        validation_data: tuple | None = None,
        validation_split: Any = 0.0,
        validation_freq: int = 1,
        training_metrics: str = "running",
        sample_weight: Any = None,
        callbacks: Sequence[Any] = (),
        verbose: int | bool | str = "auto",
    ) -> History:
        """Train. Called again, it continues where it stopped, to the bit.

        That holds for a fit that Ctrl-C has broken off, too: with the same rows and batch size
        the next one first ends the epoch that was begun, as the first of its `epochs`.

        Parameters
        ----------
        X : array (n, features)
            Numbers of any type, also memory-mapped or a data frame; it is never changed, and an
            array is never copied as a whole. The names of a frame's columns are remembered: one
            with other columns, or in another order, is refused from then on.
        y : array (n,) or (n, targets)
            What the loss expects.
        epochs : int, default 1
            Passes over the rows, beyond those made before.
        batch_size : int, "auto" or None, default 32
            Rows a step; "auto" takes a power of two by the number of rows, None all of them. A
            last batch of one row joins the one before it.
        shuffle : bool, default True
            A fresh permutation every epoch.
        validation_data : (X, y) or (X, y, sample_weight), optional
        validation_split : float in (0, 1), True, row numbers, or a pair of them, default 0
            Share of the rows held out for validation, drawn at random, by class where y holds
            classes; True is 0.2. The same rows each time for the same seed. Or which rows (m,): a
            fold. Or (train, test), as scikit-learn's splitters give them: those of neither part
            are left out.
        validation_freq : int, default 1
            Validate after each so many epochs, and after the last one; the epochs between have
            NaN in the history's "val_..." columns.
        training_metrics : {"running", "full", "sample"}, default "running"
            On what training loss and metrics are measured: on each batch as training goes, which
            costs nothing, or after each epoch as the model predicts, on all training rows or on
            the same 1,000 of them.
        sample_weight : array (n,), optional
            How often each row counts, in the loss and in a Standardize.
        callbacks : sequence of Callback, or of callables ``(model, history)`` that may return True
        verbose : {"auto", 0, 1}
            Whether to show a progress line; "auto" does on a terminal.

        Returns
        -------
        history : History
            Of this fit; ``model.history`` is that of all of them.

        Raises
        ------
        ValueError, TypeError
            For data or settings that do not fit, before anything is changed.
        RuntimeError
            While another thread, or the caller of this callback, fits the same model. What other
            threads may do meanwhile is to predict, to save and to read weights: they find those
            between two steps.
        DivergenceError
            When the loss is not finite, or an update or a batch's statistics are not; the model
            keeps the last weights whose loss was finite, to the bit, with the optimizer's state
            and the statistics of that moment, or those that this fit began with.
        """
        setup = self._compiled()
        turn = turns.take(self)
        try:
            settings = Settings(
                epochs, batch_size, shuffle, validation_data, validation_split, validation_freq,
                training_metrics, callbacks, verbose,
            )  # fmt: skip
            network, squares = self._network, not isinstance(self.layers[0], Standardize)
            if network is None:
                rows = feature_rows(X, None, self.dtype, squares=squares)
                layout, names = Layout(self.layers, rows.X.shape[1]), None
            else:
                rows = network.read(X, squares=squares)
                layout, names = network.layout, network.feature_names
            names = names or text_names(X)
            job, columns = as_job(
                self, network, setup, layout, names, settings, rows, y, sample_weight
            )
            before = len(self.history)
            self._train(job, layout, names)
            return self.history.since(before, columns)
        finally:
            turn.end()

    def _train(self, job: Job, layout: Layout, names: tuple[str, ...] | None) -> None:
        """From here on the model changes."""
        network, data, setup = self._network, job.data, self._compiled()
        fitted = (
            network.state.is_fitted if network else not isinstance(layout.layers[0], Standardize)
        )
        found = None if fitted else building.standard_moments(data.training)
        built = network is not None
        if network is None or not fitted:
            with Interrupts():
                network = network or self._adopt(layout)
                if found is not None:
                    network.state.fit_moments(*found)
        network.feature_names = names
        if not built:
            building.warn_of_symmetry(network.state)
        start = network.step, network.epoch
        by = train_lbfgs if isinstance(setup.optimizer, optimizers.LBFGS) else train
        try:
            by(network, setup, self.history, job)
        except DivergenceError:
            if not fitted and start == (network.step, network.epoch):
                # The rows with which nothing was learned are not those to go by.
                network.state.forget_moments()
            raise

    def __repr__(self) -> str:
        return f"Sequential([{', '.join(map(repr, self.layers))}])"
