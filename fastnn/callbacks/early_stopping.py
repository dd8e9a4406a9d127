"""Early stopping: when to stop, and which weights to keep."""

import math
import time
from collections import deque
from typing import Any

from fastnn.callbacks.monitor import Monitor
from fastnn.history import History
from fastnn.inputs.settings import Range, is_one_of, set_count, set_number, set_switch


class EarlyStopping(Monitor):
    """Stop when a column of the history has stopped improving; keep the best weights.

    Prechelt 1998, "Early stopping - but when?", compares such rules. With
    ``fit(..., validation_freq=k)`` only the epochs that are validated count. A value that is NaN
    is no improvement; where all are, a warning says so, and the last weights stay.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A column of the history.
    patience : int, default 10
        Stop after so many values in a row that improve the best by no more than `min_delta`.
    min_delta : float, default 0
        What counts as an improvement is larger.
    warmup : int, default 0
        The first so many epochs do not count: neither as the best nor against the patience.
    rule : {"patience", "cumulative"}, default "patience"
        "cumulative" stops when the sum of the one-step differences over the last `window` values
        is positive: the newest value is worse than that of `window` values before.
    window : int, default 5
        Of the cumulative rule.
    max_time : float, optional
        Seconds of this fit after which it stops, looked at after each epoch.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows it for losses and for the metrics of
        `fastnn.metrics`.
    baseline : float, optional
        A value to improve on, by more than `min_delta`: values that do not count against the
        patience, also where they are the best yet.
    restore_best_weights : bool, default True
        Whether to go back to the best epoch of this fit at its end: also after Ctrl-C,
        divergence, or when the epochs run out. The optimizer's state, its step and
        `learning_rate_factor` go back, too. Callbacks that save the model see it after that.

    Attributes
    ----------
    best_epoch : int or None
        Of the last fit: the epoch whose weights are kept.
    stopped_epoch : int or None
        Of the last fit: the epoch after which it asked to stop.
    reason : str
        Why it did, in a sentence.

    Raises
    ------
    ValueError
        From `fit`, before it starts, where the history is not going to have the column.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import Adam, Dense, EarlyStopping, Sequential
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile(Adam(0.1), loss="mse")
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> stopping = EarlyStopping(patience=5)
    >>> history = model.fit(X, 3 * X, epochs=5000, validation_split=0.2, callbacks=[stopping])
    >>> stopping.stopped_epoch - stopping.best_epoch
    5
    """

    # Here, for one from a pickle of version 0.1 has none of its own.
    baseline: float | None = None

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 10,
        min_delta: float = 0.0,
        warmup: int = 0,
        rule: str = "patience",
        window: int = 5,
        max_time: float | None = None,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
    ) -> None:
        super().__init__(monitor, mode)
        if not is_one_of(rule, ("patience", "cumulative")):
            raise ValueError(f'rule is {rule!r}; expected "patience" or "cumulative"')
        self.patience, self.min_delta, self.window = patience, min_delta, window
        self.warmup, self.rule, self.max_time = warmup, rule, max_time
        self.restore_best_weights = restore_best_weights
        set_count(self, "patience")
        set_count(self, "window")
        set_count(self, "warmup", 0)
        set_number(self, "min_delta", Range(0))
        set_switch(self, "restore_best_weights")
        if max_time is not None:
            set_number(self, "max_time", Range(0, ends="()"), " or None")
        if baseline is not None:
            self.baseline = baseline
            set_number(self, "baseline", Range(), " or None")
        self._begin()

    def _begin(self) -> None:
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.reason = ""
        self._best = math.inf
        self._kept: Any = None
        self._epochs = self._waited = 0
        self._recent: deque[float] = deque(maxlen=self.window + 1)
        self._start = time.perf_counter()

    def on_train_begin(self, model: Any, epochs: int) -> None:
        self._begin()

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        self._epochs += 1
        if self._epochs > self.warmup and self.measured(history)[-1]:
            self._judge(float(self.values(history)[-1]), model, history)
        seconds = time.perf_counter() - self._start
        if not self.reason and self.max_time is not None and seconds >= self.max_time:
            self.reason = f"{seconds:.1f} s have passed, of {self.max_time:g}"
        if self.reason:
            self.stopped_epoch = history.epoch[-1]
        return bool(self.reason)

    def _judge(self, value: float, model: Any, history: History) -> None:
        if value < self._best - (self.min_delta if self.best_epoch is not None else 0.0):
            self._best, self.best_epoch = value, history.epoch[-1]
            if self.restore_best_weights:
                self._kept = model.snapshot()
            good = self.baseline is None or value < self.sign * self.baseline - self.min_delta
        else:
            good = False
        self._waited = 0 if good else self._waited + 1
        self._recent.append(value)
        if self.rule == "patience" and self._waited >= self.patience:
            best = "" if self.best_epoch is None else f" on epoch {self.best_epoch}"
            if self.baseline is not None and self._best >= self.sign * self.baseline:
                best = f" on the baseline, {self.baseline:g},"
            self.reason = f"{self.monitor} has not improved{best} for {self._waited} values"
        full = len(self._recent) > self.window
        # The sum of the differences between neighbours is that of the ends.
        worse = math.isnan(value) or value > self._recent[0]
        if self.rule == "cumulative" and full and worse:
            self.reason = f"{self.monitor} is worse than {self.window} values before"

    def on_train_end(self, model: Any, history: History) -> None:
        if self._kept is not None:
            model.restore(self._kept)
            self._kept = None
        self.warn_of_nan(history, self._epochs, "no epoch is the best, and the last weights stay")
