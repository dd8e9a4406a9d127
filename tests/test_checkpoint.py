"""Checkpoints and logs: what is kept, under which name, and what a continued training adds."""

import csv
import json
import math
import os
import sys

import numpy as np
import pytest

import fastnn
from fastnn import (
    Checkpoint,
    CSVLog,
    Dense,
    JSONLog,
    Sequential,
    Softmax,
    TensorBoardLog,
)
from fastnn.datasets import load_iris

X, y = load_iris()


def train(callbacks, epochs=5, model=None, **settings):
    if model is None:
        model = Sequential([Dense(3), Softmax()], seed=0)
        model.compile("adam", metrics=["accuracy"])
    model.fit(X, y, epochs, callbacks=callbacks, verbose=0, **settings)
    return model


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_epochs_are_kept(tmp_path):
    model = train([Checkpoint(tmp_path / "new", keep=2)])
    assert names(tmp_path / "new") == [
        "000004-epoch-4-step-20.safetensors",
        "000005-epoch-5-step-25.safetensors",
    ]
    latest = fastnn.load(Checkpoint.latest(tmp_path / "new"))
    np.testing.assert_array_equal(latest.predict(X), model.predict(X))


def test_every_third_epoch(tmp_path):
    train([Checkpoint(tmp_path, every=3)], epochs=7)
    assert [name[7:14] for name in names(tmp_path)] == ["epoch-3", "epoch-6", "epoch-7"]


def test_every_so_many_steps_also_in_mid_epoch(tmp_path):
    train([Checkpoint(tmp_path, every=100, every_steps=3, keep=99)], epochs=3)
    steps = [(0, 3), (1, 6), (1, 9), (2, 12), (3, 15)]
    assert names(tmp_path) == [
        f"{k:06d}-epoch-{epoch}-step-{step}.safetensors"
        for k, (epoch, step) in enumerate(steps, start=1)
    ]
    half = fastnn.load(tmp_path / "000002-epoch-1-step-6.safetensors")
    whole = train([], epochs=3)
    train([], epochs=2, model=half)
    np.testing.assert_array_equal(half.predict(X), whole.predict(X))


def test_the_best_epoch_of_all_fits_is_kept(tmp_path):
    best = tmp_path / "best.safetensors"
    saving = Checkpoint(tmp_path, best="val_loss")
    held_out = np.arange(0, 150, 3)
    model = Sequential([Dense(3), Softmax()], seed=0)
    model.compile(fastnn.SGD(0.1))
    model.fit(X, y, 5, validation_split=held_out, callbacks=[saving], verbose=0)
    assert fastnn.load(best).epoch == model.history.best_epoch
    kept = best.read_bytes()
    model.compile(fastnn.SGD(30.0))
    model.fit(X, y, 3, validation_split=held_out, callbacks=[saving], verbose=0)
    assert min(model.history["val_loss"][5:]) > min(model.history["val_loss"][:5])
    assert best.read_bytes() == kept


def test_the_highest_accuracy_is_the_best(tmp_path):
    model = Sequential([Dense(3), Softmax()], seed=1)
    model.compile(fastnn.Adam(0.05), metrics=["accuracy"])
    train([Checkpoint(tmp_path, best="accuracy")], epochs=12, model=model)
    values = model.history["accuracy"]
    best = fastnn.load(tmp_path / "best.safetensors")
    assert best.epoch == 1 + int(np.argmax(values)) > 1


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    old, new = ".fastnn-0123456789abcdef.tmp", ".fastnn-aaaaaaaaaaaaaaaa.tmp"
    for name in (old, new, "notes.txt", ".hidden.tmp"):
        (tmp_path / name).write_text("x")
    os.utime(tmp_path / old, (0, 0))
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        Checkpoint.latest(tmp_path)
    train([Checkpoint(tmp_path, keep=1)])
    assert names(tmp_path)[:2] == [new, ".hidden.tmp"]
    assert len(names(tmp_path)) == 4


def test_a_second_training_in_the_same_folder_is_the_newer_one(tmp_path):
    train([Checkpoint(tmp_path)], epochs=10)
    train([Checkpoint(tmp_path)], epochs=2)
    assert fastnn.load(Checkpoint.latest(tmp_path)).epoch == 2
    assert [name[:14] for name in names(tmp_path)][-2:] == ["000011-epoch-1", "000012-epoch-2"]


def test_the_last_epoch_is_saved_whatever_its_number(tmp_path):
    train([Checkpoint(tmp_path, every=5)], epochs=7)
    assert fastnn.load(Checkpoint.latest(tmp_path)).epoch == 7


@pytest.mark.parametrize(
    ("settings", "match"),
    [({"keep": 0}, "keep=0"), ({"every": 0.5}, "every=0.5"), ({"best": "profit"}, "mode=")],
)
def test_wrong_settings_are_refused(settings, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        Checkpoint(tmp_path, **settings)
    assert os.listdir(tmp_path) == []


def test_a_best_column_that_is_not_recorded_is_refused(tmp_path):
    with pytest.raises(ValueError, match='Checkpoint watches "val_loss"'):
        train([Checkpoint(tmp_path / "c", best="val_loss")])
    assert os.listdir(tmp_path) == []


def test_json_lines_are_written_as_training_goes(tmp_path):
    path = tmp_path / "log.jsonl"
    seen = []

    def look(model, history):
        seen.append(len(path.read_text().splitlines()))

    model = train([JSONLog(path), look], epochs=2, validation_split=0.2, validation_freq=2)
    train([JSONLog(path)], epochs=1, model=model)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert seen == [1, 2]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert "val_loss" not in rows[0]
    assert rows[2]["val_loss"] is None
    assert rows[1]["val_loss"] == model.history["val_loss"][1]
    assert rows[2]["loss"] == model.history["loss"][2]


def test_a_csv_file_grows_by_rows_and_by_columns(tmp_path):
    path = tmp_path / "log.csv"
    model = train([CSVLog(path)], epochs=2)
    model.compile("adam", metrics=["log_loss"])
    train([CSVLog(path)], epochs=1, model=model, validation_split=0.2)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[1]["accuracy"]) == model.history["accuracy"][1]
    assert rows[2]["accuracy"] == rows[1]["val_log_loss"] == ""
    assert math.isfinite(float(rows[2]["val_log_loss"]))


def test_tensorboard_gets_a_scalar_a_column(tmp_path):
    pytest.importorskip("tensorboardX")
    train([TensorBoardLog(tmp_path)])
    (events,) = tmp_path.iterdir()
    assert b"gradient_norm" in events.read_bytes()


def test_without_its_writer_tensorboard_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"fastnn-mlp\[tensorboard\]"):
        train([TensorBoardLog(tmp_path)])
