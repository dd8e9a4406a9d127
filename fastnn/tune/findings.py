"""Findings: the trials of a search, and which of them is the best."""

from __future__ import annotations

import math
from typing import Any

from fastnn.tune.plans import Plan
from fastnn.tune.space import Box
from fastnn.tune.splits import Data
from fastnn.tune.trial import FINISHED, Trial


class Findings:
    """What the trials of a search tell."""

    def __init__(
        self, trials: list[Trial], subject: Any, data: Data, plan: Plan, complete: bool,
        seconds: float,
    ) -> None:  # fmt: skip
        self.trials, self.complete, self.seconds = trials, complete, seconds
        self.subject, self.data, self.plan = subject, data, plan
        self.advice = ""
        self.space, self.monitor, self.sign = plan.space, plan.monitor, plan.sign

    @property
    def measure(self) -> str:
        """What the monitored quantity is called in pictures: of an estimator, its score's name."""
        return str(getattr(self.subject, "measure", self.monitor))

    def check(self) -> None:
        """Refuse a result of which nothing succeeded."""
        ended = [t for t in self.trials if t.status in FINISHED]
        if ended and not self.ranked() and len(ended) == len(self.trials):
            raise ValueError(
                f"none of {len(ended)} trials succeeded; trial {ended[0].number}, with "
                f"{self.space.note(ended[0].point)}: {ended[0].reason}"
            )

    def ranked(self) -> list[Trial]:
        """The trials that have a value, the best first."""
        alive = [t for t in self.trials if t.status not in ("failed", "diverged")]
        return [t for t in self.plan.ranked(alive) if self.plan.loss(t) < math.inf]

    @property
    def boxes(self) -> list[Box]:
        """The nested boxes of `coarse_to_fine`."""
        return self.plan.boxes

    @property
    def best(self) -> Trial:
        """The best trial."""
        ranked = self.ranked()
        if not ranked:
            raise ValueError("no trial is done yet; call search again, with more time")
        return ranked[0]

    @property
    def best_params(self) -> dict[str, Any]:
        """The parameters of the best trial."""
        return dict(self.best.params)

    @property
    def best_value(self) -> float:
        """The monitored quantity of the best trial, at its best epoch."""
        return self.best.value
