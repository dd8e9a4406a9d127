"""Changes of course: other settings for a model in the middle of its life."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from fastnn.inputs.names import suggestion
from fastnn.inputs.settings import check_count, check_switch, is_one_of
from fastnn.inputs.splits import as_parts, check_share
from fastnn.layers import Dense, Dropout, Layer
from fastnn.optimizers import LBFGS, Adam, AdamW, Optimizer
from fastnn.training.batches import batch_rows
from fastnn.training.network import Setup

FIT_SETTINGS = ("batch_size", "shuffle", "validation_split", "validation_freq", "training_metrics")
"""What `fit` takes at each call."""


def changed(
    layers: tuple[Layer, ...], setup: Setup, changes: dict[str, Any]
) -> tuple[tuple[Layer, ...], Setup]:
    """Layers and setup after some changes; the optimizer's state goes on with them.

    "dropout" is the rate of all Dropout layers; "l1" and "l2" are those of all Dense layers;
    "weight_decay" makes AdamW of Adam, and is L2 for optimizers that do not decouple it; anything
    else is a setting of the optimizer.
    """
    optimizer = setup.optimizer
    for name, value in changes.items():
        if name == "dropout":
            layers = _with(layers, Dropout, "rate", value)
        elif name in ("l1", "l2"):
            layers = _with(layers, Dense, name, value)
        elif name == "weight_decay" and not isinstance(optimizer, AdamW):
            if type(optimizer) is Adam:
                optimizer = AdamW(**asdict(optimizer), weight_decay=value)
            else:
                layers = _with(layers, Dense, "l2", value)
        elif name in {f.name for f in fields(optimizer)}:
            optimizer = replace(optimizer, **{name: value})
        else:
            raise ValueError(_unknown(name, optimizer))
    return layers, replace(setup, optimizer=optimizer)


def check_fit_settings(settings: dict[str, Any], n: int, optimizer: Optimizer) -> None:
    """Refuse values that `fit` would refuse."""
    for name, value in settings.items():
        if name == "batch_size":
            batch_rows(value, n, optimizer)
        elif name == "shuffle":
            check_switch(value, name)
        elif name == "validation_freq":
            check_count(value, name)
        elif name == "validation_split" and isinstance(value, np.ndarray | list | tuple):
            as_parts(value, n)
        elif name == "validation_split" and not is_one_of(value, (0, True)):
            check_share(value)
        elif name == "training_metrics" and not is_one_of(value, ("running", "full", "sample")):
            raise ValueError(f'{name} is {value!r}; expected "running", "full" or "sample"')


def _unknown(name: str, optimizer: Optimizer) -> str:
    known = [f.name for f in fields(optimizer) if not isinstance(optimizer, LBFGS)]
    known += ["dropout", "weight_decay", "l1", "l2", *FIT_SETTINGS]
    known = list(dict.fromkeys(known))
    hint = suggestion("argument", name, known)
    return (
        f'a session with {type(optimizer).__name__} has no setting "{name}"; '
        f"{hint}{'E' if hint else 'e'}xpected one of {', '.join(known)}"
    )


def _with(layers: tuple[Layer, ...], kind: type, field: str, value: Any) -> tuple[Layer, ...]:
    """The layers, a field of all those of one kind changed."""
    if not any(isinstance(layer, kind) for layer in layers):
        raise ValueError(
            f"the model has no {kind.__name__} layer whose {field} could become {value!r}; a "
            "session changes settings, not layers: make a new model with it, and take over the "
            "weights with initialize_from"
        )
    return tuple(
        replace(layer, **{field: value}) if isinstance(layer, kind) else layer  # type: ignore[type-var]
        for layer in layers
    )
