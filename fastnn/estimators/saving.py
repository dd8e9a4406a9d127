"""Saving an estimator: its parameters, and all that it has learned, as arrays and plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators.presets import own_class, parameters_of
from fastnn.files import texts
from fastnn.files.persistence import VERSION, pack
from fastnn.files.specs import to_spec
from fastnn.files.version import __version__
from fastnn.files.whole import write_whole
from fastnn.inputs.paths import as_path
from fastnn.model import Sequential
from fastnn.model.saving import portrait

KIND = "estimator"
COUNTS = "n_iter_", "t_", "_no_improvement_count"
NUMBERS = "loss_", "best_loss_", "best_validation_score_"
CURVES = "loss_curve_", "validation_scores_", "_y_mean", "_y_scale"


def save(e: Any, path: str | Path) -> None:
    """Write a fitted estimator to a file; see `BaseMLP.save`."""
    write_whole(as_path(path), pack(*estimator_portrait(e)))


def estimator_portrait(e: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All that a fitted estimator is: arrays by name, and the rest as plain data and arrays.

    Raises
    ------
    TypeError, ValueError
        For what no file can hold: a class or a function of the user's own, a generator.
    """
    check_is_fitted(e)
    cls = type(e)
    if cls is not own_class(e):
        raise TypeError(
            f"{cls.__name__} is a class of your own, which no file can hold; save an "
            f"{own_class(e).__name__}, or pickle it"
        )
    members = getattr(e, "estimators_", [e])
    if not all(hasattr(member, "_machine") for member in members):
        raise ValueError(f"this {cls.__name__} was filled in by hand; fit it, then save it")
    parameters = _parameters(e)
    tensors: dict[str, np.ndarray] = {}
    networks = []
    for member in members:
        arrays, about = _network(member)
        own = {n: v for n, v in _parameters(member).items() if _text(v) != _text(parameters[n])}
        networks.append(np.frombuffer(pack(arrays, {"own": own, **about}), np.uint8))
    seed = getattr(e, "_fold_seed", None)
    inputs = getattr(e, "_inputs", None)
    if inputs is not None:
        tensors |= {"median": inputs.median, "factor": inputs.factor}
    names = getattr(e, "feature_names_in_", None)
    return tensors, {
        "kind": KIND, "fastnn": __version__, "class": cls.__name__, "parameters": parameters,
        "n_features": int(e.n_features_in_),
        "feature_names": None if names is None else texts.to_array(names),
        "inputs": None if inputs is None else _inputs(inputs), "classes": _classes(e),
        "out_activation": e.out_activation_, "ensemble": hasattr(e, "estimators_"),
        "fold_seed": None if seed is None else int(seed), "networks": networks,
    }  # fmt: skip


def _parameters(e: Any) -> dict[str, Any]:
    return {name: _parameter(name, value) for name, value in parameters_of(e).items()}


def _text(parameter: Any) -> str:
    """What two parameters can be compared by."""
    return json.dumps(parameter, default=np.ndarray.tolist)


def _parameter(name: str, value: Any) -> Any:
    """Plain data and arrays for a parameter."""
    if isinstance(value, np.random.RandomState):
        raise TypeError(
            f"{name} is a generator, which no file can hold: set it to a whole number or None"
        )
    if isinstance(value, dict):
        return {"pairs": [[_parameter(name, part) for part in pair] for pair in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_parameter(name, part) for part in value]}
    if isinstance(value, float) and np.isinf(value):
        return {"infinite": value > 0}
    own: dict[str, Any] = {}
    try:
        found = to_spec(value, own)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if own:
        raise TypeError(
            f"{name} is or holds {next(iter(own))}, a function of your own, which no file can "
            "hold: choose one by its name, or pickle the estimator"
        )
    return found


def _classes(e: Any) -> dict[str, Any] | None:
    """The classes of a classifier."""
    if not hasattr(e, "classes_"):
        return None
    classes, binarizer = e.classes_, e._binarizer()
    words = classes.dtype == object and all(type(c) is str for c in classes)
    if not words and classes.dtype.kind not in "biufU":
        raise TypeError(
            f"the classes are of type {classes.dtype}, such as {classes[0]!r:.40}; a file holds "
            "numbers and texts: make them such before fit, as with y.astype(str)"
        )
    are_texts = words or classes.dtype.kind == "U"
    return {
        "type": "object" if words else classes.dtype.newbyteorder("<").str,
        "values": texts.to_array(classes.tolist()) if are_texts else classes,
        "kind": binarizer.y_type_, "sparse": binarizer.sparse_input_,
    }  # fmt: skip


def _inputs(inputs: Any) -> dict[str, Any]:
    """What the preset knows of the table, but for its scale."""
    categories, rare = [], []
    if inputs.encoder is not None:
        for own, few in zip(
            inputs.encoder.categories_, inputs.encoder.infrequent_categories_, strict=True
        ):
            those = set() if few is None else set(few)
            categories.append([c.item() if isinstance(c, np.generic) else c for c in own])
            rare += [c in those for c in own]
    # JSON would write half a letter, which is none when it is read back.
    texts.to_array(c for own in categories for c in own if isinstance(c, str))
    return {
        "columns": inputs.columns, "left_out": inputs.left_out, "gaps": inputs.gaps,
        "words": np.array([*inputs.words.items()], np.int64).reshape(-1, 2),
        "categories": texts.to_array(json.dumps(c) for own in categories for c in own),
        "sizes": np.array([len(own) for own in categories], np.int64),
        "rare": np.array(rare, bool),
    }  # fmt: skip


def _network(e: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """One network, and how far its training has come."""
    e._take_coefs()
    machine = e._machine
    shell = Sequential(machine.layout.layers, seed=0, dtype=machine.dtype.name)
    shell._network, shell._dropout_seed, shell.history = machine, machine.dropout_seed, e.history_
    with machine.lock:
        found, network = portrait(shell)
        arrays = {f"network.{name}": array.copy() for name, array in found.items()}
    for name in (*NUMBERS, *CURVES):
        if getattr(e, name, None) is not None:
            arrays[name] = np.atleast_1d(np.asarray(getattr(e, name), np.float64))
    if e._best is not None:
        arrays["best"] = e._best[0]
    if machine.order is not None:
        arrays["order"] = machine.order
    if machine.split is not None:
        arrays |= {"learned": machine.split[1], "held": machine.split[2]}
    state = machine.random_state.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise TypeError(f"random numbers are {state['bit_generator']}'s; a file holds MT19937's")
    arrays["random"] = state["state"]["key"].astype(np.int64)
    return arrays, {
        "network": {"version": VERSION, **network},
        "counts": {name: int(getattr(e, name)) for name in COUNTS if hasattr(e, name)},
        "best_epoch": None if e._best is None else int(e._best[1]),
        "random": [int(state["state"]["pos"]), int(state["has_gauss"]), float(state["gauss"])],
        "rate": None if machine.rate is None else float(machine.rate),
        "optimizer": machine.optimizer, "schedule": _parameter("schedule", machine.schedule),
    }  # fmt: skip
