"""What the description of an estimator's file says: the form that is checked before all else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.estimators.recipe import OUTPUTS
from fastnn.estimators.saving import COUNTS, KIND
from fastnn.files import forms
from fastnn.files.forms import (
    anything,
    array,
    choice,
    either,
    listed,
    mapping,
    maybe,
    record,
    row,
    switch,
    text,
    whole,
)
from fastnn.files.persistence import TYPES
from fastnn.files.specs import part

LARGEST = 2**64


def plain(value: Any, place: str) -> None:
    """Nothing, yes or no, a number, a text."""
    if type(value) is str:
        text(value, place)
    elif type(value) is int:
        whole(-LARGEST, LARGEST)(value, place)
    elif value is not None and type(value) is not bool:
        forms.number()(value, place)


_BOXES: dict[str, Callable[[Any, str], None]] = {
    "pairs": listed(row(plain, plain)),
    "tuple": listed(plain), "infinite": switch,
    "array": either(
        listed(lambda value, place: _value(value, place)),
        lambda value, place: array(
            "bool", "int64", "float64", ndim=1 + (np.ndim(value) == 2)
        )(value, place),
    ),
}  # fmt: skip


def _value(value: Any, place: str) -> None:
    """What a parameter is set to: plain, a list of such, a part of fastnn."""
    if type(value) is list:
        listed(plain)(value, place)
    elif type(value) is not dict:
        plain(value, place)
    elif "class" in value:
        part(str(value["class"]).partition(".")[0])(value, place)
    else:
        name = next(iter(value), "")
        record({name: _BOXES.get(name, choice("array", "pairs"))})(value, place)


NETWORK = record({
    "own": mapping(_value), "network": anything,
    "counts": record(dict.fromkeys(COUNTS[:2], whole()), {COUNTS[2]: whole()}),
    "best_epoch": maybe(whole()), "random": row(whole(0, 624), whole(0, 1), forms.number()),
    "rate": maybe(forms.number(0.0)), "optimizer": maybe(text), "schedule": _value,
}, {"version": whole(1)})  # fmt: skip
_numbers = array(*(dtype.name for dtype in TYPES.values()))
_places = either(listed(whole()), array("int64"))
DESCRIPTION = record({
    "kind": choice(KIND), "fastnn": text, "version": whole(1),
    "class": choice("MLPClassifier", "MLPRegressor"),
    "parameters": mapping(_value), "n_features": whole(1), "feature_names": maybe(forms.texts),
    "inputs": maybe(record({
        "columns": _places, "left_out": _places,
        "words": either(listed(row(whole(), switch)), array("int64", ndim=2)),
        "categories": either(listed(listed(plain, 1)), forms.texts),
        "rare": either(listed(listed(whole())), array("bool")),
    }, {"sizes": array("int64"), "gaps": _places})),
    "classes": maybe(record({
        "type": text, "values": either(listed(plain, 1), _numbers), "sparse": switch,
        "kind": choice("binary", "multiclass", "multilabel-indicator"),
    })),
    "out_activation": choice(*OUTPUTS), "ensemble": switch, "fold_seed": maybe(whole()),
    "networks": listed(anything, 1),
})  # fmt: skip
