"""Importance: which parameters decided how the trials rank."""

from __future__ import annotations

import math

import numpy as np

from fastnn.tune.choices import Choice
from fastnn.tune.findings import Findings
from fastnn.tune.space import Coordinate
from fastnn.tune.trial import FINISHED, Trial

FEWEST = 8
"""Trials without which nothing can be said."""
MOST_GROUPS = 6


def importance(result: Findings) -> dict[str, float]:
    """The share of the ranking that each parameter explains, the largest first; see `Findings`."""
    shares: dict[str, float] = {}
    for name, share in by_coordinate(result).items():
        # Of a tuple, what its most important coordinate explains; these come first.
        shares.setdefault(result.space[name].parameter, share)
    return shares


def by_coordinate(result: Findings) -> dict[str, float]:
    """The share that each coordinate explains, the largest first, those of few trials last."""
    ended = [t for t in result.trials if t.status in FINISHED and t.status != "failed"]
    losses = np.array([result.plan.loss(t) for t in ended])
    shares = {c.name: _explained(c, ended, losses) for c in result.space.free()}
    order = sorted(shares, key=lambda name: -np.nan_to_num(shares[name], nan=-1))
    return {name: shares[name] for name in order}


def _explained(c: Coordinate, trials: list[Trial], losses: np.ndarray) -> float:
    exists = [i for i, t in enumerate(trials) if c.name in t.point]
    if len(exists) < FEWEST:
        return math.nan
    places = np.array([c.place(trials[i].point[c.name]) for i in exists])
    group = _groups(places, isinstance(c.scale, Choice))
    # Diverged trials share the last rank.
    return epsilon_squared(_ranks(losses[exists]), group)


def _groups(places: np.ndarray, by_value: bool) -> np.ndarray:
    """Numbers of groups of like values, about equally large."""
    if by_value:
        return np.unique(places, return_inverse=True)[1]
    n_groups = int(np.clip(len(places) // 5, 2, MOST_GROUPS))
    ranks = _ranks(places, "min") - 1
    return (ranks * n_groups // len(places)).astype(np.int64)


def _ranks(values: np.ndarray, method: str = "average") -> np.ndarray:
    # scipy.stats takes longer to import than all of fastnn.
    from scipy.stats import rankdata

    return rankdata(values, method=method)


def epsilon_squared(values: np.ndarray, group: np.ndarray) -> float:
    """The share of the variance that lies between groups, less what chance puts there.

    epsilon^2 = 1 - (SS_within / (n - k)) / (SS_total / (n - 1)), at least 0 (Kelley 1935).
    """
    n, k = len(values), len(np.unique(group))
    total = float(((values - values.mean()) ** 2).sum())
    if n <= k or total == 0:
        return 0.0
    within = sum(
        float(((values[group == g] - values[group == g].mean()) ** 2).sum())
        for g in np.unique(group)
    )
    return max(0.0, 1 - within / (n - k) * (n - 1) / total)
