"""What saves a session while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastnn.callbacks import Callback
from fastnn.history import History

SAVE_SECONDS = 10.0
SAVE_SHARE = 0.05
"""A run is saved after ten seconds, and then after each twentieth part of its length."""


class Keeper(Callback):
    """Saves a long run now and then, and wherever a callback has changed the rate's factor."""

    saves = True

    def __init__(self, save: Callable[[str], Any]) -> None:
        self.save = save

    def on_train_begin(self, model: Any, epochs: int) -> None:
        self.factor = model.learning_rate_factor
        self.start = self.saved = time.perf_counter()

    def on_epoch_end(self, model: Any, history: History) -> bool | None:
        now = time.perf_counter()
        pause = max(SAVE_SECONDS, SAVE_SHARE * (now - self.start))
        if model.learning_rate_factor != self.factor or now - self.saved > pause:
            self.save("run")
            self.factor, self.saved = model.learning_rate_factor, now
        return None
