"""auto: one model or many? Measure an epoch, say why, and do it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn.callbacks import EarlyStopping, ReduceOnPlateau
from fastnn.engine import threads
from fastnn.inputs.calls import explained
from fastnn.inputs.screens import say
from fastnn.inputs.settings import Range, is_one_of
from fastnn.tune.defaults import default_build, default_space
from fastnn.tune.plans import Plan, Strategy
from fastnn.tune.result import Result
from fastnn.tune.search import search
from fastnn.tune.space import Space
from fastnn.tune.splits import Data, share_out
from fastnn.tune.strategies import halving
from fastnn.tune.subjects import Builder, make_subject
from fastnn.tune.zoom import coarse_to_fine

EPOCHS = 30
"""Of a usual training."""
FEW, MANY = 8, 24
"""Trainings for which there must be time: to breed at all, to breed without halving."""
MOST = 256
SHARE = 0.8
"""Of the time goes by the plan; the rest is for what takes longer than its measure."""
PATIENCE = 20
LONGEST = 10**6


@explained
def auto(
    X: Any,
    y: Any,
    seconds: float = 60,
    *,
    build: Callable[..., Any] | None = None,
    space: Mapping[str, Any] | None = None,
    storage: Any = ":memory:",
    seed: int = 0,
    verbose: Any = "auto",
) -> Result:
    """Spend a given time on the best model for X and y.

    It measures one epoch of a middling network. Where there is time for many trainings it breeds
    many: a search, coarse to fine, or by halving where time is short. Where there is not, it
    babysits one: the network in the middle of the space, whose learning rate falls on plateaus,
    until its validation loss no longer improves or time is out. ``result.advice`` says what and
    why.

    Parameters
    ----------
    X, y : arrays
        As for `fit`.
    seconds : float, default 60
    build, space : optional
        As for `search`; default `default_build` and `default_space`.
    storage : str or path, default ":memory:"
        The ledger of a search.
    seed : int, default 0
    verbose : {"auto", 0, 1}
        As for `search`; 1 also prints the advice.

    Returns
    -------
    result : Result
        Of one trial or of many; ``result.best_model`` is trained.

    Examples
    --------
    >>> from fastnn import tune
    >>> from fastnn.datasets import load_iris
    >>> result = tune.auto(*load_iris(), seconds=1)
    >>> result.advice.split(":")[0] in ("breed many", "babysit one")
    True
    """
    if not Range(0, ends="()").holds(seconds):
        raise ValueError(f"seconds is {seconds!r}; expected a {Range(0, ends='()')}")
    if not is_one_of(verbose, ("auto", 0, 1)):
        raise ValueError(f'verbose is {verbose!r}; expected "auto", 0 or 1')
    end = time.time() + float(seconds)
    axes = Space(default_space() if space is None else space)
    data = share_out(X, y, None, seed, {})
    data.read()
    subject = make_subject(default_build(data.y) if build is None else build, {"epochs": EPOCHS})
    if not isinstance(subject, Builder):
        raise TypeError("build is an estimator; expected a function that builds a Sequential")
    subject.check(axes.names())
    plan = Plan(axes, 1, EPOCHS, seed, "val_loss", 1.0)

    epoch = measure(subject, plan, data)
    strategy, trials, advice = advise(epoch, end - time.time(), threads.workers(-1))
    if verbose == 1:
        say(advice)
    if strategy is None:
        return _babysit(subject, plan, data, end, advice)
    result = search(
        subject.build, axes, X, data.y, strategy, trials, max(end - time.time(), 1e-3),
        storage=storage, seed=seed, verbose=verbose, epochs=EPOCHS,
    )  # fmt: skip
    result.advice = advice
    return result


def middle(plan: Plan) -> Any:
    """The trial in the middle of the space."""
    return plan.trial(0, plan.space.at([0.5] * len(plan.space.coordinates)), 0)


def measure(subject: Builder, plan: Plan, data: Data) -> float:
    """Seconds of an epoch of the network in the middle of the space, on one thread."""
    trial = middle(plan)
    member = subject.member(trial.params, trial.seed)
    with threads.alone():
        # The first also compiles, and warms the caches.
        for _ in range(2):
            member.model.fit(
                data.X, data.y, 1, verbose=0, validation_split=data.split(0),
                **{k: v for k, v in member.fit.items() if k != "callbacks"},
            )  # fmt: skip
    return float(member.model.history["seconds"][-1])


def advise(epoch: float, seconds: float, n_threads: int) -> tuple[Strategy | None, int, str]:
    """What to do with the time: strategy (None: babysit one), number of trials, and why.

    Examples
    --------
    >>> advise(0.01, 60, 2)[1:]
    (256, 'breed many: an epoch takes 10 ms, so 60 s on 2 threads are 320 trainings of 30 epochs')
    """
    trainings = int(SHARE * max(seconds, 0) * n_threads / (EPOCHS * max(epoch, 1e-9)))
    takes = f"{1e3 * epoch:.3g} ms" if epoch < 1 else f"{epoch:.3g} s"
    why = f"an epoch takes {takes}, so {seconds:.3g} s on {n_threads} threads are {trainings} "
    why += f"trainings of {EPOCHS} epochs"
    if trainings < FEW:
        return None, 1, f"babysit one: {why}, too few to compare settings"
    if trainings < MANY:
        # A trial costs about 4.4 of 30 epochs then: one of three goes on, four times.
        return halving(), 6 * trainings, f"breed many, by halving: {why}"
    return coarse_to_fine(), min(trainings, MOST), f"breed many: {why}"


def _babysit(subject: Builder, plan: Plan, data: Data, end: float, advice: str) -> Result:
    started = time.time()
    trial = middle(plan)
    member = subject.member(trial.params, trial.seed)
    stopping = EarlyStopping(patience=PATIENCE, max_time=max(end - started, 1e-3))
    plateau = ReduceOnPlateau(factor=0.3, patience=PATIENCE // 3)
    fit = {k: v for k, v in member.fit.items() if k != "callbacks"}
    history = member.model.fit(
        data.X, data.y, LONGEST, validation_split=data.split(0),
        callbacks=[plateau, stopping], verbose=0, **fit,
    )  # fmt: skip
    data.name_features(member.model)
    trial.curves = {name: list(column) for name, column in history.history.items()}
    trial.value, trial.epoch = trial.best(plan.monitor, plan.sign)
    trial.epochs, trial.status = len(history), "done"
    trial.seconds = float(np.sum(history["seconds"]))
    result = Result([trial], subject, data, plan, True, time.time() - started)
    result.advice = f"{advice}; stopped after {len(history)} epochs: {stopping.reason}"
    # It went back to its best epoch.
    result.best_model = member.model
    return result
