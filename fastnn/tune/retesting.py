"""Retesting: do the settings that a search has found still hold on new data?"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.engine.threads import workers
from fastnn.inputs.calls import explained
from fastnn.inputs.settings import check_count
from fastnn.tune.choices import Choice
from fastnn.tune.findings import Findings
from fastnn.tune.jobs import Job, Watch, run
from fastnn.tune.space import Point, Space
from fastnn.tune.splits import share_out

STEP = 0.1
"""How far, of the length of a scale, a neighbour lies on each axis, at most."""
LEVEL = 0.05
"""The probability of "tune again" where nothing has changed."""


@dataclass
class Retest:
    """What a retest found.

    Attributes
    ----------
    verdict : {"keep", "tune again"}
    reason : str
    p_value : float
        Of the best challenger against the settings in use, for the number of challengers
        (Bonferroni).
    points : list of dict
        The parameters tried: first those in use, then the next best, then neighbours.
    values : array (n_points, n_folds)
        The monitored quantity of each on each fold; NaN where it failed.
    """

    verdict: str
    reason: str
    p_value: float
    points: list[dict[str, Any]]
    values: np.ndarray

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


@explained
def retest(
    result: Findings, X: Any, y: Any, k: int = 3, neighbours: int = 2, cv: Any = 10
) -> Retest:
    """Try a search's best settings, and some close to each, on new data.

    All are trained on the same folds with the same seeds, so that the differences are paired. "tune
    again" means that one of the others beats the settings in use by a paired t-test at the level of
    0.05, divided by their number; or that those in use now fail.

    Parameters
    ----------
    result : Findings
    X, y : arrays
        New data, of the same kind.
    k : int, default 3
        How many of the best trials.
    neighbours : int, default 2
        Settings close to each of them, up to a tenth of each scale away.
    cv : int, splitter, or list of folds, default 10
        As for `search`; the fewer, the larger a difference must be to count.

    Returns
    -------
    retest : Retest
        ``print`` it, or ask for ``retest.verdict``.
    """
    check_count(k, "k")
    check_count(neighbours, "neighbours", 0)
    plan = result.plan
    rng = np.random.default_rng([plan.seed, 2])
    best = [t.point for t in result.ranked()[:k]]
    near = [neighbour(result.space, p, rng) for p in best for _ in range(neighbours)]
    points = [p for i, p in enumerate(best + near) if p not in (best + near)[:i]]
    data = share_out(X, y, cv, plan.seed, {})
    if len(data.held_out) < 2:
        raise ValueError(
            "cv holds one fold; expected two or more, to tell a difference from chance"
        )
    each = [(point, fold) for point in points for fold in range(len(data.held_out))]
    with ThreadPoolExecutor(workers(-1)) as pool:
        found = list(pool.map(lambda one: _value(result, data, *one), each))
    values = np.array(found).reshape(len(points), -1)
    parameters = [result.space.parameters(point) for point in points]
    verdict, reason, p = judge(plan.sign * values, parameters, result.monitor)
    return Retest(verdict, reason, p, parameters, values)


def _value(result: Findings, data: Any, point: Point, fold: int) -> float:
    """The monitored quantity of a fold, at its best epoch."""
    plan = result.plan
    # The same seed for all settings: they differ in nothing else.
    trial = plan.trial(fold, point, 0)
    watch = Watch(None, math.inf, [], plan.monitor, plan.sign)
    outcome = run(Job(result.subject, data, 0, fold, trial.params, trial.seed, trial.target, watch))
    trial.curves = outcome.curves if outcome.status == "done" else {}
    return trial.best(plan.monitor, plan.sign)[0]


def neighbour(space: Space, point: Point, rng: np.random.Generator) -> Point:
    """A point close to another: each number moved by up to a tenth of its scale."""
    moved: Point = {}
    for name, value in point.items():
        c = space[name]
        length = c.element == -1
        if isinstance(c.scale, Choice) or length:
            moved[name] = value
        else:
            moved[name] = c.value(float(np.clip(c.place(value) + rng.uniform(-STEP, STEP), 0, 1)))
    return moved


def judge(
    losses: np.ndarray, parameters: list[dict[str, Any]], monitor: str
) -> tuple[str, str, float]:
    """Verdict, reason and p-value from losses (n_points, n_folds); the first row is in use."""
    in_use = losses[0]
    alive = [i for i in range(1, len(losses)) if np.isfinite(losses[i]).all()]
    if not np.isfinite(in_use).all():
        return "tune again", "the settings in use fail on the new data", 0.0
    if not alive:
        return "keep", "none of the others could be trained", 1.0
    p_values = [_p_value(in_use, losses[i]) for i in alive]
    p = min(1.0, min(p_values) * len(alive))
    challenger = alive[int(np.argmin(p_values))]
    gain = abs(float((in_use - losses[challenger]).mean()))
    if p < LEVEL:
        reason = (
            f"{parameters[challenger]} are better by {gain:.3g} of {monitor} on average (p = "
            f"{p:.2g}, for {len(alive)} challengers)"
        )
        return "tune again", reason, p
    reason = f"none of {len(alive)} other settings is better beyond chance (p = {p:.2g})"
    return "keep", reason, p


def _p_value(in_use: np.ndarray, other: np.ndarray) -> float:
    """Of the paired one-sided t-test that the loss of `other` is lower."""
    difference = in_use - other
    if np.ptp(difference) == 0:
        return 0.0 if difference[0] > 0 else 1.0
    from scipy.stats import ttest_rel

    return float(ttest_rel(in_use, other, alternative="greater").pvalue)
