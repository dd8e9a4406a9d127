"""Divergence: a loss that is not finite, and the way back to firm ground."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fastnn.engine.blocks import Course
from fastnn.history import History
from fastnn.inputs.notes import warn
from fastnn.training.network import Network, Partial
from fastnn.training.passes import Passes, Stand


class DivergenceError(ArithmeticError):
    """The loss stopped being finite; the model keeps the last weights whose loss was finite.

    Attributes
    ----------
    epoch, step : int
        Where it happened, over the model's life, from 1.
    history : History
        The epochs before it.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import Dense, Sequential
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile(fastnn.SGD(1e6), loss="mse")
    >>> try:
    ...     history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=100, verbose=0)
    ... except fastnn.DivergenceError as error:
    ...     print("not finite at step", error.step > 1)
    not finite at step True
    """

    def __init__(self, epoch: int, step: int, rate: float, history: History) -> None:
        self.epoch, self.step, self.history = epoch, step, history
        super().__init__(
            f"the loss is not finite at step {step} (epoch {epoch}, learning rate {rate:g}); the "
            "model keeps the last weights whose loss was finite. Try a smaller learning rate, "
            "compile(..., clip_norm=1.0), or Standardize() as the first layer"
        )


SHARE = 0.01
"""Share of the time that may go into copies of the state."""


def is_new_overflow(columns: Mapping[str, list[float]], history: History) -> bool:
    """Whether the squares of a gradient overflow for the first time."""
    before = history.history.get("gradient_norm", ())
    return math.inf in columns["gradient_norm"] and math.inf not in before


def warn_of_overflow(network: Network) -> None:
    """Say that the squares of a gradient overflow."""
    warn(
        f"the gradient is so large that its squares are beyond {network.dtype}: optimizers that "
        "divide by them, such as Adam, learn nothing any more; rescale X and y, begin the model "
        "with Standardize(), or pass a smaller sample_weight"
    )


@dataclass
class Mark:
    """A copy of the state, and how to take the steps after it again."""

    values: np.ndarray
    step: int
    order: np.ndarray
    """The pass that was under way, of which so many steps were done."""
    done: int
    rates: list[np.ndarray]
    """The learning rates of the steps since."""
    drawn: Stand | None = None
    """Where the generator of the sequences stood, that pass drawn; None: it still stands there."""


Again = Callable[[np.ndarray | None, int, np.ndarray], None]


class Marks:
    """The way back within one fit: the newest two marks, of which the first begins the fit.

    Each is kept until the one after the next, so that there is one before any step that fails.
    """

    def __init__(self, network: Network, passes: Passes) -> None:
        self.network, self.passes = network, passes
        self._marks: list[Mark] = []
        self._due = 0.0
        self.resting = False
        """While steps are taken again."""

    @property
    def first(self) -> int:
        """The step of the first mark."""
        return self._marks[0].step

    def keep(self, part: Partial) -> None:
        """Mark this place before the steps to come, if it is due."""
        network, marks, start = self.network, self._marks, time.perf_counter()
        if self.resting:
            return
        if marks and network.was_changed:
            # Somebody has set weights: there is no way back to what was before.
            marks.clear()
        if marks and start < self._due:
            return
        values = marks.pop(0).values if len(marks) > 1 else network.spare(len(marks))
        values[:] = network.state.values
        marks.append(Mark(values, network.step, part.order.copy(), part.done, []))
        end = time.perf_counter()
        self._due = end + (end - start) / SHARE

    def before_draw(self) -> None:
        """Note where the generator stands: the next pass is about to be drawn."""
        start = time.perf_counter()
        for mark in self._marks:
            mark.drawn = mark.drawn or self.passes.drawn
        self._due += (time.perf_counter() - start) / SHARE

    def took(self, rates: np.ndarray) -> None:
        """Note the rates of steps."""
        for mark in () if self.resting else self._marks:
            mark.rates.append(rates)

    def go_back(self, target: int, again: Again) -> None:
        """To the state after step `target` of the network's life, or to the first mark.

        ``again(order, done, rates)`` takes steps of these rates, in the pass through `order`, of
        which some are done, as far as it goes; None is the next pass.
        """
        network = self.network
        mark = max((m for m in self._marks if m.step <= target), default=self._marks[0], key=_step)
        network.restore(mark.values, mark.step)
        if mark.drawn is not None:
            self.passes.go_to(mark.drawn)
        rates = np.concatenate([*mark.rates, np.empty(0)])[: max(0, target - mark.step)]
        order: np.ndarray | None = mark.order
        done, self.resting = mark.done, True
        while len(rates):
            before = network.step
            again(order, done, rates)
            if network.step == before:
                # A step that fails now and did not then: better an earlier state than none.
                break
            rates, order, done = rates[network.step - before :], None, 0

    def spoiled(self, course: Course, failed: int, again: Again) -> tuple[int, bool]:
        """The first step, from 1, that fails or meets a state that is not finite; whether it met
        one.

        `failed` is the one that has failed, or 0. Most often the update before it was too large:
        no loss has been measured since. But an earlier loss may be finite where numbers in the
        state are not, such as the statistics of a batch, or a bias before tanh.
        """
        network, drawn = self.network, self.network.drawn
        if failed:
            self.go_back(course.first + failed - 1, again)
        met = not network.state.is_finite
        if met:
            low, high = max(course.first, self.first), network.step
            middle = high - 1
            while high - low > 1:
                self.go_back(middle, again)
                low, high = (middle, high) if network.state.is_finite else (low, middle)
                middle = (low + high) // 2
            failed = high - course.first + 1
        network.drawn = drawn
        return failed, met


def _step(mark: Mark) -> int:
    return mark.step
