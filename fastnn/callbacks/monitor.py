"""What callbacks that watch one column of the history share."""

from typing import Any

import numpy as np

from fastnn.callbacks.base import Callback
from fastnn.history import History
from fastnn.inputs.foreign import ours
from fastnn.inputs.names import suggestion
from fastnn.inputs.notes import warn
from fastnn.metrics import METRICS, direction


class Monitor(Callback):
    """A callback that watches one column of the history.

    Parameters
    ----------
    monitor : str, default "val_loss"
        A column of the history.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better; "auto" knows it for losses and for the metrics of
        `fastnn.metrics`.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto") -> None:
        if not isinstance(monitor, str):
            raise TypeError(f'monitor is {monitor!r}; expected a column, such as "val_loss"')
        if not isinstance(mode, str):
            raise TypeError(f'mode is {mode!r}; expected "auto", "min" or "max"')
        found = direction(monitor) if mode == "auto" else mode
        if found not in ("min", "max"):
            came = f"mode is {mode!r}" if mode != "auto" else f'whether "{monitor}" is to fall or '
            came += "" if mode != "auto" else "to rise is unknown"
            known = ["loss", *METRICS]
            here = ours("monitor", monitor, [*known, *(f"val_{name}" for name in known)])
            fix = here if here and mode == "auto" else 'pass mode="min" or mode="max"'
            raise ValueError(f"{came}; {fix}")
        self.monitor = monitor
        self.sign = 1.0 if found == "min" else -1.0

    def values(self, history: History) -> np.ndarray:
        """The column, turned so that smaller is better."""
        return self.sign * np.asarray(history[self.monitor])

    def measured(self, history: History) -> np.ndarray:
        """Which of its entries are measurements; one that is may be NaN all the same."""
        column = history[self.monitor]
        if self.monitor.startswith("val_"):
            # Each validation measures a loss, and a validation loss is never NaN.
            column = history.history.get("val_loss", column)
            return ~np.isnan(column)
        return np.ones(len(column), bool)

    def warn_of_nan(self, history: History, epochs: int, so: str, who: Any = None) -> None:
        """Say so where each measurement of the last epochs, some at least, was NaN."""
        if not epochs:
            return
        new = slice(len(history) - epochs, None)
        values = self.values(history)[new][self.measured(history)[new]]
        if len(values) and np.isnan(values).all():
            warn(
                f'{type(who or self).__name__} watches "{self.monitor}", which is NaN in each of '
                f"the {len(values)} epochs that measured it: {so}; look at the rows that it is "
                "measured on (roc_auc needs two classes among them, r2 two rows)",
            )


def check_monitors(callbacks: list[Any], columns: list[str]) -> None:
    """Refuse to watch a column that the history is not going to have."""
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if monitor is None or monitor in columns:
            continue
        if monitor.startswith("val_") and not any(c.startswith("val_") for c in columns):
            fix = "pass validation_data or validation_split to fit"
        else:
            meant = suggestion("monitor", monitor, columns)
            fix = f"{meant}Watch one of those, or name its metric in compile(metrics=...)"
        raise ValueError(
            f'{type(callback).__name__} watches "{monitor}", but this fit records '
            f"{', '.join(columns)}; {fix}"
        )
