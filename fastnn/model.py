"""Floor 3. Sequential: layers in a row, and all that a person does with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn import callbacks as callback_module
from fastnn import layers, losses, optimizers
from fastnn import metrics as metric_functions
from fastnn.building import (
    build_state,
    check_output,
    exact_batchnorm,
    fit_standardize,
    infer_features,
    warn_of_symmetry,
)
from fastnn.data import as_features, as_sample_weight, as_targets, check_count, gather_kind, split
from fastnn.engine import PredictRun, Rows, TrainingRun, predict_rows
from fastnn.history import History
from fastnn.lbfgs import train_lbfgs
from fastnn.plan import Layout, Program, check_order
from fastnn.summary import describe
from fastnn.threads import get_num_threads
from fastnn.training import Epochs, Validation, automatic_batch_size, score, train


class Sequential:
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
        self.layers = tuple(_layers(layers))
        check_order(self.layers)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype is {dtype!r}; expected float32 or float64")
        if seed is not None and (not isinstance(seed, int | np.integer) or seed < 0):
            raise ValueError(f"seed is {seed!r}; expected a whole number of at least 0, or None")
        self._seeds = np.random.SeedSequence(seed)
        init, shuffle, dropout, self._split_seed = self._seeds.spawn(4)
        self._init_rng = np.random.default_rng(init)
        self._rng = np.random.default_rng(shuffle)
        self._dropout_seed = int(dropout.generate_state(1, np.uint64)[0] >> 1)
        self.history = History()
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: losses.Loss | None = None
        self.metrics: dict[str, Callable] = {}
        self.clip_norm = self.clip_value = 0.0
        self.frozen = 0
        self._step = self._epoch = 0
        self._layout: Layout | None = None

    def build(self, n_features: int) -> Sequential:
        """Lay out and draw the weights for so many input features; `fit` does it by itself."""
        check_count(n_features, "n_features")
        if self._layout is not None and self._layout.n_in != n_features:
            raise ValueError(
                f"the model was built for {self._layout.n_in} features; got {n_features}"
            )
        if self._layout is None:
            layout = Layout(self.layers, n_features)
            self._state = build_state(layout, self.dtype, self._init_rng)
            self._layout = layout
            self._prepared: dict[Any, Any] = {}
        return self

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = "cross_entropy",
        metrics: Sequence[Any] = (),
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        """Choose what training minimises, and how.

        Parameters
        ----------
        optimizer : str or optimizer, default "adam"
            Such as ``fastnn.Adam(1e-3)``; a name takes the defaults. Another one than before
            starts with an empty state.
        loss : str, loss or njit function, default "cross_entropy"
            See `fastnn.losses`. "cross_entropy" needs `Softmax()` as the last layer,
            "binary_cross_entropy" needs `Sigmoid()`.
        metrics : sequence of str or callable ``(y, prediction) -> float``
            See `fastnn.metrics`.
        clip_norm, clip_value : float, optional
            Limit of the norm of the whole gradient, of each of its elements.

        Raises
        ------
        ValueError, TypeError
            For unknown names and for a loss that does not fit the last layer; nothing is changed.
        """
        if isinstance(metrics, str) or not isinstance(metrics, Sequence):
            raise TypeError(f'metrics is {metrics!r}; expected a list, such as ["accuracy"]')
        new_optimizer, new_loss = optimizers.get(optimizer), losses.get(loss)
        check_output(self.layers, new_loss)
        new_metrics = dict(metric_functions.get(m) for m in metrics)
        limits = {"clip_norm": clip_norm, "clip_value": clip_value}
        for name, limit in limits.items():
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} is {limit!r}; expected a number above 0, or None")
        if self._layout is not None and type(new_optimizer) is not type(self.optimizer):
            self._state.reset_optimizer()
            self._step = 0
        self.optimizer, self.loss, self.metrics = new_optimizer, new_loss, new_metrics
        self.clip_norm, self.clip_value = (float(limit or 0) for limit in limits.values())
        self._prepared = {}

    def fit(
        self,
        X: Any,
        y: Any,
        epochs: int = 1,
        batch_size: int | str | None = 32,
        *,
        shuffle: bool = True,
        validation_data: tuple | None = None,
        validation_split: float | bool = 0.0,
        sample_weight: Any = None,
        callbacks: Sequence[Any] = (),
        verbose: int | bool | str = "auto",
    ) -> History:
        """Train. Called again, it continues where it stopped, to the bit.

        Parameters
        ----------
        X : array (n, features)
            Numbers of any type, also memory-mapped or a data frame; it is never changed, and an
            array is never copied as a whole.
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
        validation_split : float in (0, 1) or True, default 0
            Share of the rows held out for validation, drawn at random, by class where y holds
            classes; True is 0.2. The same rows each time for the same seed.
        sample_weight : array (n,), optional
        callbacks : sequence of Callback, or of callables ``(model, history)`` that may return True
        verbose : {"auto", 0, 1}
            Whether to show a progress line; "auto" does on a terminal.

        Returns
        -------
        history : History
            Also ``model.history``.

        Raises
        ------
        ValueError, TypeError
            For data or settings that do not fit, before anything is changed.
        DivergenceError
            When the loss is not finite; the last finite weights are kept.
        """
        optimizer = self._compiled()
        check_count(epochs, "epochs")
        features = self._features(X)
        layout = self._layout or Layout(self.layers, features.shape[1])
        rows = self._rows(features, y, sample_weight, layout)
        index, validation = self._split(rows, layout, validation_data, validation_split)
        n_batch = _batch_size(batch_size, len(index), optimizer)
        if isinstance(optimizer, optimizers.LBFGS):
            _refuse_l1(self.layers)
        listeners = [callback_module.get(c) for c in callbacks]
        progress = callback_module.Progress()
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose is {verbose!r}; expected "auto", 0 or 1')
        if verbose in (1, 2) or (verbose == "auto" and progress.is_live()):
            listeners.append(progress)
        optimizer.rates(self._step, 1)

        first = self._layout is None
        self.build(features.shape[1])
        if first:
            fit_standardize(self._layout, self._state, rows.X, index)
            warn_of_symmetry(self._layout, self._state)
        if isinstance(optimizer, optimizers.LBFGS):
            train_lbfgs(self, rows, index, epochs, validation, listeners)
        else:
            train(self, Epochs(self, rows, index, n_batch), epochs, shuffle, validation, listeners)
        return self.history

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics on given rows, as the model predicts.

        Returns
        -------
        scores : dict
            "loss" (penalties included) and one entry a metric.
        """
        self._compiled()
        rows = self._rows(self._features(X, built=True), y, sample_weight, self._layout)
        return score(self, self._predict_run(), rows, None)

    def predict(self, X: Any) -> np.ndarray:
        """The network's outputs (n, n_outputs) for X (n, features): probabilities, or values."""
        features = self._features(X, built=True)
        return self._predict_run().predict(Rows(features, gather_kind(features) is not None))

    def predict_classes(self, X: Any) -> np.ndarray:
        """The most probable class of each row, (n,) int64.

        With `Sigmoid` last, whether each output is above 0.5: (n,) for one, (n, K) for several.
        """
        outputs = self.predict(X)
        if isinstance(self.layers[-1], layers.Sigmoid):
            chosen = (outputs > 0.5).astype(np.int64)
            return chosen[:, 0] if chosen.shape[1] == 1 else chosen
        return np.argmax(outputs, axis=1)

    def recompute_batchnorm(self, X: Any) -> None:
        """Replace the running averages of batch norm by the exact statistics of X (n, features)."""
        features = self._features(X, built=True)
        rows = Rows(features, gather_kind(features) is not None)
        exact_batchnorm(self._layout, self._state, self._predict_run(), rows)

    def summary(self) -> None:
        """Print the layers, their output widths and their numbers of parameters."""
        print(describe(self.layers, self._layout, self.frozen))

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all arrays, layer by layer: W, b; gamma, beta, running mean and variance."""
        self._built()
        return [array.copy() for _, array in self._state.arrays()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all arrays, in the form that `get_weights` returns.

        A model that is not built yet takes its number of features from the first array. A
        ValueError names the array whose shape differs; then nothing is changed.
        """
        given = [np.asarray(w, dtype=np.float64) for w in weights]
        layout = self._layout or Layout(self.layers, infer_features(given))
        names = layout.array_names()
        if len(given) != len(names):
            raise ValueError(f"got {len(given)} arrays; expected {len(names)}: {list(names)}")
        for (name, shape), array in zip(names.items(), given, strict=True):
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}; expected {shape}")
        self.build(layout.n_in)
        self._state.set_arrays(given)

    def initialize_from(self, other: Sequential, freeze: int = 0) -> list[str]:
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
        other._built()
        if not 0 <= freeze <= len(self.layers):
            raise ValueError(f"freeze is {freeze}; expected 0 to {len(self.layers)} layers")
        self.build(self._layout.n_in if self._layout else other._layout.n_in)
        theirs = dict(other._state.arrays())
        copied = []
        mine = []
        for name, array in self._state.arrays():
            source = theirs.get(name)
            fits = source is not None and source.shape == array.shape
            mine.append(source if fits else array)
            copied += [name] * fits
        self._state.set_arrays(mine)
        self.frozen = freeze
        self._prepared = {}
        return copied

    def __repr__(self) -> str:
        return f"Sequential([{', '.join(map(repr, self.layers))}])"

    def _built(self) -> None:
        if self._layout is None:
            raise ValueError("the model has no weights yet; call fit, or build(n_features)")

    def _compiled(self) -> optimizers.Optimizer:
        if self.optimizer is None:
            raise ValueError("the model is not compiled; call compile(optimizer, loss) first")
        return self.optimizer

    def _features(self, X: Any, built: bool = False) -> np.ndarray:
        if built:
            self._built()
        n = self._layout.n_in if self._layout else None
        return as_features(X, n_features=n, dtype=self.dtype)

    def _rows(self, X: np.ndarray, y: Any, sample_weight: Any, layout: Layout) -> Rows:
        n_targets = self.loss.n_targets(layout.n_out)
        found = as_targets(
            y, self.loss.targets, layout.n_out, len(X), self.dtype, n_targets=n_targets
        )
        weight = as_sample_weight(sample_weight, len(X), np.float64)
        return Rows(X, gather_kind(X) is not None, found.array, found.labels, weight)

    def _split(
        self, rows: Rows, layout: Layout, data: Any, share: float | bool
    ) -> tuple[np.ndarray, Validation | None]:
        everything = np.arange(len(rows.X))
        if data is not None:
            if share:
                raise ValueError("got validation_data and validation_split; pass one of them")
            if not isinstance(data, tuple | list) or len(data) not in (2, 3):
                raise ValueError("validation_data is not (X, y) or (X, y, sample_weight)")
            X = as_features(data[0], n_features=layout.n_in, name="validation X", dtype=self.dtype)
            weight = data[2] if len(data) == 3 else None
            return everything, Validation(self._rows(X, data[1], weight, layout), None)
        if not share:
            return everything, None
        fraction = 0.2 if share is True else share
        rng = np.random.default_rng(self._split_seed)
        by_class = self.loss.targets == "classes"
        train_index, held_out = split(rows.y if by_class else len(rows.X), fraction, rng)
        return train_index, Validation(rows, held_out)

    def _settings(self) -> dict[str, Any]:
        chosen = self.optimizer.settings()
        limits = {"clip_norm": self.clip_norm, "clip_value": self.clip_value}
        return {"optimizer": self.optimizer.kind, **chosen, **limits}

    def _training_run(self, rows: int) -> TrainingRun:
        key = "train", rows, get_num_threads()
        if key not in self._prepared:
            program = Program(
                self._layout, rows, self.loss, frozen=self.frozen, clip_norm=self.clip_norm > 0
            )
            self._prepared = {k: v for k, v in self._prepared.items() if k[0] != "train"}
            self._prepared[key] = TrainingRun(
                program, self._state, self._settings(), self._dropout_seed, key[2]
            )
        return self._prepared[key]

    def _predict_run(self) -> PredictRun:
        key = "predict", get_num_threads()
        if key not in self._prepared:
            program = Program(self._layout, predict_rows(self._layout), self.loss)
            self._prepared[key] = PredictRun(program, self._state, key[1])
        return self._prepared[key]

    def _penalty(self) -> float:
        return self._state.penalty()


