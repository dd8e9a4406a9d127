"""Reading a tabular model back from its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.files import forms, texts
from fastnn.files.forms import (
    anything,
    array,
    choice,
    listed,
    mapping,
    maybe,
    number,
    record,
    switch,
    text,
    whole,
)
from fastnn.files.persistence import ModelFileError, networks, unpack
from fastnn.inputs.paths import as_path
from fastnn.model.loading import from_portrait
from fastnn.tabular.columns import KINDS, Column
from fastnn.tabular.encoder import CYCLES, Encoder, Rule
from fastnn.tabular.members import Member
from fastnn.tabular.model import TabularModel
from fastnn.tabular.portrait import (
    ARRAYS,
    COLUMN,
    KIND,
    chosen_spec,
    class_weight_spec,
    columns_spec,
    rules_spec,
)
from fastnn.tabular.target import TASKS, Target
from fastnn.tabular.values import WRITINGS

TARGET = record({"name": text, "task": choice(*TASKS), "why": text, "classes": forms.texts,
                 "writing": choice(*WRITINGS)})  # fmt: skip
COMMON = {
    "kind": choice(KIND), "fastnn": text, "version": whole(1), "members": listed(anything, 1),
    "target": TARGET, "task": maybe(choice(*TASKS)), "sample_weight": maybe(text),
    "settings": mapping(anything), "holdout": number(0.0),
    "time_limit": maybe(number(0.0)), "seed": whole(), "scores": mapping(number()),
    "notes": forms.texts, "rows": whole(), "seconds": number(0.0), "interrupted": switch,
}  # fmt: skip
_WEIGHTS = record({"names": forms.texts, "weights": array("float64")})


def _weights(value: Any, place: str) -> None:
    """Weights of the classes: none, "balanced", or some."""
    if value is not None and value != "balanced":
        _WEIGHTS(value, place)


DESCRIPTION = record(COMMON | {
    "columns": record(dict.fromkeys(COLUMN, forms.texts)),
    "chosen": record({"names": forms.texts, "kinds": forms.texts}),
    "class_weight": _weights,
})  # fmt: skip
RULES = record({"columns": array("int64"), "medians": array("float64"),
                "indicators": array("bool"), "categories": forms.texts,
                "sizes": array("int64")})  # fmt: skip
MEMBER = record({"network": anything, "rules": RULES, "mean": number(), "scale": number(0.0)},
                {"version": whole(1)})  # fmt: skip

# Of version 1.
_COLUMN = record({"name": text, "kind": choice(*KINDS), "why": text, "writing": choice(*WRITINGS),
                  "stamp": maybe(text)})  # fmt: skip
_RULE = record({"column": text, "median": number(), "indicator": switch,
                "categories": listed(text)})  # fmt: skip
_MEMBER = record({"network": anything, "rules": listed(_RULE), "mean": number(),
                  "scale": number(0.0)})  # fmt: skip
_DESCRIPTION = record(COMMON | {
    "columns": listed(_COLUMN, 1), "chosen": mapping(choice(*KINDS)), "class_weight": anything,
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
        if description["version"] == 1:
            description = _of_today(description)
        DESCRIPTION(description, "its description")
        return _model(tensors, description)
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ModelFileError(f"{path} holds no tabular model that can be built: {error}") from error


def _of_today(d: dict[str, Any]) -> dict[str, Any]:
    """A description of version 1 as one of today."""
    _DESCRIPTION(d, "its description")
    columns = [Column(**column) for column in d["columns"]]
    known = {column.name: column for column in columns}
    members = []
    for k, member in enumerate(d["members"]):
        _MEMBER(member, f"its member {k}")
        rules = [Rule(**rule | {"column": known[rule["column"]]}) for rule in member["rules"]]
        members.append(member | {"rules": rules_spec(rules, columns)})
    return d | {
        "columns": columns_spec(columns), "members": members, "chosen": chosen_spec(d["chosen"]),
        "class_weight": class_weight_spec(d["class_weight"]),
    }  # fmt: skip


def _model(tensors: dict[str, np.ndarray], d: dict[str, Any]) -> TabularModel:
    left = dict(tensors)
    held_out = left.pop("held_out")
    kinds = _checked_kinds(d)
    n_classes = texts.count(d["target"]["classes"])
    parts = []
    for arrays, spec in networks(left, d["members"]):
        MEMBER(spec, "its member")
        parts.append((spec["rules"], _network(arrays, spec, kinds, n_classes)))
    if left:
        raise ValueError(f"it has the array {next(iter(left))!r:.60}, which is unknown here")
    model = TabularModel(
        d["target"]["name"], task=d["task"], sample_weight=d["sample_weight"],
        settings=d["settings"], holdout=d["holdout"], seconds=d["time_limit"], seed=d["seed"],
    )  # fmt: skip
    # All is checked. Texts take more memory than in the file, and networks and what is copied, too.
    model.columns, model.class_weight = _chosen(d["chosen"]), _class_weight(d["class_weight"])
    model.columns_ = _columns(d["columns"])
    classes = tuple(texts.to_list(d["target"]["classes"]))
    model.target_ = Target(**d["target"] | {"classes": classes})
    model.scores_, model.notes_, model.n_rows_ = d["scores"], texts.to_list(d["notes"]), d["rows"]
    model.seconds_, model.interrupted_ = d["seconds"], d["interrupted"]
    model.held_out_ = held_out.copy()
    model.members_ = [Member(_encoder(rules, model.columns_), *others()) for rules, others in parts]
    return model


def _checked_kinds(d: dict[str, Any]) -> np.ndarray:
    """The kind of each column by its place in `KINDS`, when all texts are as many as they should.

    Nothing is made of the texts yet: they take more memory than in the file.
    """
    columns, chosen, weights = d["columns"], d["chosen"], d["class_weight"]
    kinds = _known(columns["kind"], KINDS)
    numbers = {len(_known(columns["writing"], [*WRITINGS])), *map(texts.count, columns.values())}
    if numbers != {len(kinds)}:
        raise ValueError("a column lacks a part")
    if texts.count(chosen["names"]) != len(_known(chosen["kinds"], KINDS)):
        raise ValueError("the columns whose kind was chosen have no kind each")
    if isinstance(weights, dict) and (
        len(weights["weights"]) != texts.count(weights["names"])
        or weights["weights"].min(initial=0) < 0
    ):
        raise ValueError("the weights of its classes are not those of its classes")
    return kinds


def _known(words: np.ndarray, known: Sequence[str]) -> np.ndarray:
    """The places (n,) of texts among those that are known."""
    place = {word.encode(): k for k, word in enumerate(known)}
    found = np.fromiter((place.get(word, -1) for word in texts.each(words)), np.int8)
    if found.min(initial=0) < 0:
        raise ValueError(f"a column is of another kind than {', '.join(known)}")
    return found


def _chosen(spec: dict[str, np.ndarray]) -> dict[str, str]:
    return dict(zip(texts.to_list(spec["names"]), texts.to_list(spec["kinds"]), strict=True))


def _class_weight(spec: Any) -> Any:
    if not isinstance(spec, dict):
        return spec
    return dict(zip(texts.to_list(spec["names"]), spec["weights"].tolist(), strict=True))


def _columns(spec: dict[str, np.ndarray]) -> list[Column]:
    rows = zip(*(texts.to_list(spec[name]) for name in COLUMN), strict=True)
    return [Column(name, kind, why, writing, stamp or None)
            for name, kind, why, writing, stamp in rows]  # fmt: skip


def _encoder(spec: dict[str, np.ndarray], columns: list[Column]) -> Encoder:
    categories, ends = texts.to_list(spec["categories"]), np.cumsum(spec["sizes"])
    rows = zip(spec["columns"], spec["medians"], spec["indicators"], spec["sizes"], ends,
               strict=True)  # fmt: skip
    return Encoder([
        Rule(columns[at], float(median), bool(indicator), categories[end - size : end])
        for at, median, indicator, size, end in rows
    ])  # fmt: skip


def _n_encoded(rules: dict[str, np.ndarray], kinds: np.ndarray) -> int:
    """How many columns rules make, of columns of some kinds."""
    at, sizes = rules["columns"], rules["sizes"]
    if not len(at) == len(sizes) == len(rules["medians"]) == len(rules["indicators"]):
        raise ValueError("a rule of its encoder lacks a part")
    if at.min(initial=0) < 0 or at.max(initial=-1) >= len(kinds):
        raise ValueError(f"its rules are of other columns than its {len(kinds)}")
    n = texts.count(rules["categories"])
    if sizes.min(initial=0) < 0 or sizes.max(initial=0) > n or sizes.sum() != n:
        raise ValueError("its categories are not those of its columns")
    kind = kinds[at]
    others = 1 + 2 * len(CYCLES) * (kind == KINDS.index("date")) + rules["indicators"]
    return int(np.where(kind == KINDS.index("category"), sizes, others).sum())


def _network(
    arrays: dict[str, np.ndarray], spec: dict[str, Any], kinds: np.ndarray, n_classes: int
) -> Callable[[], tuple[Any, ...]]:
    """What makes a member but for its encoder."""
    median, factor, answers = (arrays.pop(name) for name in ARRAYS)
    for name, values in (("median", median), ("factor", factor)):
        array("float64")(values, name)
    width = _n_encoded(spec["rules"], kinds)
    network = from_portrait(arrays, spec["network"])
    layout = network.layout
    n_out = len(answers) if layout.n_out > 1 else (
        1 if not n_classes else min(len(answers), 2) // 2
    )  # fmt: skip
    if not (median.shape == factor.shape == (width,) == (layout.n_in,)):
        raise ValueError("the columns that it encodes are not those that its network reads")
    if answers.dtype != np.int64 or answers.ndim != 1 or layout.n_out != n_out:
        raise ValueError("the classes are not those that its network answers")
    if len(answers) and not (answers.min() >= 0 and answers.max() < n_classes):
        raise ValueError("its network answers classes that it does not name")

    def made() -> tuple[Any, ...]:
        # Of the file's bytes nothing stays.
        mine = median.copy(), factor.copy(), network.built(), answers.copy()
        return *mine, spec["mean"], spec["scale"]

    return made
