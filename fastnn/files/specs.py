"""Specs: layers, losses, optimizers and schedules as plain data, and back.

A part is a dictionary of its class's name, such as "layers.Dense", and its fields. The classes
are those of fastnn and no others, so that reading a spec never runs anything. A user's own
function is named, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from fastnn import initializers, layers, losses, metrics, optimizers, schedules
from fastnn.files import forms
from fastnn.files.forms import Form


def label(cls: type) -> str:
    """A class's name beside that of its kind: two kinds have a Constant."""
    return f"{cls.__module__.split('.')[1]}.{cls.__name__}" if "." in cls.__module__ else ""


_PARTS: tuple[type, ...] = (
    *layers.LAYERS.values(), *losses.LOSSES.values(), losses.Custom,
    *optimizers.OPTIMIZERS.values(), *schedules.SCHEDULES.values(),
    *(getattr(initializers, name) for name in initializers.__all__),
)  # fmt: skip
CLASSES = {label(cls): cls for cls in _PARTS if is_dataclass(cls)}


def to_spec(value: Any, own: dict[str, Callable]) -> Any:
    """Plain data and arrays for a part, a number, a text or a sequence; own functions are added
    to `own`.

    Examples
    --------
    >>> to_spec(layers.Dropout(0.5), {})
    {'class': 'layers.Dropout', 'rate': 0.5}
    """
    if is_dataclass(value) and not isinstance(value, type):
        name = label(type(value))
        if CLASSES.get(name) is not type(value):
            raise TypeError(
                f"{value!r:.60} is of a class of your own; only the parts that fastnn brings can "
                "be saved: use those, and functions of your own"
            )
        given = {f.name: to_spec(getattr(value, f.name), own) for f in fields(value) if f.init}
        return {"class": name, **given}
    if isinstance(value, np.ndarray):
        known = {"b": bool, "i": np.int64, "f": np.float64}.get(value.dtype.kind)
        return {"array": value.tolist() if known is None else value.astype(known)}
    if isinstance(value, list | tuple):
        return [to_spec(item, own) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value) and not isinstance(value, type):
        name = getattr(value, "__name__", type(value).__name__).replace("<lambda>", "function")
        return {"own": name_own(value, name, own)}
    raise TypeError(f"{value!r:.60} cannot be saved; expected numbers, texts and parts of fastnn")


def name_own(function: Callable, name: str, own: dict[str, Callable]) -> str:
    """Note a user's own function under its name; a second one of that name is "name_2"."""
    n, fresh = 1, name
    while own.setdefault(fresh, function) is not function:
        n += 1
        fresh = f"{name}_{n}"
    return fresh


def part(kind: str) -> Form:
    """The form of a part of a kind, such as "layers": its class and the fields of that."""

    def check(value: Any, place: str) -> None:
        if type(value) is not dict or type(value.get("class")) is not str:
            forms.refuse(value, place, f"one of fastnn's {kind}")
        name = value["class"]
        if name not in CLASSES or not name.startswith(kind + "."):
            raise ValueError(
                f"{place} is of the class {name!r:.60}, which is unknown among the {kind}"
            )
        _form_of(name)(value, place)

    return check


@cache
def _form_of(name: str) -> Form:
    """The form of a part of a class."""
    given = [f for f in fields(CLASSES[name]) if f.init]
    each = {f.name: _FIELDS.get(f.type, _any_field) for f in given}
    needed = {f.name for f in given if f.default is MISSING}
    return forms.record(
        {"class": forms.text} | {name: form for name, form in each.items() if name in needed},
        {name: form for name, form in each.items() if name not in needed},
    )


_own = forms.record({"own": forms.text})
_numbers = forms.listed(forms.number())
_array = forms.record({"array": forms.either(
    forms.listed(_numbers), forms.array("float64", "int64", ndim=2),
)})  # fmt: skip


def _any_field(value: Any, place: str) -> None:
    """A field that takes several kinds of values: numbers, a text, an own function, a part."""
    if type(value) is dict:
        if "class" in value:
            kind = "schedules" if place.endswith(".learning_rate") else "initializers"
            part(kind)(value, place)
        else:
            # Others than initial weights would become lists.
            weights = place.endswith((".init", ".values"))
            (_array if weights and "own" not in value else _own)(value, place)
    elif type(value) is list:
        nested = bool(value) and type(value[0]) is list
        forms.listed(_numbers if nested else forms.number())(value, place)
    elif type(value) is str:
        forms.text(value, place)
    elif value is not None:
        forms.number()(value, place)


_FIELDS: dict[Any, Form] = {
    int: forms.whole(-forms.MOST), float: forms.number(), bool: forms.switch, str: forms.text,
    Callable: _own,
}  # fmt: skip
"""What a field of such an annotation holds; of any other, `_any_field`."""


def from_spec(spec: Any, own: dict[str, Callable]) -> Any:
    """The part, number, text or tuple of a spec.

    Examples
    --------
    >>> from_spec({"class": "layers.Dropout", "rate": 0.5}, {})
    Dropout(0.5)
    """
    if isinstance(spec, list):
        return tuple(from_spec(item, own) for item in spec)
    if not isinstance(spec, dict):
        return spec
    if "own" in spec:
        return own[spec["own"]]
    if "array" in spec:
        return np.asarray(spec["array"])
    given = {name: from_spec(value, own) for name, value in spec.items() if name != "class"}
    return CLASSES[spec["class"]](**given)


def own_names(spec: Any) -> Iterator[str]:
    """Names of the own functions that a spec needs."""
    if isinstance(spec, dict):
        if "own" in spec:
            yield spec["own"]
        for value in spec.values():
            yield from own_names(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from own_names(value)


def metric_spec(name: str, metric: Callable, own: dict[str, Callable]) -> Any:
    """A metric as the name by which `fastnn.metrics.get` finds it, or as an own function."""
    found = getattr(metric, "__name__", "")
    built_in = metrics.METRICS.get(found) is metric
    if built_in or (found.startswith("top_") and metrics.is_of_classes(metric)):
        return found
    return {"own": name_own(metric, name, own)}


def metric(value: Any, place: str) -> None:
    """The form of a metric: its name, or an own function's."""
    (_own if type(value) is dict else forms.text)(value, place)


def metric_from(spec: Any, own: dict[str, Callable]) -> Callable:
    """The metric of a spec."""
    return own[spec["own"]] if isinstance(spec, dict) else metrics.get(spec)[1]