def _layers(given: Sequence[Any]) -> list[layers.Layer]:
    if isinstance(given, str | layers.Layer) or not isinstance(given, Sequence):
        raise TypeError(f"got {given!r}; expected a list of layers, such as [Dense(1)]")
    return [layers.get(layer) for layer in given]


def _refuse_l1(given: Sequence[layers.Layer]) -> None:
    for k, layer in enumerate(given):
        if getattr(layer, "l1", 0) > 0:
            raise ValueError(
                f"layer {k + 1} has l1={layer.l1}; LBFGS needs a smooth loss, and L1 has a kink "  # type: ignore[attr-defined]
                "at 0: use l2, or another optimizer"
            )


def _batch_size(given: Any, n: int, optimizer: optimizers.Optimizer) -> int:
    if given is None:
        return n
    if isinstance(given, str):
        if given != "auto":
            raise ValueError(f'batch_size is {given!r}; expected a whole number, "auto" or None')
        return n if optimizer.full_batch else automatic_batch_size(n)
    size = min(check_count(given, "batch_size"), n)
    if optimizer.full_batch and size < n:
        raise ValueError(
            f"batch_size is {size} for {n} rows; {type(optimizer).__name__} needs the full batch: "
            "it goes by the gradient of all rows, and a mini-batch's differs in sign and size. "
            "Pass batch_size=None, or use RMSprop or Adam, which are made for mini-batches"
        )
    return size
