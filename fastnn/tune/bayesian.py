"""Bayesian search: Optuna asks and is told."""

from __future__ import annotations

import copy
import math
from typing import Any

from fastnn.inputs.calls import explained
from fastnn.inputs.packages import package
from fastnn.inputs.settings import check_count
from fastnn.tune.plans import Plan, Rounds, Strategy
from fastnn.tune.space import Coordinate, Point, Space
from fastnn.tune.trial import Trial


@explained
def bayesian(sampler: Any = None, batch: int = 4) -> Strategy:
    """Points where a model of the results so far expects the best, by Optuna's ask and tell.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler, optional
        Default: the tree-structured Parzen estimator (Bergstra et al. 2011), seeded.
    batch : int, default 4
        Trials that are asked for together. It, and not the number of threads, decides what is
        known when: the same seed gives the same trials on any machine.

    Raises
    ------
    ImportError
        Without Optuna: ``pip install "fastnn-mlp[tune]"``.

    Examples
    --------
    >>> from fastnn import tune
    >>> tune.bayesian().name
    'bayesian'
    """
    check_count(batch, "batch")
    if sampler is not None and not hasattr(sampler, "sample_relative"):
        raise TypeError(
            f"sampler is {sampler!r:.60}; expected one of Optuna's, such as GPSampler(), or None"
        )

    def propose(plan: Plan) -> Rounds:
        study, worst = _study(plan, sampler), -math.inf
        done, round_ = 0, 0
        while plan.trials is None or done < plan.trials:
            size = batch if plan.trials is None else min(batch, plan.trials - done)
            asked = [study.ask() for _ in range(size)]
            points = [_suggested(plan.space, ask) for ask in asked]
            trials = [plan.trial(done + k, point, round_) for k, point in enumerate(points)]
            finished = yield trials
            losses = [plan.loss(t) for t in finished]
            worst = max([worst, *(loss for loss in losses if loss < math.inf)])
            for ask, trial, loss in zip(asked, finished, losses, strict=True):
                _tell(study, ask, trial, min(loss, worst))
            done, round_ = done + size, round_ + 1

    settings = {"sampler": type(sampler).__name__ if sampler else "TPESampler", "batch": batch}
    if sampler is not None:
        settings |= {k: v for k, v in vars(sampler).items() if isinstance(v, bool | float | str)}
    return Strategy("bayesian", settings, propose)


def _study(plan: Plan, sampler: Any) -> Any:
    optuna = package("optuna", 'the strategy "bayesian" asks Optuna', '"fastnn-mlp[tune]"')
    if sampler is None:
        sampler = optuna.samplers.TPESampler(seed=plan.seed, constant_liar=True)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.create_study(sampler=copy.deepcopy(sampler))
    finally:
        optuna.logging.set_verbosity(before)


def _suggested(space: Space, ask: Any) -> Point:
    """The point that Optuna suggests, axis by axis."""
    point: Point = {}
    for c in space.coordinates:
        if space.exists(c, point):
            point[c.name] = c.scale.from_optuna(_suggest(c, ask))
    return point


def _suggest(c: Coordinate, ask: Any) -> Any:
    scale = c.scale.to_optuna()
    kind = type(scale).__name__
    if kind == "CategoricalDistribution":
        return ask.suggest_categorical(c.name, scale.choices)
    suggest = ask.suggest_int if kind == "IntDistribution" else ask.suggest_float
    return suggest(c.name, scale.low, scale.high, log=scale.log)


def _tell(study: Any, ask: Any, trial: Trial, loss: float) -> None:
    from optuna.trial import TrialState

    # A trial that diverged is as bad as the worst that did not; one that failed says nothing.
    if trial.status == "failed" or not math.isfinite(loss):
        study.tell(ask, state=TrialState.FAIL)
    else:
        study.tell(ask, loss)
