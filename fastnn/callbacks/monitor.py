"""What callbacks that watch one column of the history share."""

from typing import Any

from fastnn.callbacks.base import Callback
from fastnn.history import History
from fastnn.metrics import direction


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
        found = direction(monitor) if mode == "auto" else mode
        if found not in ("min", "max"):
            came = f"mode is {mode!r}" if mode != "auto" else f'whether "{monitor}" is to fall or '
            came += "" if mode != "auto" else "to rise is unknown"
            raise ValueError(f'{came}; pass mode="min" or mode="max"')
        self.monitor = monitor
        self.sign = 1.0 if found == "min" else -1.0

    def value(self, history: History) -> float:
        """The last entry of the column, turned so that smaller is better; NaN: not measured."""
        return self.sign * history[self.monitor][-1]


def check_monitors(callbacks: list[Any], columns: list[str]) -> None:
    """Refuse to watch a column that the history is not going to have."""
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if monitor is None or monitor in columns:
            continue
        if monitor.startswith("val_") and not any(c.startswith("val_") for c in columns):
            fix = "pass validation_data or validation_split to fit"
        else:
            fix = "watch one of those, or name its metric in compile(metrics=...)"
        raise ValueError(
            f'{type(callback).__name__} watches "{monitor}", but this fit records '
            f"{', '.join(columns)}; {fix}"
        )
