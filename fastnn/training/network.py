"""The two halves of a model: what it is to do (Setup), what it has become (Network)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.engine.buffers import State
from fastnn.engine.compilation import ensure
from fastnn.engine.judged import TrainingRun
from fastnn.engine.layout import Layout
from fastnn.engine.plan import Program, shared_program
from fastnn.engine.predictions import PredictRun, predict_rows
from fastnn.engine.run import shuffle
from fastnn.engine.threads import get_num_threads
from fastnn.inputs.arrays import check_finite
from fastnn.inputs.columns import check_names
from fastnn.inputs.reading import Form, feature_rows
from fastnn.inputs.rows import Rows
from fastnn.losses import Loss
from fastnn.metrics import Metric
from fastnn.optimizers import Optimizer
from fastnn.training.curvature import Curvature


@dataclass(frozen=True)
class Setup:
    """What `compile` has chosen."""

    optimizer: Optimizer
    loss: Loss
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    clip_norm: float = 0.0
    clip_value: float = 0.0
    weighted: frozenset[str] = frozenset()
    """Names of the metrics that weigh the rows."""
    multilabel: bool | None = None
    """Whether a row may have several labels; None: the outputs tell no labels."""
    shares: tuple[float, float] | None = None
    """Losses as scikit-learn counts them: what the data's part and the penalties count in those
    that are reported. A step's penalties are divided by the weight of its batch, and an epoch's
    loss is the mean over its rows, whatever their weights. None: fastnn's own count."""

    def settings(self) -> dict[str, Any]:
        """The fields of a run's CONTEXT record that it decides."""
        limits = {"clip_norm": self.clip_norm, "clip_value": self.clip_value}
        return {"optimizer": self.optimizer.kind, **self.optimizer.settings(), **limits}

    def form(self, layout: Layout, dtype: np.dtype, names: tuple[str, ...] | None = None) -> Form:
        """What a network of that layout, whose columns have these names, reads."""
        n_targets = self.loss.n_targets(layout.n_out)
        return Form(dtype, layout.n_in, layout.n_out, self.loss.targets, n_targets, names)


_NONE = None, None
AHEAD = 20
"""A schedule counts as over if it is so for the next 2^k steps, k up to this."""


@dataclass
class Partial:
    """An epoch begun: its rows in their order, and what its first `done` steps have left.

    That is each step's loss (n_steps,), the last one's gradient norm (1,), and where metrics read
    them the outputs (n, n_out). While they run, several epochs may make one record.

    `changes` is the state's count then: who has set weights since has ended the epoch.
    """

    order: np.ndarray
    batch_size: int
    shuffle: bool
    losses: np.ndarray
    norms: np.ndarray
    outputs: np.ndarray | None
    done: int
    changes: int

    def take_copies(self) -> None:
        """Share no array that steps, or the next draw, write to."""
        self.order = self.order.copy()
        self.losses, self.norms = self.losses.copy(), self.norms.copy()
        self.outputs = None if self.outputs is None else self.outputs.copy()

    def continues(self, index: np.ndarray, batch_size: int, shuffle: bool, outputs: bool) -> bool:
        """Whether an epoch over these rows may go on with it."""
        return (
            (self.batch_size, self.shuffle) == (batch_size, shuffle)
            and (self.outputs is not None) == outputs
            and len(self.order) == len(index)
            and bool(np.array_equal(np.sort(self.order), np.sort(index)))
        )


