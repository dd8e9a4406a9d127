"""Reading an estimator back from its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from fastnn.estimators import MLPClassifier, MLPRegressor, ensemble
from fastnn.estimators.callbacks import OF_ALL
from fastnn.estimators.machine import Machine
from fastnn.estimators.recipe import OUTPUTS
from fastnn.estimators.saving import COUNTS, CURVES, KIND, NUMBERS
from fastnn.estimators.tables import TableEncoder
from fastnn.files import forms
from fastnn.files.forms import choice, listed, mapping, maybe, record, row, switch, text, whole
from fastnn.files.persistence import ModelFileError
from fastnn.files.specs import from_spec, part
from fastnn.layers import Dense
from fastnn.model.loading import from_portrait

CLASSES: dict[str, Any] = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
NUMERIC = tuple(
    f"<{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8) if kind + str(size) != "f1"
)
LARGEST = 2**64


def _plain(value: Any, place: str) -> None:
    """Nothing, yes or no, a number, a text."""
    if type(value) is str:
        text(value, place)
    elif type(value) is int:
        whole(-LARGEST, LARGEST)(value, place)
    elif value is not None and type(value) is not bool:
        forms.number()(value, place)


_BOXES: dict[str, Callable[[Any, str], None]] = {
    "pairs": listed(row(_plain, _plain)),
    "tuple": listed(_plain), "infinite": switch,
    "array": listed(lambda value, place: _value(value, place)),
}  # fmt: skip


def _value(value: Any, place: str) -> None:
    """What a parameter is set to: plain, a list of such, a part of fastnn."""
    if type(value) is list:
        listed(_plain)(value, place)
    elif type(value) is not dict:
        _plain(value, place)
    elif "class" in value:
        part(str(value["class"]).partition(".")[0])(value, place)
    else:
        name = next(iter(value), "")
        record({name: _BOXES.get(name, choice("array", "pairs"))})(value, place)


def _anything(value: Any, place: str) -> None:
    """What another reader checks."""


NETWORK = record({
    "own": mapping(_value), "network": _anything,
    "counts": record(dict.fromkeys(COUNTS[:2], whole()), {COUNTS[2]: whole()}),
    "best_epoch": maybe(whole()), "random": row(whole(0, 624), whole(0, 1), forms.number()),
    "rate": maybe(forms.number(0.0)), "optimizer": maybe(text), "schedule": _value,
})  # fmt: skip
DESCRIPTION = record({
    "kind": choice(KIND), "fastnn": text, "version": whole(1), "class": choice(*CLASSES),
    "parameters": mapping(_value), "n_features": whole(1), "feature_names": maybe(listed(text)),
    "inputs": maybe(record({
        "columns": listed(whole()), "left_out": listed(whole()), "gaps": listed(whole()),
        "words": listed(row(whole(), switch)), "categories": listed(listed(_plain, 1)),
        "rare": listed(listed(whole())),
    })),
    "classes": maybe(record({
        "type": text, "values": listed(_plain, 1), "sparse": switch,
        "kind": choice("binary", "multiclass", "multilabel-indicator"),
    })),
    "out_activation": choice(*OUTPUTS), "ensemble": switch, "fold_seed": maybe(whole()),
    "networks": listed(NETWORK, 1),
})  # fmt: skip


def read_estimator(
    path: str | Path, tensors: dict[str, np.ndarray], description: dict[str, Any]
) -> Any:
    """The estimator that a file holds, of which this is what it holds."""
    try:
        DESCRIPTION(description, "its description")
        return _estimator(dict(tensors), description)
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ModelFileError(f"{path} holds no estimator that can be built: {reason}") from error


def _estimator(left: dict[str, np.ndarray], d: dict[str, Any]) -> Any:
    e = _untrained(d, {})
    known = _known(left, d)
    members = []
    for k, spec in enumerate(d["networks"]):
        own = {name: left.pop(name) for name in list(left) if name.startswith(f"{k}.")}
        arrays = {name.partition(".")[2]: array for name, array in own.items()}
        member = _untrained(d, spec["own"]) if d["ensemble"] else e
        vars(member).update(known)
        _restore(member, arrays, spec, d)
        members.append(member)
    if left or (len(members) > 1 and not d["ensemble"]):
        raise ValueError(f"it holds more than it describes: {[*left][:1]} or other networks")
    if d["ensemble"]:
        vars(e).update(known, estimators_=members)
        if d["fold_seed"] is not None:
            e._fold_seed = d["fold_seed"]
        ensemble._share(members[0], e, OF_ALL)
        e.n_iter_ = max(member.n_iter_ for member in members)
        e.loss_ = float(np.mean([member.loss_ for member in members]))
        ensemble.show_members(e)
    return e


def _untrained(d: dict[str, Any], own: dict[str, Any]) -> Any:
    """An estimator of the parameters, some of them a member's own."""
    e = CLASSES[d["class"]](**{n: _unboxed(v) for n, v in (d["parameters"] | own).items()})
    e._validate_params()
    return e


