"""Strategies: which points to try next, round by round.

A round is a list of trials; its results decide the next one. What a strategy proposes follows from
the seed and those results alone, not from threads or times, so that a search that is taken up again
finds its trials in the ledger.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastnn.inputs.calls import explained
from fastnn.inputs.names import unknown
from fastnn.inputs.settings import check_count
from fastnn.tune.bayesian import bayesian
from fastnn.tune.plans import Plan, Rounds, Strategy
from fastnn.tune.zoom import coarse_to_fine

ENDLESS_ROUND = 64
"""Trials a round where there is no end but that of the time."""


@explained
def random() -> Strategy:
    """Independent draws: every trial tells something new of every parameter.

    Bergstra and Bengio 2012, "Random search for hyper-parameter optimization".

    Examples
    --------
    >>> from fastnn import tune
    >>> tune.random().name
    'random'
    """

    def propose(plan: Plan) -> Rounds:
        done, round_ = 0, 0
        total = math.inf if plan.trials is None else plan.trials
        size = min(total, ENDLESS_ROUND)
        if plan.trials is not None:
            size = max(8, math.ceil(total / 4)) if plan.small_rounds else total
        while done < total:
            count = int(min(size, total - done))
            yield [plan.draw(done + k, round_) for k in range(count)]
            done, round_ = done + count, round_ + 1

    return Strategy("random", {}, propose)


@explained
def grid(points: int | None = None) -> Strategy:
    """Every combination: for two parameters of few values.

    Parameters
    ----------
    points : int, optional
        Values of each numeric parameter, spread evenly over its scale, both ends included. Default:
        as many as the number of trials allows.

    Examples
    --------
    >>> from fastnn import tune
    >>> tune.grid().name
    'grid'
    """
    if points is not None:
        check_count(points, "points")

    def propose(plan: Plan) -> Rounds:
        wanted = plan.count("the grid")
        chosen = list(plan.space.grid(_most_points(plan) if points is None else points))
        if len(chosen) > wanted:
            raise ValueError(
                f"the grid has {len(chosen)} points, trials is {wanted}; pass trials="
                f"{len(chosen)}, fewer points, or another strategy"
            )
        yield [plan.trial(k, point, 0) for k, point in enumerate(chosen)]

    return Strategy("grid", {"points": points}, propose)


def _most_points(plan: Plan) -> int:
    """The largest number of values on each axis that the number of trials allows."""
    wanted, fits, before = plan.count("the grid"), 1, 0
    for points in itertools.count(2):
        # No further than it takes to see that these are too many.
        size = sum(1 for _ in itertools.islice(plan.space.grid(points), wanted + 1))
        if size > wanted or size == before:
            break
        fits, before = points, size
    return fits


@explained
def halving(factor: int = 3, min_epochs: int = 1) -> Strategy:
    """Successive halving: train all a little, go on with the best of them, and again.

    The networks are paused and continued, none is trained again from the start. Jamieson and
    Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization".

    Parameters
    ----------
    factor : int, default 3
        One of so many goes on, for so many times the epochs.
    min_epochs : int, default 1
        That each trial gets at least.

    Examples
    --------
    >>> from fastnn import tune
    >>> tune.halving().name
    'halving'
    """
    check_count(factor, "factor", 2)
    check_count(min_epochs, "min_epochs")

    def propose(plan: Plan) -> Rounds:
        if any(c.parameter == "epochs" and c.is_free for c in plan.space.coordinates):
            raise ValueError('halving shares out the epochs itself; take "epochs" from the space')
        n = plan.count("halving")
        rungs = rung_epochs(n, plan.trial(0, plan.space.at([0.5] * len(plan.space.coordinates)), 0)
                            .target, factor, min_epochs)  # fmt: skip
        trials = [plan.draw(k, 0) for k in range(n)]
        for round_, target in enumerate(rungs):
            trials = yield [replace(t, round=round_, target=target) for t in trials]
            alive = [t for t in trials if plan.loss(t, target) < math.inf]
            survivors = plan.ranked(alive, target)[: max(1, len(trials) // factor)]
            trials = sorted(survivors, key=lambda t: t.number)
            if not trials:
                return

    settings = {"factor": factor, "min_epochs": min_epochs}
    return Strategy("halving", settings, propose, continues=True)


def rung_epochs(trials: int, epochs: int, factor: int, min_epochs: int) -> list[int]:
    """The epochs at which halving pauses: the last is `epochs`, the first at least `min_epochs`.

    Examples
    --------
    >>> rung_epochs(27, 30, 3, 1)
    [1, 3, 10, 30]
    """
    rungs = [epochs]
    while trials >= factor and rungs[0] // factor >= min_epochs:
        rungs.insert(0, rungs[0] // factor)
        trials //= factor
    return rungs


def as_strategy(given: Any) -> Strategy:
    """A strategy from a strategy or its name."""
    known: dict[str, Callable[[], Strategy]] = {
        "random": random, "grid": grid, "coarse_to_fine": coarse_to_fine, "halving": halving,
        "bayesian": bayesian,
    }  # fmt: skip
    if isinstance(given, Strategy):
        return given
    if any(given is strategy for strategy in known.values()):
        return given()
    if not isinstance(given, str) or given not in known:
        raise unknown("strategy", given, known)
    return known[given]()
