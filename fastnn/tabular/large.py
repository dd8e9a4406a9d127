"""Large files: a sample teaches the columns and a first network, all rows then go through it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.losses import CrossEntropy
from fastnn.optimizers import Adam
from fastnn.schedules import Cosine
from fastnn.tabular.folds import STOPPING_SHARE, part_held_out
from fastnn.tabular.lesson import Lesson
from fastnn.tabular.members import Member
from fastnn.tabular.predicting import scores
from fastnn.tabular.sample import draw_sample
from fastnn.tabular.windows import BATCH, Copy

RATE = 0.01
"""Of the training on all rows: the learning rate falls to 0 by half a cosine."""
SAMPLE_SHARE = 0.3
"""Of a time limit goes into the first network."""


def fit_large(model: Any, path: str | Path, progress: Any) -> Any:
    """`TabularModel.fit` for a file that is read in parts.

    A sample of rows, drawn at random from the whole file, is divided as a table would be:
    rows held out for the scores, rows that judge, and rows that teach the columns, the encoder and
    a first network. All other rows are written to a temporary file in shuffled windows, as the
    encoder has them, and go through the network once; its best state, by the rows that judge, is
    kept.
    """
    start = time.perf_counter()
    sample, rows, classes = draw_sample(path, model.target, model.seed)
    lesson, learned, held_out = model.prepare(sample, progress, classes)
    train, stop = part_held_out(lesson.y[learned], STOPPING_SHARE, lesson.target.task, model.seed)
    train, stop = learned[train], learned[stop]
    limit = model.seconds and SAMPLE_SHARE * model.seconds
    progress.expect(1, 256)
    with progress:
        chosen = {"random_state": model.seed, "max_time": limit, **model.settings}
        member = lesson.member(train, stop, chosen=chosen)
    judge = Judge(member, lesson, stop)
    aside = lesson.numbers[np.concatenate([held_out, stop])]
    with tempfile.TemporaryDirectory(prefix="fastnn-") as folder:
        copy = Copy(Path(folder), path, member, lesson, rows, model.seed)
        count = copy.write(aside, model.sample_weight)
        limit = (1 - SAMPLE_SHARE) * model.seconds if model.seconds else np.inf
        end = time.perf_counter() + limit
        seen, interrupted = go_through(member, lesson, copy, judge, end, model.seed)
    judge.restore()
    model.columns_, model.target_ = list(lesson.columns), lesson.target
    model.members_, model.interrupted_ = [member], interrupted
    model.notes_ = [*lesson.notes, _said(rows, len(train), seen, count)]
    model.notes_ += [f'{n:,} values of column "{name}" are no numbers, and taken for missing'
                     for name, n in copy.strays.items() if n]  # fmt: skip
    model.n_rows_, model.held_out_ = max(seen, len(train)), lesson.numbers[held_out]
    model.scores_ = {}
    if len(held_out):
        judged = lesson.table.take(held_out)
        model.scores_ = scores(model, judged, lesson.y[held_out], None)
    model.seconds_ = time.perf_counter() - start
    return model


def _said(rows: int, learned: int, seen: int, count: int) -> str:
    return (
        f"the file is too large for one go: of its {rows:,} rows {learned:,}, drawn at random, "
        f"taught a first network, and {seen:,} of {count:,} then went through it from a copy on "
        "the disk"
    )


@dataclass
class Judge:
    """Keeps the state of a network that the rows that judge like best."""

    member: Member
    lesson: Lesson
    rows: np.ndarray

    def __post_init__(self) -> None:
        self.X = self.member.features(self.lesson.table.take(self.rows))
        self.loss, self.weights = np.inf, self.member.network.get_weights()
        self.look()

    def look(self) -> None:
        """Note the present state if it is the best."""
        loss = self._loss()
        if loss < self.loss:
            self.loss, self.weights = loss, self.member.network.get_weights()

    def _loss(self) -> float:
        member, y = self.member, self.lesson.y[self.rows]
        outputs = member.answers_of(self.X, self.lesson.target)
        if self.lesson.target.task == "regression":
            return float(np.mean((outputs - y) ** 2))
        return float(-np.log(np.maximum(outputs[np.arange(len(y)), y], 1e-12)).mean())

    def restore(self) -> None:
        """Go back to the best state."""
        self.member.network.set_weights(self.weights)


def _pull(lesson: Lesson) -> np.ndarray:
    """What class weights multiply each class by; of a regression nothing."""
    of_class = np.ones(len(lesson.target.classes))
    if len(of_class) and lesson.weight is not None:
        own = np.ones(len(lesson.y)) if lesson.given is None else lesson.given
        rows = np.flatnonzero(own > 0)
        of_class[lesson.y[rows]] = lesson.weight[rows] / own[rows]
    return of_class


def go_through(
    member: Member, lesson: Lesson, copy: Copy, judge: Judge, end: float, seed: int
) -> tuple[int, bool]:
    """Train on all windows once, or until time is out: rows seen, and whether Ctrl-C came."""
    network, target = member.network, lesson.target
    optimizer = Adam(Cosine(RATE, max(1, copy.steps())), beta_2=0.95)
    place = {int(k): at for at, k in enumerate(member.answers)}
    loss: Any = "mse"
    if target.task == "classification":
        binary = network._built().layout.n_out == 1
        loss = "binary_cross_entropy" if binary else CrossEntropy(label_smoothing=0.1)
    network.compile(optimizer, loss=loss)
    pull = _pull(lesson)
    seen = 0
    try:
        for window in copy.windows(np.random.default_rng(seed)):
            if time.perf_counter() > end:
                break
            y = window[:, -2]
            if target.task == "regression":
                y = ((y - member.mean) / member.scale).astype(np.float32)
            else:
                known = np.isin(y, member.answers)
                window, y = window[known], np.array([place[int(k)] for k in y[known]])
            if not len(window):
                continue
            weight = (
                window[:, -1] * pull[window[:, -2].astype(np.int64)] if pull.size else window[:, -1]
            )
            X = member.expand(window[:, :-2])
            network.fit(
                X,
                y,
                1,
                batch_size=min(BATCH, len(X)),
                verbose=0,
                sample_weight=None if (weight == 1).all() else weight,
            )
            seen += len(X)
            judge.look()
    except KeyboardInterrupt:
        return seen, True
    return seen, False
