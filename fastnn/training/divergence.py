"""Divergence: a loss that is not finite, and the way back to firm ground."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastnn.history import History
from fastnn.training.network import Network, Partial


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


class Mark(NamedTuple):
    """Where a snapshot was taken: the pass, the steps of it done, and the generator after it."""

    order: np.ndarray
    done: int
    drawn: Any


class Marks:
    """Where the network's two snapshots were taken, to take the steps after them again."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._marks: tuple[Mark | None, Mark | None] = None, None
        """None: not in this job."""

    def keep(self, part: Partial) -> None:
        """Take a snapshot before the steps to come, if one is due."""
        if self.network.keep_snapshot(now=self._marks[0] is None):
            mark = Mark(part.order.copy(), part.done, self.network.drawn)
            self._marks = mark, self._marks[0]

    def go_back(self, target: int, again: Callable[[np.ndarray | None, int, int], int]) -> None:
        """To the state after step `target` of the network's life.

        ``again(order, done, left)`` takes so many of the steps left as the pass through `order`,
        of which some are done, has; None is the next pass. It returns whether one has failed.
        """
        network = self.network
        snapshot, mark = network.snapshots[0], self._marks[0]
        if snapshot.step > target:
            snapshot, mark = network.snapshots[1], self._marks[1]
        network.go_back(snapshot)
        if mark is None:
            return
        network.drawn = mark.drawn
        order: np.ndarray | None = mark.order
        done, failed = mark.done, 0
        while network.step < target and not failed:
            failed = again(order, done, target - network.step)
            order, done = None, 0
