"""A session on a table: the folder that holds its encoder, its journal and its model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.estimators.tables import TableEncoder
from fastnn.files.whole import write_whole
from fastnn.layers import Dense, ReLU, Softmax
from fastnn.model import Sequential
from fastnn.optimizers import Adam
from fastnn.session import Session
from fastnn.tabular.encoder import Encoder
from fastnn.tabular.loading import load_model
from fastnn.tabular.members import Member
from fastnn.tabular.model import TabularModel
from fastnn.tabular.reading import read_table
from fastnn.tabular.scores import measure

MODEL, PLACE, JOURNAL = "model.safetensors", "table.json", "session"
BATCH = 128


class Watched:
    """A `Session` of a table's model; its file predicts as the session does now.

    Attributes
    ----------
    session : Session
    file : Path
        Of the model, a `TabularModel`.
    """

    def __init__(self, folder: Path, model: TabularModel, source: Any) -> None:
        self.folder, self.model, self.file = folder, model, folder / MODEL
        self.table = read_table(source)
        rows, y = model.target_.read(self.table)
        self.held_out = np.isin(rows, model.held_out_)
        member = model.members_[0]
        self.y = y
        X = member.features(self.table.take(rows))
        if model.target_.task == "regression":
            y = ((y - member.mean) / member.scale).astype(np.float32)
        kept = ~self.held_out
        self.data = (X[kept], y[kept]), (X[self.held_out], y[self.held_out])
        self.session: Session

    @classmethod
    def begin(
        cls, folder: Path, source: str, target: str, layers: tuple[int, ...], seed: int
    ) -> Watched:
        """A new session, in a new or an empty folder."""
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(
                f'{folder} is not empty; name a new folder, or go on: fastnn session run "{folder}"'
            )
        model, network = _untrained(source, target, layers, seed)
        folder.mkdir(parents=True, exist_ok=True)
        watched = cls(folder, model, source)
        (X, y), judged = watched.data
        watched.session = Session(
            network, X, y, directory=folder / JOURNAL, validation_data=judged,
            batch_size=min(BATCH, len(X)),
        )  # fmt: skip
        place = {"table": str(Path(source).resolve())}
        write_whole(folder / PLACE, json.dumps(place).encode())
        watched.save()
        return watched

    @classmethod
    def open(cls, folder: Path) -> Watched:
        """Go on with the session in a folder."""
        if not (folder / PLACE).is_file():
            raise FileNotFoundError(
                f"{folder} holds no session; begin one: fastnn session begin {folder} TABLE "
                "--target COLUMN"
            )
        source = json.loads((folder / PLACE).read_text())["table"]
        watched = cls(folder, load_model(folder / MODEL), source)
        (X, y), judged = watched.data
        watched.session = Session.resume(folder / JOURNAL, X, y, validation_data=judged)
        return watched

    def save(self) -> None:
        """Write the model as it is now, with its scores on the rows held out."""
        member = self.model.members_[0]
        member.network.set_weights(self.session.model.get_weights())
        member.network.history = self.session.model.history
        rows, y = self.model.target_.read(self.table)
        outputs = self.model.outputs(self.table.take(rows[self.held_out]))
        self.model.scores_ = measure(self.model.target_, y[self.held_out], outputs)
        self.model.save(self.file)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *error: Any) -> None:
        self.session.close()


def _untrained(
    source: str, target: str, layers: tuple[int, ...], seed: int
) -> tuple[TabularModel, Sequential]:
    """A model whose columns and encoder are learned, and the network that is to be."""
    model = TabularModel(target, seed=seed)
    lesson, learned, held_out = model.prepare(read_table(source))
    part = lesson.table.take(learned)
    encoder = Encoder.learn(lesson.columns, part)
    scaling = TableEncoder(None)
    scaling.fit_transform(encoder.encode(part), None)
    median, factor = scaling.median, scaling.factor
    mean, scale, answers = 0.0, 1.0, np.arange(len(lesson.target.classes))
    hidden = [layer for units in layers for layer in (Dense(units), ReLU())]
    if lesson.target.task == "regression":
        mean, scale = float(lesson.y[learned].mean()), float(lesson.y[learned].std()) or 1.0
        chain: list[Any] = [*hidden, Dense(1)]
    else:
        chain = [*hidden, Dense(len(answers)), Softmax()]
    networks = [Sequential(chain, seed=seed).build(median.size) for _ in range(2)]
    if answers.size:
        networks[1].compile(Adam(1e-3), loss="cross_entropy", metrics=["accuracy"])
    else:
        networks[1].compile(Adam(1e-3), loss="mse")
    model.columns_, model.target_, model.notes_ = list(lesson.columns), lesson.target, lesson.notes
    model.n_rows_, model.held_out_ = len(learned), lesson.numbers[held_out]
    model.scores_, model.interrupted_, model.seconds_ = {}, False, 0.0
    model.members_ = [Member(encoder, median, factor, networks[0], answers, mean, scale)]
    return model, networks[1]
