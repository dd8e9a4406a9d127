"""search: one call from a space to the best model."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.callbacks.base import chosen
from fastnn.engine.threads import workers
from fastnn.inputs.calls import explained
from fastnn.inputs.names import unknown
from fastnn.inputs.settings import Range, check_count, check_switch
from fastnn.model.sequential import Sequential
from fastnn.tune.board import Board
from fastnn.tune.keys import study_key
from fastnn.tune.ledger import Ledger
from fastnn.tune.plans import Plan, Strategy
from fastnn.tune.population import Population
from fastnn.tune.result import Result
from fastnn.tune.space import Space
from fastnn.tune.splits import share_out
from fastnn.tune.strategies import as_strategy
from fastnn.tune.subjects import Builder, make_subject
from fastnn.tune.trial import FINISHED, Trial

ENOUGH = 8
"""Trials that must be known before any is pruned."""
GRACE = 0.2
"""Share of the epochs before which none is pruned."""


@explained
def search(
    build_or_estimator: Any,
    space: Mapping[str, Any] | Space,
    X: Any,
    y: Any,
    strategy: str | Strategy = "random",
    trials: int | None = 64,
    seconds: float | None = None,
    cv: Any = None,
    monitor: Any = None,
    *,
    mode: str = "auto",
    n_jobs: int = -1,
    storage: Any = "study.db",
    seed: int = 0,
    groups: Any = None,
    prune: bool = False,
    executor: Any = None,
    verbose: Any = "auto",
    epochs: int = 30,
    **fit: Any,
) -> Result:
    """Search a space of hyperparameters with many networks at once.

    Networks train in Python threads, each alone on its thread, all of them over one X; each has the
    bits that it would have if it were trained alone. Every trial is a row of an SQLite file as soon
    as it ends, and the same call again goes on where the last one stopped: after Ctrl-C, a time
    limit, or a crash. Several processes that make the same call share the work.

    Parameters
    ----------
    build_or_estimator : callable or estimator
        A function of the parameters that returns a compiled `Sequential`. An argument ``seed``
        receives the trial's seed; without one, a model that was given no seed takes it.
        ``batch_size``, ``epochs`` and ``shuffle`` go to `fit`, and to the function too if it has
        such an argument. Or an estimator in scikit-learn's manner.
    space : dict
        Parameter -> scale, list of options, or constant. See `fastnn.tune.Space`.
    X, y : arrays
        As for `fit`.
    strategy : str or Strategy, default "random"
        "random", "grid", "coarse_to_fine", "halving" or "bayesian"; with settings, such as
        ``tune.coarse_to_fine(rounds=4)``.
    trials : int or None, default 64
        How many; None: as many as `seconds` allows.
    seconds : float, optional
        Time limit. Trainings stop at the end of an epoch, and are kept.
    cv : int, splitter, list of (train, test) row numbers or of held-out row numbers, optional
        Folds, each a network of its own; a trial's curves are their means. Pairs, and the splitters
        of scikit-learn such as ``TimeSeriesSplit(5)``, are taken as they are. Default: the same
        fifth of the rows, by class where y holds classes, judges all trials; ``validation_split``
        or ``validation_data`` say otherwise.
    monitor : str or callable, optional
        The column of the history that decides, at its best epoch; default "val_loss". Of an
        estimator its score, a name of scikit-learn's scorers or a function
        ``(estimator, X, y) -> float``; default its own score.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" knows it for `fastnn.metrics` and for scores.
    n_jobs : int, default -1
        Networks at a time; -1: as many as there are processors, -2: one less, as in joblib; no more
        than `fastnn.set_num_threads` or ``FASTNN_NUM_THREADS`` say.
    storage : str, path or None, default "study.db"
        The ledger's file; ":memory:" or None keeps none. It holds any number of studies, each
        found again by all that decides its trials: the function's text and what it sees (closure,
        globals, ``self``, defaults, the functions it calls), the space, the data, the settings.
    seed : int, default 0
        Of everything: points, models, held-out rows.
    groups : array (n,), optional
        Such as the patient that each row is of: a group is held out as a whole.
    prune : bool, default False
        Stop a trial whose best value so far is worse than the median of those of earlier rounds at
        the same epoch (Golovin et al. 2017), after a fifth of its epochs and once 8 are known.
    executor : concurrent.futures.Executor, optional
        Runs the trials elsewhere: in processes, or on other machines by Dask or MPI. The function
        and the data must have pickles.
    verbose : {"auto", 0, 1}
        A live leaderboard on a terminal, nothing into a pipe.
    epochs : int, default 30
        Of each trial, where the space does not say.
    **fit
        Further arguments of `fit`, such as ``sample_weight`` or ``callbacks``, of which each model
        gets its own copies.

    Returns
    -------
    result : Result
        ``best_params``, ``best_model``, ``to_frame()``, ``importance()``, ``plot()``, ``retest()``.

    Raises
    ------
    ValueError, TypeError
        For settings that do not fit together, before anything is trained, or if no trial at all
        succeeds.

    Examples
    --------
    >>> from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
    >>> from fastnn.datasets import load_iris
    >>> def build(learning_rate, units):
    ...     model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()])
    ...     model.compile(optimizer=Adam(learning_rate))
    ...     return model
    >>> space = {"learning_rate": tune.LogUniform(1e-4, 1), "units": tune.LogInt(4, 32)}
    >>> result = tune.search(build, space, *load_iris(), trials=8, storage=":memory:")
    >>> sorted(result.best_params)
    ['learning_rate', 'units']
    """
    started = time.time()
    space = space if isinstance(space, Space) else Space(space)
    way = as_strategy(strategy)
    by_row = {name: fit.pop(name) for name in OF_DATA if name in fit}
    data = share_out(X, y, cv, seed, by_row, groups)
    subject = make_subject(build_or_estimator, {**fit, "epochs": check_count(epochs, "epochs")})
    _check_fit(subject, by_row)
    _check(subject, space, way, trials, seconds, prune, cv, executor)
    if isinstance(subject, Builder):
        chosen(fit.get("callbacks", ()))
        data.read()
    plan = Plan(space, trials, epochs, seed, "", 1.0, bool(prune))
    monitor, sign = subject.monitor(monitor, mode, _first_member(subject, plan))
    plan.monitor, plan.sign = monitor, sign

    settings = {
        "strategy": way.name, **way.settings, "seed": seed, "monitor": monitor, "mode": sign,
        "prune": bool(prune),
    }  # fmt: skip
    if way.name in ("grid", "coarse_to_fine", "halving") or prune:
        # These share out the number of trials: another number is another study.
        settings["trials"] = trials
    deadline = np.inf if seconds is None else started + float(seconds)
    board = Board(space, trials, sign, monitor, deadline, verbose)
    ledger = Ledger(":memory:" if storage is None else storage)
    try:
        study = ledger.study(study_key(subject, space, data, settings), settings)
        population = Population(
            ledger, study, subject, data, space, n_jobs=workers(n_jobs), executor=executor,
            monitor=monitor, sign=sign, deadline=deadline, board=board,
        )  # fmt: skip
        with board, population.working():
            _greet(board, ledger, study, space)
            complete, found = _run(way, plan, population, ledger, study)
    finally:
        ledger.close()
    if trials is not None:
        found = [t for t in found if t.number < trials]
    result = Result(found, subject, data, plan, complete, time.time() - started)
    result.check()
    return result


OF_DATA = ("sample_weight", "validation_data", "validation_split")
"""Arguments of fit that go by rows."""


def _check(
    subject: Any,
    space: Space,
    way: Strategy,
    trials: Any,
    seconds: Any,
    prune: Any,
    cv: Any,
    executor: Any,
) -> None:
    subject.check(space.names())
    check_switch(prune, "prune")
    if trials is not None:
        check_count(trials, "trials")
    if seconds is not None and not Range(0, ends="()").holds(seconds):
        raise ValueError(f"seconds is {seconds!r}; expected a {Range(0, ends='()')}, or None")
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(
            f"executor is {executor!r:.60}; expected a concurrent.futures.Executor, or None for "
            "threads"
        )
    if trials is None and seconds is None:
        raise ValueError("trials and seconds are both None; pass one of them, or both")
    if way.continues and not subject.continues:
        raise ValueError(
            f'the strategy "{way.name}" trains by and by, and an estimator is fitted in one go; '
            "pass a function that builds a Sequential"
        )
    if prune and (cv is not None or way.continues or not subject.continues):
        raise ValueError(
            'prune=True watches single networks by epoch; for folds use strategy="halving", which '
            "prunes between its rounds, and for estimators leave it out"
        )


def _check_fit(subject: Any, by_row: Any) -> None:
    """Refuse arguments that `fit` does not take."""
    fitted = Sequential if isinstance(subject, Builder) else subject.estimator
    takes = inspect.signature(fitted.fit).parameters
    if any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        return
    known = [name for name in takes if name not in ("self", "X", "y")]
    for name in (*subject.fit, *(name for name in by_row if name == "sample_weight")):
        if name not in known:
            own = [p for p in inspect.signature(search).parameters if p not in ("fit", *known)]
            raise unknown("argument of fit", name, [*known, *own])


def _first_member(subject: Any, plan: Plan) -> Any:
    """An untrained member, to look at; None where it cannot be built: then its trial will tell."""
    shares = [0.5] * len(plan.space.coordinates)
    params = plan.space.parameters(plan.space.at(shares))
    try:
        return subject.member(params, 0)
    except Exception:
        return None


def _greet(board: Board, ledger: Ledger, study: int, space: Space) -> None:
    ledger.revive(study)
    known = ledger.trials(study, space)
    board.remember(known)
    if known:
        done = sum(t.status in FINISHED for t in known)
        board.say(f"going on with study {study} of {ledger.path}: {done} trials are done")


def _run(
    way: Strategy, plan: Plan, population: Population, ledger: Ledger, study: int
) -> tuple[bool, list[Trial]]:
    """Round by round, until the strategy has no more; False where time was out. All trials."""
    rounds, known = way.propose(plan), ledger.trials(study, plan.space)
    answer: Any = None
    while True:
        try:
            trials = rounds.send(answer)
        except StopIteration:
            return True, known
        if population.out_of_time:
            return False, known
        numbers = {t.number for t in trials}
        left = [t for t in known if t.status == "paused" and t.number not in numbers]
        for trial in left if way.continues else ():
            ledger.drop(study, [trial.number], f"not among the best after {trial.epochs} epochs")
        population.limits = _limits(plan, known, trials[0].round) if plan.small_rounds else []
        complete = population.train(trials)
        known = ledger.trials(study, plan.space)
        if not complete:
            return False, known
        answer = [t for t in known if t.number in numbers]


def _limits(plan: Plan, known: list[Trial], round_: int) -> list[float]:
    """By epoch, the median of the best values so far of the trials of earlier rounds."""
    earlier = [t for t in known if t.round < round_ and t.status in ("done", "pruned")]
    if len(earlier) < ENOUGH:
        return []
    longest = max(t.epochs for t in earlier)
    limits = []
    for epoch in range(1, longest + 1):
        losses = [plan.loss(t, epoch) for t in earlier]
        limits.append(np.inf if epoch <= GRACE * longest else float(np.median(losses)))
    return limits
