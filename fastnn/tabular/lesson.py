"""Lessons: what the members of a tabular model learn from, and their training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from fastnn.engine.threads import alone, get_num_threads
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.convert import network_of
from fastnn.estimators.ensemble import rounds
from fastnn.estimators.presets import ENCODED_FROM, for_members
from fastnn.history import History
from fastnn.tabular.columns import Column
from fastnn.tabular.encoder import Encoder
from fastnn.tabular.folds import member_folds
from fastnn.tabular.members import Member
from fastnn.tabular.parsed import Parsed
from fastnn.tabular.progress import Progress
from fastnn.tabular.target import Target

Taught = tuple[Encoder, Any]
EPOCHS = 256
"""Of the preset, at most."""
PATIENCE = 35
"""Epochs without a better one that end a training: the second cycle of the learning rate ends 34
epochs after the first. Judged by 17 networks for five tables (adult, California housing, 4,000 rows
of either, ecoli) that were trained on, to epoch 114 at least: the best epochs, 6 to 39, are those
that it finds. So does 20, without the second cycle's end; 10 costs up to 0.011 of R2."""


def _as_member(encoder: Encoder, estimator: Any) -> Member:
    """What a fitted estimator predicts with."""
    network, scaling = network_of(estimator), estimator._inputs
    history = estimator.history_
    network.history = History(history.history, history.epoch)
    if hasattr(estimator, "classes_"):
        answers = np.asarray(estimator.classes_, np.int64)
        return Member(encoder, scaling.median, scaling.factor, network, answers)
    numbers = np.array([], np.int64)
    mean, scale = float(estimator._y_mean[0]), float(estimator._y_scale[0])
    return Member(encoder, scaling.median, scaling.factor, network, numbers, mean, scale)


@dataclass(frozen=True)
class Lesson:
    """What the members learn from.

    Attributes
    ----------
    table : Parsed
        The rows that have a target.
    columns : list of Column
    target : Target
    y : array (n,)
    weight : array (n,), optional
        What each row counts in training, by its own weight and by its class.
    given : array (n,), optional
        The rows' own weights.
    numbers : array of int (n,)
        Of the rows in the table as it was handed over.
    notes : list of str
    progress : Progress
    """

    table: Parsed
    columns: Sequence[Column]
    target: Target
    y: np.ndarray
    weight: np.ndarray | None
    given: np.ndarray | None
    numbers: np.ndarray
    notes: list[str]
    progress: Progress
    broken_off: Event = field(default_factory=Event)
    """Set by Ctrl-C, of which members in threads do not hear: they end with their epoch."""

    def taught(
        self, train: np.ndarray, stop: np.ndarray, chosen: Mapping[str, Any],
        encoded_from: float | None = None,
    ) -> Taught:  # fmt: skip
        """An encoder and a fitted estimator, trained on some rows and stopped by others.

        Of `encoded_from` rows and more the estimator encodes its columns piecewise; None: of as
        many as it does by itself.
        """
        encoder = Encoder.learn(self.columns, self.table.take(train))
        kind: Any = MLPRegressor if self.target.task == "regression" else MLPClassifier
        estimator = kind(preset="tabular", n_members=1, **chosen)
        estimator._broken_off = self.broken_off
        if encoded_from is not None:
            estimator._encoded_from = encoded_from
        self.progress.estimators.append(estimator)
        X, X_val = (encoder.encode(self.table.take(rows)) for rows in (train, stop))
        weights = {}
        if self.weight is not None:
            weights = {"sample_weight": self.weight[train], "sample_weight_val": self.weight[stop]}
        estimator.fit(X, self.y[train], X_val=X_val, y_val=self.y[stop], **weights)
        return encoder, estimator

    def member(self, train: np.ndarray, stop: np.ndarray, *, chosen: Mapping[str, Any]) -> Member:
        """A member trained on some rows and stopped by others."""
        return _as_member(*self.taught(train, stop, chosen))


def train_members(
    lesson: Lesson, learned: np.ndarray, seed: int, seconds: float | None,
    settings: Mapping[str, Any],
) -> tuple[list[Member], bool]:  # fmt: skip
    """Train on the rows `learned`; whether Ctrl-C has broken it off."""
    folds = member_folds(lesson.y[learned], lesson.target.task, seed)
    n = len(folds)
    threads, tries = min(get_num_threads(), n), n > 1 and len(folds[0][0]) >= ENCODED_FROM
    common: dict[str, Any] = {"max_time": seconds and seconds / rounds(n, threads, tries)}
    common["n_iter_no_change"] = PATIENCE
    if n > 1:
        common |= for_members(lesson.target.task == "classification", len(learned))

    def train(k: int, encoded_from: float | None = None) -> Taught:
        chosen = common | {"random_state": seed + k} | dict(settings)
        rows, stop = (learned[part] for part in folds[k])
        return lesson.taught(rows, stop, chosen, encoded_from)

    lesson.progress.expect(n + tries, (common | dict(settings)).get("max_iter", EPOCHS))
    with lesson.progress:
        if n == 1:
            return _train_here(lambda: _as_member(*train(0)))
        found, interrupted = _train_apart(train, n, threads, tries, lesson.broken_off)
        return [_as_member(*one) for one in found], interrupted


def _train_here(train: Callable[[], Member]) -> tuple[list[Member], bool]:
    """One member, on this thread, where Ctrl-C reaches it: the estimator keeps its best epoch."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        member = train()
    interrupted = False
    for warning in caught:
        if str(warning.message).startswith("Training interrupted"):
            interrupted = True
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return [member], interrupted


def _train_apart(
    train: Callable[..., Taught], count: int, threads: int, tries: bool, broken_off: Event
) -> tuple[list[Taught], bool]:
    """Several members, each on a thread; after Ctrl-C those that have begun end their epoch.

    `tries` is whether the first one is to train without the encoding of columns too: the rows that
    it holds out then decide for all, as in ensembles of estimators.
    """
    if not tries:
        return _begun(train, [(k,) for k in range(count)], threads, broken_off)
    # From 0 rows on, and never.
    ways = 0.0, np.inf
    both, interrupted = _begun(train, [(0, way) for way in ways], threads, broken_off)
    best = max(range(len(both)), key=lambda k: both[k][1].best_validation_score_)
    if interrupted:
        return both[best : best + 1], True
    others = [(k, ways[best]) for k in range(1, count)]
    return _begun(train, others, threads, broken_off, [both[best]])


def _begun(
    train: Callable[..., Taught], jobs: Sequence[tuple[Any, ...]], threads: int, broken_off: Event,
    before: Sequence[Taught] = (),
) -> tuple[list[Taught], bool]:  # fmt: skip
    """What jobs have taught, beside what was there before; after Ctrl-C those that have begun."""

    def apart(*job: Any) -> Taught:
        with alone():
            return train(*job)

    futures: list[Future[Taught]] = []
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                futures.append(pool.submit(apart, *job))
            wait(futures)
        except KeyboardInterrupt:
            broken_off.set()
            for future in futures:
                future.cancel()
            wait(futures)
            begun = [future for future in futures if not future.cancelled()]
            if not begun and not before:
                raise
            return [*before, *(future.result() for future in begun)], True
    return [*before, *(future.result() for future in futures)], False
