"""Coarse to fine: draw, look where the best lie, draw again there."""

from __future__ import annotations

import math

from fastnn.inputs.calls import explained
from fastnn.inputs.settings import check_count
from fastnn.tune.choices import Choice
from fastnn.tune.plans import Plan, Rounds, Strategy, check_share
from fastnn.tune.space import Box, Coordinate
from fastnn.tune.trial import Trial


@explained
def coarse_to_fine(rounds: int = 3, shrink: float = 0.5, keep: float = 0.2) -> Strategy:
    """Random search in nested boxes: each round zooms in on where the best trials lie.

    The zoom is made on the transformed axes, so that it halves decades of a `LogUniform`, not its
    numbers. Each side becomes the reach of the best trials, with a margin of one mean gap between
    them; a parameter that does not matter therefore keeps its range, since the best lie all
    over it. ``result.boxes`` holds the boxes.

    Parameters
    ----------
    rounds : int, default 3
        Among which the trials are shared out evenly.
    shrink : float in (0, 1], default 0.5
        No side becomes shorter than this share of what it was in the round before.
    keep : float in (0, 1], default 0.2
        Of all trials so far, the share of the best that draw the next box; at least 3.

    Examples
    --------
    >>> from fastnn import tune
    >>> tune.coarse_to_fine(rounds=4).settings
    {'rounds': 4, 'shrink': 0.5, 'keep': 0.2}
    """
    check_count(rounds, "rounds")
    settings = {
        "rounds": rounds, "shrink": check_share(shrink, "shrink"), "keep": check_share(keep, "keep")
    }  # fmt: skip

    def propose(plan: Plan) -> Rounds:
        total, number = plan.count("coarse_to_fine"), 0
        box, seen = plan.space.whole(), list[Trial]()
        for round_ in range(rounds):
            plan.boxes.append(box)
            size = total // rounds + (round_ < total % rounds)
            seen += yield [plan.draw(number + k, round_, box) for k in range(size)]
            number += size
            alive = [t for t in plan.ranked(seen) if plan.loss(t) < math.inf]
            best = alive[: max(3, math.ceil(keep * len(seen)))]
            box = {c.name: _side(c, box, best, alive, shrink) for c in plan.space.coordinates}

    return Strategy("coarse_to_fine", settings, propose)


def _side(c: Coordinate, box: Box, best: list[Trial], all_: list[Trial], shrink: float) -> tuple:
    """The side of the next box on one axis; `best` and `all_` begin with the best trial."""
    side = box[c.name]
    if isinstance(c.scale, Choice):
        return _options(c, side, best, all_, shrink)
    places = [c.place(t.point[c.name]) for t in best if c.name in t.point]
    if len(places) < 2:
        return side
    low, high = min(places), max(places)
    margin = (high - low) / (len(places) - 1)
    return interval(low - margin, high + margin, side, shrink * (side[1] - side[0]))


def interval(low: float, high: float, within: tuple, shortest: float) -> tuple[float, float]:
    """The interval low to high, made as long as `shortest` and moved into `within`.

    Examples
    --------
    >>> interval(0.75, 1.25, (0.0, 1.0), 0.5)
    (0.5, 1.0)
    """
    low, high = max(low, within[0]), min(high, within[1])
    missing = max(0.0, shortest - (high - low)) / 2
    low, high = low - missing, high + missing
    shift = max(0.0, within[0] - low) - max(0.0, high - within[1])
    return max(within[0], low + shift), min(within[1], high + shift)


def _options(
    c: Coordinate, side: tuple, best: list[Trial], all_: list[Trial], shrink: float
) -> tuple:
    """The options that the best trials have, and the next best of them up to their number."""
    have = [t for t in best if c.name in t.point]
    if not have:
        return side
    ranked = list(dict.fromkeys(c.scale.index(t.point[c.name]) for t in all_ if c.name in t.point))
    wanted = {c.scale.index(t.point[c.name]) for t in have}
    wanted |= set(ranked[: math.ceil(shrink * len(side))])
    return tuple(option for option in side if c.scale.index(option) in wanted)