class Network:
    """A built model: its layout, its state, how far it has come, and its prepared runs.

    Parameters
    ----------
    layout : Layout
    dtype : dtype
    rng : np.random.Generator
        Shuffles the rows of each epoch.
    dropout_seed : int
    """

    def __init__(
        self, layout: Layout, dtype: np.dtype, rng: np.random.Generator, dropout_seed: int
    ) -> None:
        self.layout, self.dtype = layout, dtype
        self.state = State(layout, dtype)
        self.rng, self.dropout_seed = rng, dropout_seed
        self.step = self.epoch = 0
        self.schedule_start = 0
        """The step of the model that is step 0 of its learning-rate schedule."""
        self.frozen = 0
        self.is_mid_epoch = False
        """While callbacks look at it between two steps."""
        self.feature_names: tuple[str, ...] | None = None
        """Columns of the frame that it was trained on."""
        self.learning_rate_factor = 1.0
        self.partial: Partial | None = None
        self.curvature: Curvature | None = None
        """What L-BFGS has found."""
        self._forget_runs()

    @property
    def lock(self) -> Any:
        """Held from step to step and from epoch to epoch: outside it, all is of one moment."""
        return self.state.lock

    def _forget_runs(self) -> None:
        self._spare: dict[int, np.ndarray] = {}
        self._changes_seen = self._changes_checked = -1
        self._runs: dict[str, tuple[Any, Any]] = {}
        self.settled: Any = None
        """What the settings of the last fit have come to: see `settled.Plan`."""

    def __getstate__(self) -> dict[str, Any]:
        """All but the runs, which hold addresses, and the snapshots."""
        left_out = ("_runs", "settled", "_spare", "_changes_seen", "_changes_checked")
        with self.lock:
            kept = {name: value for name, value in vars(self).items() if name not in left_out}
            # Another thread may go on with them before they are written.
            for name in ("state", "partial"):
                kept[name] = copy.copy(kept[name])
            if kept["partial"] is not None:
                kept["partial"].take_copies()
        return kept

    def __setstate__(self, fields: dict[str, Any]) -> None:
        # Pickles of version 0.1 tell nothing of these.
        missing = {"schedule_start": 0, "curvature": None, "feature_names": None,
                   "is_mid_epoch": False}  # fmt: skip
        vars(self).update(missing | fields)
        self._forget_runs()

    def take_layout(self, layout: Layout) -> None:
        """Go on with other settings of the layers; their arrays must be the same."""
        if (layout.parameters, layout.running) != (self.layout.parameters, self.layout.running):
            raise ValueError("the layers need other arrays; make a new model of them")
        self.layout = self.state.layout = layout
        self._runs.clear()

    def follow(self, old: Optimizer, new: Optimizer) -> None:
        """Go on under another optimizer: of the old one, what the new one does not share ends."""
        # Losses and optimizers of a user's own class may compare equal and yet differ.
        self._runs.clear()
        if old.state_is_for != new.state_is_for:
            self.state.reset_optimizer()
            self.curvature = None
            self.step = self.schedule_start = 0
            self.learning_rate_factor = 1.0
        elif old.learning_rate != new.learning_rate:
            self.schedule_start, self.learning_rate_factor = self.step, 1.0
        elif new.is_over(self.step - self.schedule_start + 2 ** np.arange(AHEAD) - 1):
            self.schedule_start = self.step

    def scheduled(self, optimizer: Optimizer) -> Callable[[int, int], np.ndarray]:
        """The optimizer's learning rates (n,) of the model's steps first, first + 1, ..."""
        return lambda first, n: optimizer.rates(first - self.schedule_start, n)

    @property
    def drawn(self) -> Any:
        """Where the generator of the sequences stands."""
        return self.rng.bit_generator.state

    @drawn.setter
    def drawn(self, state: Any) -> None:
        self.rng.bit_generator.state = state

    def draw_orders(self, index: np.ndarray, orders: np.ndarray, shuffled: bool) -> None:
        """Write the sequence of the rows of index (n,) in each epoch into orders (epochs, n)."""
        if not shuffled:
            orders[:] = index
            return
        self.rng.random(out=orders.view(np.float64))
        shuffle(np.ascontiguousarray(index, np.int64), orders, self.dtype)

    def spare(self, number: int) -> np.ndarray:
        """Room for a copy of the state, kept from fit to fit."""
        if number not in self._spare:
            self._spare[number] = np.empty_like(self.state.values)
        return self._spare[number]

    @property
    def was_changed(self) -> bool:
        """Whether somebody has set weights since the last step."""
        return self._changes_seen != self.state.changes

    def advance(self, steps: int) -> None:
        """Count steps taken."""
        self.step += steps
        self._changes_seen = self.state.changes
        if self.partial is not None:
            self.partial.done += steps
            self.partial.changes = self.state.changes

    def finish_epochs(self, count: int) -> None:
        """Count epochs."""
        self.epoch += count
        self.partial = None

    def restore(self, values: np.ndarray, step: int) -> None:
        """To a copy of the state, of so many steps."""
        self.state.restore(values)
        self.step = step
        # A schedule that has begun since begins anew.
        self.schedule_start = min(self.schedule_start, step)
        self.partial = None

    def read(self, X: Any, name: str = "X", squares: bool = False) -> Rows:
        """Rows without targets; a frame's columns must be those of the training."""
        if self.takes_plainly(X):
            check_finite(X, name, self.dtype, squares=squares)
            return Rows(X, True)
        check_names(X, self.feature_names, name)
        return feature_rows(X, self.layout.n_in, self.dtype, name, squares)

    def takes_plainly(self, X: Any) -> bool:
        """Whether X needs no cast and has no other shape: an array of the network's own form."""
        return (
            type(X) is np.ndarray
            and X.dtype == self.dtype
            and X.ndim == 2
            and X.shape[1] == self.layout.n_in
            and bool(X.flags.carray and X.size)
        )

    def training_run(self, setup: Setup, rows: int) -> TrainingRun:
        """Steps of at most so many rows; prepared once for a setup and a size."""

        threads = get_num_threads()
        key = setup, rows, threads, self.frozen
        known, run = self._runs.get("train", _NONE)
        if known == key:
            return run

        def prepare() -> TrainingRun:
            program = shared_program(
                self.layout, rows, setup.loss, frozen=self.frozen, clip_norm=setup.clip_norm > 0
            )
            return TrainingRun(
                program, self.state, setup.settings(), self.dropout_seed, threads, setup.shares
            )

        return self._prepare("train", key, prepare)

    def gradient_run(
        self, loss: Loss, rows: int, shares: tuple[float, float] | None = None
    ) -> TrainingRun:
        """A run that leaves the gradient of one batch in its gradient vector."""
        ensure(self.dtype)
        program = Program(self.layout, rows, loss, frozen=self.frozen, gradient_only=True)
        threads = get_num_threads()
        return TrainingRun(program, self.state, {}, self.dropout_seed, threads, shares)

    def predict_run(self, loss: Loss | None = None) -> PredictRun:
        """Rows through the network as it predicts; with a loss it can evaluate that too."""

        if self._changes_checked != self.state.changes:
            self.check_fitted()
        key = loss, get_num_threads()
        known, run = self._runs.get("predict", _NONE)
        if known == key:
            return run

        def prepare() -> PredictRun:
            rows = predict_rows(self.layout)
            program = shared_program(self.layout, rows, loss, keeps_copies=False)
            return PredictRun(program, self.state, key[1])

        return self._prepare("predict", key, prepare)

    def check_fitted(self) -> None:
        """Refuse to predict with a Standardize that knows nothing of the features."""
        if not self.state.is_fitted:
            raise ValueError(
                "Standardize is not fitted yet, so the model cannot predict; call fit, or take "
                "the statistics of another model with set_weights or initialize_from"
            )
        self._changes_checked = self.state.changes

    def _prepare(self, kind: str, key: Any, prepare: Callable[[], Any]) -> Any:
        """The run of a kind; the one before it was for something else."""
        # First, for it may import what the rest needs.
        ensure(self.dtype)
        with self.lock:
            run = prepare()
            self._runs[kind] = key, run
        return run
