"""Reading a tabular model back from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.files.forms import choice, listed, mapping, maybe, number, record, switch, text, whole
from fastnn.files.persistence import ModelFileError, unpack
from fastnn.inputs.paths import as_path
from fastnn.model.loading import from_portrait
from fastnn.tabular.columns import KINDS, Column
from fastnn.tabular.encoder import Encoder, Rule
from fastnn.tabular.members import Member
from fastnn.tabular.model import TabularModel
from fastnn.tabular.portrait import ARRAYS, KIND
from fastnn.tabular.target import TASKS, Target
from fastnn.tabular.values import WRITINGS

COLUMN = record({"name": text, "kind": choice(*KINDS), "why": text, "writing": choice(*WRITINGS),
                 "stamp": maybe(text)})  # fmt: skip
RULE = record({"column": text, "median": number(), "indicator": switch,
               "categories": listed(text)})  # fmt: skip
TARGET = record({"name": text, "task": choice(*TASKS), "why": text, "classes": listed(text),
                 "writing": choice(*WRITINGS)})  # fmt: skip


def _anything(value: Any, place: str) -> None:
    """What another reader checks."""


DESCRIPTION = record({
    "kind": choice(KIND), "fastnn": text, "version": whole(1),
    "members": listed(record({"network": _anything, "rules": listed(RULE), "mean": number(),
                              "scale": number(0.0)}), 1),
    "columns": listed(COLUMN, 1), "target": TARGET, "chosen": mapping(choice(*KINDS)),
    "task": maybe(choice(*TASKS)), "sample_weight": maybe(text),
    "class_weight": _anything, "settings": mapping(_anything), "holdout": number(0.0),
    "time_limit": maybe(number(0.0)), "seed": whole(), "scores": mapping(number()),
    "notes": listed(text), "rows": whole(), "seconds": number(0.0), "interrupted": switch,
})  # fmt: skip


def load_model(path: str | Path) -> TabularModel:
    """Read a model that `TabularModel.save` has written; nothing in the file is run.

    Raises
    ------
    ModelFileError
        For a file that is damaged, foreign, or of another kind of model.
    FileNotFoundError
    """
    return read_tabular(path, *unpack(as_path(path)))


def read_tabular(
    path: str | Path, tensors: dict[str, np.ndarray], description: dict[str, Any]
) -> TabularModel:
    """The model that a file holds, of which this is what it holds."""
    try:
        if description.get("kind") != KIND:
            raise ValueError("it holds another kind of model; read it with fastnn.load")
        DESCRIPTION(description, "its description")
        return _model(tensors, description)
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ModelFileError(f"{path} holds no tabular model that can be built: {error}") from error


def _model(tensors: dict[str, np.ndarray], d: dict[str, Any]) -> TabularModel:
    model = TabularModel(
        d["target"]["name"], task=d["task"], columns=d["chosen"], sample_weight=d["sample_weight"],
        class_weight=d["class_weight"],
        settings=d["settings"], holdout=d["holdout"], seconds=d["time_limit"], seed=d["seed"],
    )  # fmt: skip
    model.columns_ = [Column(**column) for column in d["columns"]]
    model.target_ = Target(**d["target"] | {"classes": tuple(d["target"]["classes"])})
    model.scores_, model.notes_, model.n_rows_ = d["scores"], d["notes"], d["rows"]
    model.seconds_, model.interrupted_ = d["seconds"], d["interrupted"]
    left = dict(tensors)
    model.held_out_ = left.pop("held_out")
    for k, spec in enumerate(d["members"]):
        own = {name: left.pop(name) for name in list(left) if name.startswith(f"{k}.")}
        arrays = {name.partition(".")[2]: array for name, array in own.items()}
        model.members_.append(_member(arrays, spec, model))
    if left:
        raise ValueError(f"it has the array {next(iter(left))!r:.60}, which is unknown here")
    return model


def _member(arrays: dict[str, np.ndarray], spec: dict[str, Any], model: TabularModel) -> Member:
    columns = {column.name: column for column in model.columns_}
    encoder = Encoder([Rule(**r | {"column": columns[r["column"]]}) for r in spec["rules"]])
    median, factor, answers = (arrays.pop(name) for name in ARRAYS)
    network = from_portrait(arrays, spec["network"])
    layout = network._built().layout
    classes = len(model.target_.classes)
    width = len(answers) if layout.n_out > 1 else 1 if not classes else min(len(answers), 2) // 2
    if not (median.shape == factor.shape == (len(encoder.outputs),) == (layout.n_in,)):
        raise ValueError("the columns that it encodes are not those that its network reads")
    if answers.dtype != np.int64 or answers.ndim != 1 or layout.n_out != width:
        raise ValueError("the classes are not those that its network answers")
    if len(answers) and not (answers.min() >= 0 and answers.max() < classes):
        raise ValueError("its network answers classes that it does not name")
    return Member(encoder, median, factor, network, answers, spec["mean"], spec["scale"])