def _unboxed(value: Any) -> Any:
    if type(value) is dict and "pairs" in value:
        return dict(value["pairs"])
    if type(value) is dict and "infinite" in value:
        return np.inf if value["infinite"] else -np.inf
    if type(value) is dict and "tuple" in value:
        return tuple(value["tuple"])
    if type(value) is list:
        return value
    return from_spec(value, {})


def _known(left: dict[str, np.ndarray], d: dict[str, Any]) -> dict[str, Any]:
    """Attributes of the rows and the labels, which members share."""
    known: dict[str, Any] = {"n_features_in_": d["n_features"]}
    if d["feature_names"] is not None:
        if len(d["feature_names"]) != d["n_features"]:
            raise ValueError(f"it names {len(d['feature_names'])} of {d['n_features']} features")
        known["feature_names_in_"] = np.array(d["feature_names"], object)
    if d["inputs"] is not None:
        known["_inputs"] = _inputs(left, d)
    if (d["classes"] is None) != (d["class"] == "MLPRegressor"):
        raise ValueError("a classifier has classes, a regressor none")
    if d["classes"] is not None:
        binarizer = LabelBinarizer()
        binarizer.classes_ = known["classes_"] = _classes(d["classes"])
        binarizer.y_type_ = d["classes"]["kind"]
        binarizer.sparse_input_ = d["classes"]["sparse"]
        known["_label_binarizer"] = binarizer
    return known


def _classes(spec: dict[str, Any]) -> np.ndarray:
    kind, values = spec["type"], spec["values"]
    kinds = {type(value) for value in values}
    words = kind[:2] == "<U" and kind[2:].isdigit() and len(kind) < 9
    if (words or kind == "object") and kinds == {str}:
        classes = np.array(values, kind)
    elif kind == "|b1" and kinds == {bool}:
        classes = np.array(values)
    elif (kind in NUMERIC or kind in ("|i1", "|u1")) and kinds <= {int, float}:
        classes = np.array(values, kind)
    else:
        raise ValueError(f"its classes are no {kind!r:.20}")
    if classes.tolist() != values or np.any(classes[:-1] >= classes[1:]):
        raise ValueError("its classes are not in order, or stand twice")
    return classes


def _inputs(left: dict[str, np.ndarray], d: dict[str, Any]) -> TableEncoder:
    """What the preset knows of the table."""
    spec, n = d["inputs"], d["n_features"]
    inputs = TableEncoder(_unboxed(d["parameters"].get("categorical_features")))
    inputs.columns = np.array(spec["columns"], np.int64)
    inputs.left_out = np.array(spec["left_out"], np.int64)
    inputs.words = dict(spec["words"])
    used = [*spec["columns"], *spec["left_out"]]
    if len(set(used)) < len(used) or max([*used, *inputs.words, -1]) >= n:
        raise ValueError(f"its columns are not among {n} features")
    if len(spec["categories"]) != len(spec["columns"]) or len(spec["rare"]) != len(spec["columns"]):
        raise ValueError("its categories are not those of its columns")
    inputs.encoder = None
    if spec["columns"]:
        inputs.learn_categories(_example(spec))
        found = [list(c) for c in inputs.encoder.categories_]
        rare = inputs.encoder.infrequent_categories_
        if found != spec["categories"] or any(
            ([] if few is None else list(few)) != [c[k] for k in places]
            for few, c, places in zip(rare, found, spec["rare"], strict=True)
        ):
            raise ValueError("its categories are not in order")
    inputs.median, inputs.factor = (_floats(left.pop(name), name) for name in ("median", "factor"))
    inputs.gaps = np.array(spec["gaps"], np.int64)
    width = n - len(used) + sum(inputs.widths())
    if max(spec["gaps"], default=-1) >= width:
        raise ValueError(f"its gaps are not among {width} columns")
    width += len(inputs.gaps)
    if not (len(inputs.median) == len(inputs.factor) == width):
        raise ValueError(f"it scales {len(inputs.median)} columns, and makes {width}")
    return inputs


def _example(spec: dict[str, Any]) -> np.ndarray:
    """Rows (n, columns) from which the same categories are learned: the rare ones stand once."""
    columns = []
    for categories, rare in zip(spec["categories"], spec["rare"], strict=True):
        few = set(rare)
        if not few <= set(range(len(categories))):
            raise ValueError("its rare categories are none of its categories")
        frequent = [c for k, c in enumerate(categories) if k not in few]
        columns.append(categories + frequent)
        if not frequent:
            raise ValueError("all categories of a column are rare")
    rows = max(map(len, columns))
    found = np.empty((rows, len(columns)), object)
    for k, column in enumerate(columns):
        found[:, k] = column + [column[-1]] * (rows - len(column))
    return found


