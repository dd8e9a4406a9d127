"""Divergence: a loss that is not finite."""

from __future__ import annotations

from fastnn.history import History


class DivergenceError(ArithmeticError):
    """The loss stopped being finite; the model keeps the last weights whose loss was finite.

    Attributes
    ----------
    epoch, step : int
        Where it happened, over the model's life, from 1.
    history : History
        The epochs before it.
    """

    def __init__(self, epoch: int, step: int, rate: float, history: History) -> None:
        self.epoch, self.step, self.history = epoch, step, history
        super().__init__(
            f"the loss is not finite at step {step} (epoch {epoch}, learning rate {rate:g}); the "
            "model keeps the last weights whose loss was finite. Try a smaller learning rate, "
            "compile(..., clip_norm=1.0), or Standardize() as the first layer"
        )
