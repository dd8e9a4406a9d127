"""What all optimizers share: checked fields, and rates from a number or a schedule."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from fastnn.inputs.settings import Range, set_count, set_number, set_switch

Rate = float | Callable[[np.ndarray], np.ndarray]

AS_GOOD_AS_0 = 1e-5
"""Share of a schedule's own learning rate that moves nothing: one-cycle's last rate is below."""


OPTIMIZERS: dict[str, type["Optimizer"]] = {}
"""By the name by which `compile` finds it."""


@dataclass(frozen=True)
class Optimizer:
    """What all optimizers share."""

    learning_rate: Rate = 0.01
    kind: ClassVar[int]
    full_batch: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for f in fields(self):
            if isinstance(f.default, bool):
                set_switch(self, f.name)
            elif isinstance(f.default, int):
                set_count(self, f.name)
            elif not (f.name == "learning_rate" and callable(self.learning_rate)):
                set_number(self, f.name, _RANGES.get(f.name, Range(0, 1)), _ALSO.get(f.name, ""))

    @property
    def name(self) -> str:
        """The name by which `compile` finds it."""
        return next((n for n, cls in OPTIMIZERS.items() if cls is type(self)), "optimizer")

    @property
    def state_is_for(self) -> tuple[int, bool]:
        """Optimizers in which this agrees mean the same by their state vectors."""
        return self.kind, self.full_batch

    def rates(self, first: int, n: int) -> np.ndarray:
        """Learning rates (n,) of the steps first, first + 1, ...; before step 0 that of step 0."""
        if not callable(self.learning_rate):
            rates = np.empty(n)
            rates.fill(self.learning_rate)
            return rates
        rates = _follow(self.learning_rate, np.maximum(np.arange(first, first + n), 0))
        if not np.all(np.isfinite(rates)) or np.any(rates < 0):
            bad = int(np.argmax(~(np.isfinite(rates) & (rates >= 0))))
            raise ValueError(
                f"the schedule gave the learning rate {rates[bad]} at step {first + bad}; expected "
                "a finite number of at least 0"
            )
        return rates

    def is_over(self, steps: np.ndarray) -> bool:
        """Whether the learning rate is a schedule that gives next to nothing at these steps."""
        schedule = self.learning_rate
        if not callable(schedule):
            return False
        least = AS_GOOD_AS_0 * schedule.learning_rate if hasattr(schedule, "learning_rate") else 0.0
        try:
            rates = _follow(schedule, steps)
            return bool(rates.min() >= 0 and rates.max() <= least)
        except (TypeError, ValueError):
            # A function need not know steps that nobody has asked it for yet.
            return False

    def settings(self) -> dict[str, Any]:
        """The fields of the run's CONTEXT record that it sets."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "learning_rate"}


_RANGES = {
    **dict.fromkeys(["learning_rate", "weight_decay", "momentum_decay"], Range(0)),
    **dict.fromkeys(["step_min", "step_max", "tolerance"], Range(0)),
    # float32 can hold no less without loss.
    "epsilon": Range(1e-37),
    "eta_plus": Range(1),
    "eta_minus": Range(0, 1, "[]"),
}
_ALSO = {
    "learning_rate": " or a schedule",
    "epsilon": ", without which a gradient of 0 gives 0 / 0",
}


def _follow(schedule: Callable[[np.ndarray], Any], steps: np.ndarray) -> np.ndarray:
    """The rates (n,) that a schedule gives for steps (n,)."""
    form = "expected a function of an array of steps that returns as many learning rates"
    try:
        given = schedule(steps)
    except Exception as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"the schedule failed on the steps {steps[0]} to {steps[-1]} ({error}); {form}; "
            "instead of if and math, use np.where and NumPy's functions"
        ) from error
    try:
        rates = np.asarray(given)
    except ValueError:
        rates = np.asarray(None)
    if rates.dtype.kind not in "iuf":
        raise TypeError(f"the schedule gave {given!r:.60} for {len(steps)} steps; {form}")
    if rates.shape not in ((), (1,), steps.shape):
        raise ValueError(
            f"the schedule gave learning rates of shape {rates.shape} for steps of shape "
            f"{steps.shape}; {form}"
        )
    return np.ascontiguousarray(np.broadcast_to(rates, steps.shape), dtype=np.float64)
