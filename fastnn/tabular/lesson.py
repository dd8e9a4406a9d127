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
from fastnn.estimators.presets import for_members
from fastnn.history import History
from fastnn.tabular.columns import Column
from fastnn.tabular.encoder import Encoder
from fastnn.tabular.folds import member_folds
from fastnn.tabular.members import Member
from fastnn.tabular.parsed import Parsed
from fastnn.tabular.progress import Progress
from fastnn.tabular.target import Target

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

    def member(self, train: np.ndarray, stop: np.ndarray, *, chosen: Mapping[str, Any]) -> Member:
        """A member trained on some rows and stopped by others."""
        encoder = Encoder.learn(self.columns, self.table.take(train))
        kind: Any = MLPRegressor if self.target.task == "regression" else MLPClassifier
        estimator = kind(preset="tabular", n_members=1, **chosen)
        estimator._broken_off = self.broken_off
        self.progress.estimators.append(estimator)
        X, X_val = (encoder.encode(self.table.take(rows)) for rows in (train, stop))
        weights = {}
        if self.weight is not None:
            weights = {"sample_weight": self.weight[train], "sample_weight_val": self.weight[stop]}
        estimator.fit(X, self.y[train], X_val=X_val, y_val=self.y[stop], **weights)
        return _as_member(encoder, estimator)


def train_members(
    lesson: Lesson, learned: np.ndarray, seed: int, seconds: float | None,
    settings: Mapping[str, Any],
) -> tuple[list[Member], bool]:  # fmt: skip
    """Train on the rows `learned`; whether Ctrl-C has broken it off."""
    folds = member_folds(lesson.y[learned], lesson.target.task, seed)
    threads = min(get_num_threads(), len(folds))
    common: dict[str, Any] = {"max_time": seconds and seconds * threads / len(folds)}
    common["n_iter_no_change"] = PATIENCE
    if len(folds) > 1:
        common |= for_members(lesson.target.task == "classification", len(learned))

    def train(k: int) -> Member:
        chosen = common | {"random_state": seed + k} | dict(settings)
        return lesson.member(*(learned[part] for part in folds[k]), chosen=chosen)

    lesson.progress.expect(len(folds), (common | dict(settings)).get("max_iter", EPOCHS))
    with lesson.progress:
        if len(folds) == 1:
            return _train_here(train)
        return _train_apart(train, len(folds), threads, lesson.broken_off)


def _train_here(train: Callable[[int], Member]) -> tuple[list[Member], bool]:
    """One member, on this thread, where Ctrl-C reaches it: the estimator keeps its best epoch."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        member = train(0)
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
    train: Callable[[int], Member], count: int, threads: int, broken_off: Event
) -> tuple[list[Member], bool]:
    """Several members, each on a thread; after Ctrl-C those that have begun end their epoch."""

    def apart(k: int) -> Member:
        with alone():
            return train(k)

    futures: list[Future[Member]] = []
    with ThreadPoolExecutor(threads) as pool:
        try:
            for k in range(count):
                futures.append(pool.submit(apart, k))
            wait(futures)
        except KeyboardInterrupt:
            broken_off.set()
            for future in futures:
                future.cancel()
            wait(futures)
            begun = [future for future in futures if not future.cancelled()]
            if not begun:
                raise
            return [future.result() for future in begun], True
    return [future.result() for future in futures], False
