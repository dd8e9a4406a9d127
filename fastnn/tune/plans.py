"""Plans: what a strategy knows of its search, and what a strategy is."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.inputs.settings import Range
from fastnn.tune.space import Box, Point, Space
from fastnn.tune.trial import Trial

Rounds = Generator[list[Trial], list[Trial], None]


@dataclass
class Plan:
    """What a strategy knows of the search.

    Attributes
    ----------
    trials : int or None
        How many; None: until time is out.
    epochs : int
        Of each trial, where its parameters do not say.
    small_rounds : bool
        Whether each round is to learn from those before: for pruning.
    boxes : list of Box
        Where a strategy zooms in, the box of each round.
    """

    space: Space
    trials: int | None
    epochs: int
    seed: int
    monitor: str
    sign: float
    small_rounds: bool = False
    boxes: list[Box] = field(default_factory=list)

    def count(self, strategy: str) -> int:
        """The number of trials, where a strategy must know it."""
        if self.trials is None:
            raise ValueError(f"trials is None; {strategy} shares out a number of trials: pass one")
        return self.trials

    def trial(self, number: int, point: Point, round_: int, target: int | None = None) -> Trial:
        """A new trial."""
        params = self.space.parameters(point)
        seed = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0] >> 1)
        epochs = params.get("epochs", self.epochs)
        return Trial(number, point, params, seed, round_, target=target or int(epochs))

    def draw(self, number: int, round_: int, box: Box | None = None) -> Trial:
        """A trial at a random point of a box."""
        rng = np.random.default_rng([self.seed, number, 1])
        return self.trial(number, self.space.draw(rng, box), round_)

    def loss(self, trial: Trial, epochs: int | None = None) -> float:
        """Smaller is better: the best value within the first epochs; infinite without any."""
        reached = len(trial.curves.get(self.monitor, ()))
        if trial.status in ("failed", "diverged") and (epochs is None or reached < epochs):
            # What went wrong after these epochs was not known then.
            return math.inf
        value = self.sign * trial.best(self.monitor, self.sign, epochs)[0]
        return math.inf if math.isnan(value) else value

    def ranked(self, trials: list[Trial], epochs: int | None = None) -> list[Trial]:
        """The trials, the best first."""
        return sorted(trials, key=lambda t: (self.loss(t, epochs), t.number))


@dataclass(frozen=True)
class Strategy:
    """A named way to go, with its settings.

    Attributes
    ----------
    propose : callable
        Plan -> generator that yields trials to run and is sent them back when they are done.

    Examples
    --------
    >>> from fastnn import tune
    >>> tune.coarse_to_fine(rounds=4).name
    'coarse_to_fine'
    """

    name: str
    settings: dict[str, Any]
    propose: Callable[[Plan], Rounds]
    continues: bool = False


def check_share(value: Any, name: str) -> float:
    """A share of more than 0 and at most 1."""
    if not Range(0, 1, "(]").holds(value):
        raise ValueError(f"{name} is {value!r}; expected a {Range(0, 1, '(]')}")
    return float(value)
