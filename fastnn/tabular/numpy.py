"""A whole tabular model in NumPy alone: raw columns in, probabilities or numbers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastnn.export import formulas
from fastnn.export.numpy import Around, NumpyPredictor, Step, written
from fastnn.export.reading import read
from fastnn.tabular.encoder import MISSING, OTHER, Rule


def to_numpy(model: Any, path: str | Path | None = None) -> NumpyPredictor:
    """A trained model as a function; see `TabularModel.to_numpy`."""
    model._fitted()
    return written(lambda: _predictor(model), path)


def _predictor(model: Any) -> NumpyPredictor:
    arrays: dict[str, np.ndarray] = {}
    starts, ends = [], []
    classes = len(model.target_.classes)
    for k, member in enumerate(model.members_):
        names = f"median{k}", f"factor{k}"
        arrays |= dict(zip(names, (member.median, member.factor), strict=True))
        rules = tuple(_literal(rule) for rule in member.encoder.rules)
        starts.append(
            (Step(formulas.encoded, numbers=(rules,)), Step(formulas.softly_scaled, names))
        )
        if not classes:
            numbers = (float(member.scale), float(member.mean))
            ends.append((Step(formulas.in_units, numbers=numbers),))
            continue
        both = (Step(formulas.both_classes),) * (member.network._built().layout.n_out == 1)
        places = tuple(int(answer) for answer in member.answers)
        ends.append((*both, Step(formulas.placed, numbers=(places, classes))))
    names = tuple(rule.column.name for rule in model.members_[0].encoder.rules)
    around = Around(
        tuple(arrays.items()), before=(Step(formulas.table, numbers=(names,)),),
        starts=tuple(starts), ends=tuple(ends), after=(Step(formulas.shares),) * bool(classes),
        reads="float64", n_out=classes or 1,
    )  # fmt: skip
    return NumpyPredictor([read(member.network, "to_numpy") for member in model.members_], around)


def _literal(rule: Rule) -> tuple[Any, ...]:
    """What `formulas.encoded` reads of a column."""
    places = {category: k for k, category in enumerate(rule.categories)}
    return (
        rule.column.name, rule.column.kind, float(rule.median), bool(rule.indicator),
        tuple(rule.categories), places.get(MISSING, -1), places.get(OTHER, -1),
    )  # fmt: skip
