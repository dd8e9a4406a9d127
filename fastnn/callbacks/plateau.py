"""Reduce on plateau: a smaller learning rate when a column has stopped improving."""

import math
from typing import Any

from fastnn.callbacks.monitor import Monitor
from fastnn.history import History
from fastnn.inputs.settings import Range, set_count, set_number


class ReduceOnPlateau(Monitor):
    """Multiply the learning rate by a factor when a column of the history stops improving.

    It sets ``model.learning_rate_factor``, which multiplies the optimizer's learning rate or
    schedule and is saved with the model. When it does so is a function of the column alone, over
    all fits: a training that was broken off and goes on, with a new object of the same settings,
    reduces at the same epochs. Epochs without validation do not count; a value that is NaN is no
    improvement on a number before it.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A column of the history.
    factor : float in (0, 1), default 0.1
    patience : int, default 10
        Reduce after so many values in a row that improve the best by no more than `min_delta`.
    min_delta : float, default 0
        What counts as an improvement is larger; Keras's default is 1e-4.
    cooldown : int, default 0
        So many values after a reduction do not count against the patience, as in PyTorch. Keras's
        spares one less: with a cooldown of 2 and a patience of 3 it reduces again after 4 values
        without improvement, this after 5.
    min_learning_rate : float, default 0
        No reduction leads below it.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows it for losses and for the metrics of
        `fastnn.metrics`.

    Attributes
    ----------
    reduced_epochs : list of int
        Of the last fit: the epochs after which it has reduced.

    Raises
    ------
    ValueError
        From `fit`, before it starts, where the history is not going to have the column, and for
        Rprop and LBFGS, which find their own step sizes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import SGD, Dense, Sequential
    >>> from fastnn.callbacks.plateau import ReduceOnPlateau
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile(SGD(0.1), loss="mse")
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> plateau = ReduceOnPlateau("loss", factor=0.5, patience=3)
    >>> history = model.fit(X, np.sign(X), epochs=100, callbacks=[plateau], verbose=0)
    >>> model.learning_rate_factor == 0.5 ** len(plateau.reduced_epochs) < 1
    True
    """

    _sets_rate = True

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        cooldown: int = 0,
        min_learning_rate: float = 0.0,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode)
        self.factor, self.patience, self.min_delta = factor, patience, min_delta
        self.cooldown, self.min_learning_rate = cooldown, min_learning_rate
        set_number(self, "factor", Range(0, 1, "()"))
        set_count(self, "patience")
        set_number(self, "min_delta", Range(0))
        set_count(self, "cooldown", 0)
        set_number(self, "min_learning_rate", Range(0))
        self._begin()

    def _begin(self) -> None:
        self.reduced_epochs: list[int] = []
        self._seen = self._waited = self._resting = self._epochs = 0
        self._best = math.inf

    def on_train_begin(self, model: Any, epochs: int) -> None:
        optimizer = model._compiled().optimizer
        if optimizer.full_batch:
            raise ValueError(
                f"ReduceOnPlateau has nothing to reduce: {type(optimizer).__name__} finds its own "
                "step sizes; leave the callback out, or use another optimizer"
            )
        self._begin()

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        # In a fit's first epoch this goes through the fits before it, too.
        new = slice(self._seen, None)
        self._epochs, self._seen = self._epochs + 1, len(history)
        values, measured = self.values(history)[new], self.measured(history)[new]
        calls = list(map(self._calls_for_less, values.tolist(), measured))
        if calls[-1]:
            self._reduce(model, history)
        return None

    def on_train_end(self, model: Any, history: History) -> None:
        self.warn_of_nan(history, self._epochs, "there is nothing to reduce the rate by")

    def _calls_for_less(self, value: float, measured: bool) -> bool:
        """Whether the column calls for a smaller rate after this value, the next one."""
        # Before the first number the column may have been none of those measured.
        if not measured or (math.isnan(value) and math.isinf(self._best)):
            return False
        resting = self._resting > 0
        self._resting -= resting
        if value < self._best - self.min_delta:
            self._best, self._waited = value, 0
        elif not resting:
            self._waited += 1
        if self._waited < self.patience:
            return False
        self._waited, self._resting = 0, self.cooldown
        return True

    def _reduce(self, model: Any, history: History) -> None:
        rate = history["learning_rate"][-1]
        if rate > self.min_learning_rate:
            model.learning_rate_factor *= max(self.factor, self.min_learning_rate / rate)
            self.reduced_epochs.append(history.epoch[-1])