def _restore(
    e: Any, arrays: dict[str, np.ndarray], spec: dict[str, Any], d: dict[str, Any]
) -> None:
    """Attributes of one fitted network."""
    own = {n: arrays.pop(n) for n in list(arrays) if n.startswith("network.")}
    built = from_portrait({n.partition(".")[2]: a for n, a in own.items()}, spec["network"])
    machine = _machine(built._built(), arrays, spec)
    _check_outputs(machine, d)
    inputs = getattr(e, "_inputs", None)
    if machine.n_in != (d["n_features"] if inputs is None else len(inputs.median)):
        raise ValueError("the features are not those that its network reads")
    vars(e).update(spec["counts"], history_=built.history)
    for name in NUMBERS:
        if name in arrays:
            setattr(e, name, float(_floats(arrays.pop(name), name, 1)[0]))
    for name in CURVES:
        if name in arrays:
            values = _floats(arrays.pop(name), name)
            setattr(e, name, values if name.startswith("_y") else values.tolist())
    if hasattr(e, "loss_curve_"):
        for name in (*NUMBERS[1:], CURVES[1]):
            e.__dict__.setdefault(name, None)
    if d["classes"] is None:
        for name in CURVES[2:]:
            e.__dict__.setdefault(name, None)
        _check_scale(e, machine.n_out)
    e._adopt(machine)
    e.n_outputs_, e.out_activation_ = machine.n_out, d["out_activation"]
    e.n_layers_, e._best = len(machine.dense) + 1, None
    if spec["best_epoch"] is not None:
        best = arrays.pop("best")
        if best.shape != machine.keep().shape or best.dtype != machine.dtype:
            raise ValueError("its best weights are not those of its network")
        e._best = best.copy(), spec["best_epoch"]
    if arrays:
        raise ValueError(f"it has the array {next(iter(arrays))!r:.60}, which is unknown here")


def _machine(network: Any, arrays: dict[str, np.ndarray], spec: dict[str, Any]) -> Machine:
    """The network, its random numbers and its sequences."""
    key = arrays.pop("random")
    if key.shape != (624,) or key.dtype != np.int64 or key.min() < 0 or key.max() >= 2**32:
        raise ValueError("its random numbers are none")
    position, has_gauss, gauss = spec["random"]
    random = np.random.RandomState(0)
    random.set_state(("MT19937", key.astype(np.uint32), position, has_gauss, gauss))
    layout = network.layout
    machine = Machine(layout.layers, layout.n_in, network.dtype, random, network.dropout_seed)
    machine.state.restore(network.state.values)
    machine.curvature = network.curvature
    for name in ("step", "epoch", "schedule_start"):
        setattr(machine, name, getattr(network, name))
    machine.rate, machine.optimizer = spec["rate"], spec["optimizer"]
    machine.schedule = _unboxed(spec["schedule"])
    if "order" in arrays:
        machine.order = _sequence(arrays.pop("order"))
    if "learned" in arrays or "held" in arrays:
        parts = arrays.pop("learned"), arrays.pop("held")
        machine.split = (len(_sequence(np.concatenate(parts))), *(p.copy() for p in parts))
    return machine


def _check_outputs(machine: Machine, d: dict[str, Any]) -> None:
    """Refuse outputs that are not those of the classes."""
    last, out = OUTPUTS[d["out_activation"]], machine.layers[-1]
    if not isinstance(out, Dense if last is None else last):  # type: ignore[arg-type]
        raise ValueError(f"its network ends with {out.name}, which is no {d['out_activation']!r}")
    if d["classes"] is not None:
        n = len(d["classes"]["values"])
        if machine.n_out != (1 if d["classes"]["kind"] == "binary" and n <= 2 else n):
            raise ValueError(f"its network has {machine.n_out} outputs for {n} classes")


def _check_scale(e: Any, n_out: int) -> None:
    mean, scale = e._y_mean, e._y_scale
    if (mean is None) != (scale is None):
        raise ValueError("its targets have a mean and no scale, or a scale and no mean")
    if mean is not None and (len(mean) != len(scale) or not len(mean) or n_out % len(mean)):
        raise ValueError("the scale of its targets is not that of its outputs")


def _floats(array: np.ndarray, name: str, size: int | None = None) -> np.ndarray:
    if array.dtype != np.float64 or array.ndim != 1 or len(array) != (size or len(array)):
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}; expected float64 (n,)")
    return array.copy()


def _sequence(array: np.ndarray) -> np.ndarray:
    """The rows in some sequence, each once."""
    if array.dtype != np.int64 or not np.array_equal(np.sort(array), np.arange(array.size)):
        raise ValueError("a sequence of its rows does not hold each once")
    return array.copy()
