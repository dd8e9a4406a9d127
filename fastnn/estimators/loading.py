"""Reading an estimator back from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from fastnn.engine.layout import Layout
from fastnn.estimators import MLPClassifier, MLPRegressor, ensemble, loading_tables
from fastnn.estimators.callbacks import OF_ALL
from fastnn.estimators.description import DESCRIPTION, NETWORK
from fastnn.estimators.loading_tables import checked_floats
from fastnn.estimators.machine import Machine
from fastnn.estimators.recipe import OUTPUTS
from fastnn.estimators.saving import CURVES, NUMBERS
from fastnn.files import forms, texts
from fastnn.files.persistence import ModelFileError, networks
from fastnn.files.specs import from_spec
from fastnn.inputs.arrays import are_below
from fastnn.layers import Dense, PiecewiseLinearEncoding
from fastnn.model.loading import from_portrait
from fastnn.training.network import Network

CLASSES: dict[str, Any] = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
NUMERIC = tuple(
    f"<{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8) if kind + str(size) != "f1"
)


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
    e, n_in = _untrained(d, {}), d["n_features"]
    scales = None if d["inputs"] is None else loading_tables.scales(left, d)
    if scales is not None:
        n_in = len(scales[0])
    _check_names(d)
    found = []
    for arrays, spec in networks(left, d["networks"]):
        NETWORK(spec, "its network")
        member = _untrained(d, spec["own"]) if d["ensemble"] else e
        found.append((member, _Checked(arrays, spec, d, n_in)))
    if left or (len(found) > 1 and not d["ensemble"]):
        raise ValueError(f"it holds more than it describes: {[*left][:1]} or other networks")
    # All is checked. Texts take more memory than in the file, and networks do.
    known = _known(d)
    if scales is not None:
        given = _unboxed(d["parameters"].get("categorical_features"))
        known["_inputs"] = loading_tables.encoder(d["inputs"], given, *scales)
        known["_inputs"].encoding = _encoding([one.network.layout for _, one in found])
    for member, network in found:
        network.restore(member)
        vars(member).update(known)
    if d["ensemble"]:
        members = [member for member, _ in found]
        vars(e).update(known, estimators_=members)
        if d["fold_seed"] is not None:
            e._fold_seed = d["fold_seed"]
        ensemble._share(members[0], e, OF_ALL)
        e.n_iter_ = max(member.n_iter_ for member in members)
        e.loss_ = float(np.mean([member.loss_ for member in members]))
        ensemble.show_members(e)
    return e


def _encoding(layouts: list[Layout]) -> PiecewiseLinearEncoding | None:
    """That of the columns, which all networks share; None where they have none."""
    first = [layout.layers[0] for layout in layouts]
    if not any(isinstance(layer, PiecewiseLinearEncoding) for layer in first):
        return None
    if any(layer != first[0] for layer in first):
        raise ValueError("its networks do not encode the columns in the same way")
    found: Any = first[0]
    return found


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


def _check_names(d: dict[str, Any]) -> None:
    """Refuse names of features and classes that are too many, or out of order."""
    names, classes = d["feature_names"], d["classes"]
    if names is not None and texts.count(names) != d["n_features"]:
        raise ValueError(f"it names {texts.count(names)} of {d['n_features']} features")
    if (classes is None) != (d["class"] == "MLPRegressor"):
        raise ValueError("a classifier has classes, a regressor none")
    if classes is not None and isinstance(classes["values"], np.ndarray):
        _check_classes(classes["type"], classes["values"], _are_words(classes))


def _check_classes(kind: str, values: np.ndarray, are_words: bool) -> None:
    """Refuse classes that are no ascending values of their type, before texts are made of them."""
    if are_words:
        forms.texts(values, "its classes")
        ascend, fits = texts.ascend(values), True
        if kind != "object":
            width = int(kind[2:])
            fits = all(
                # Their type drops zeros at the end.
                len(word) <= 4 * width and len(word.decode()) <= width and word[-1:] != b"\0"
                for word in texts.each(values)
            )
    else:
        forms.array(values.dtype.name)(values, "its classes")
        ascend, fits = bool((values[:-1] < values[1:]).all()), values.dtype.str == kind
    if not len(values) or not fits:
        raise ValueError(f"its classes are no {kind!r:.20}")
    if not ascend:
        raise ValueError("its classes are not in order, or stand twice")


def _known(d: dict[str, Any]) -> dict[str, Any]:
    """Attributes of the features and the classes, which members share."""
    known: dict[str, Any] = {"n_features_in_": d["n_features"]}
    if d["feature_names"] is not None:
        known["feature_names_in_"] = np.array(texts.to_list(d["feature_names"]), object)
    if d["classes"] is not None:
        binarizer = LabelBinarizer()
        binarizer.classes_ = known["classes_"] = _classes(d["classes"])
        binarizer.y_type_ = d["classes"]["kind"]
        binarizer.sparse_input_ = d["classes"]["sparse"]
        known["_label_binarizer"] = binarizer
    return known


def _are_words(spec: dict[str, Any]) -> bool:
    kind = spec["type"]
    return kind == "object" or (kind[:2] == "<U" and kind[2:].isdigit() and len(kind) < 8)


def _n_classes(spec: dict[str, Any]) -> int:
    return texts.count(spec["values"]) if _are_words(spec) else len(spec["values"])


def _classes(spec: dict[str, Any]) -> np.ndarray:
    kind, values = spec["type"], spec["values"]
    if isinstance(values, np.ndarray):  # and checked
        return np.array(texts.to_list(values), kind) if _are_words(spec) else values.copy()
    kinds = {type(value) for value in values}
    numbers = kind in NUMERIC or kind in ("|i1", "|u1")
    fits = kinds == {str} if _are_words(spec) else kinds == {bool} if kind == "|b1" else (
        numbers and kinds <= {int, float}
    )  # fmt: skip
    if not fits:
        raise ValueError(f"its classes are no {kind!r:.20}")
    classes = np.array(values, kind)
    if classes.tolist() != values or np.any(classes[:-1] >= classes[1:]):
        raise ValueError("its classes are not in order, or stand twice")
    return classes


class _Checked:
    """One fitted network of a file, when all of it is checked; `restore` takes memory for it."""

    def __init__(
        self, arrays: dict[str, np.ndarray], spec: dict[str, Any], d: dict[str, Any], n_in: int
    ) -> None:
        self.spec, self.d = spec, d
        own = {n: arrays.pop(n) for n in list(arrays) if n.startswith("network.")}
        parts = {n.partition(".")[2]: a for n, a in own.items()}
        self.network = from_portrait(parts, spec["network"])
        layout = self.network.layout
        self.random = _random(arrays.pop("random"), spec["random"])
        self.order = _sequence(arrays.pop("order")) if "order" in arrays else None
        self.split = None
        if "learned" in arrays or "held" in arrays:
            self.split = arrays.pop("learned"), arrays.pop("held")
            _sequence(*self.split)
        _check_outputs(layout, d)
        if layout.n_in != n_in:
            raise ValueError("the features are not those that its network reads")
        names = [name for name in NUMBERS if name in arrays or name == "loss_"]
        self.numbers = {n: checked_floats(arrays.pop(n), n, 1) for n in names}
        self.curves = {n: checked_floats(arrays.pop(n), n) for n in CURVES if n in arrays}
        if d["classes"] is None:
            _check_scale(self.curves.get("_y_mean"), self.curves.get("_y_scale"), layout.n_out)
        self.best = None
        if spec["best_epoch"] is not None:
            self.best = arrays.pop("best")
            kept = layout.n_state - 2 * layout.n_parameters
            if self.best.shape != (kept,) or self.best.dtype != self.network.dtype:
                raise ValueError("its best weights are not those of its network")
        if arrays:
            raise ValueError(f"it has the array {next(iter(arrays))!r:.60}, which is unknown here")

    def restore(self, e: Any) -> None:
        """Give an estimator what it had."""
        model = self.network.built()
        machine = self._machine(model._built())
        vars(e).update(self.spec["counts"], history_=model.history)
        for name, values in self.numbers.items():
            setattr(e, name, float(values[0]))
        for name, values in self.curves.items():
            setattr(e, name, values.copy() if name.startswith("_y") else values.tolist())
        if hasattr(e, "loss_curve_"):
            for name in (*NUMBERS[1:], CURVES[1]):
                e.__dict__.setdefault(name, None)
        if self.d["classes"] is None:
            for name in CURVES[2:]:
                e.__dict__.setdefault(name, None)
        e._adopt(machine)
        e.n_outputs_, e.out_activation_ = machine.n_out, self.d["out_activation"]
        e.n_layers_, e._best = len(machine.dense) + 1, None
        if self.best is not None:
            e._best = self.best.copy(), self.spec["best_epoch"]

    def _machine(self, network: Network) -> Machine:
        """The network, its random numbers and its sequences."""
        layout, spec = network.layout, self.spec
        machine = Machine(
            layout.layers, layout.n_in, network.dtype, self.random, network.dropout_seed
        )
        machine.state.restore(network.state.values)
        machine.curvature = network.curvature
        for name in ("step", "epoch", "schedule_start"):
            setattr(machine, name, getattr(network, name))
        machine.rate, machine.optimizer = spec["rate"], spec["optimizer"]
        machine.schedule = _unboxed(spec["schedule"])
        if self.order is not None:
            machine.order = self.order.copy()
        if self.split is not None:
            machine.split = (sum(map(len, self.split)), *(part.copy() for part in self.split))
        return machine


def _random(key: np.ndarray, others: list[Any]) -> np.random.RandomState:
    """A generator where one stood."""
    if key.shape != (624,) or key.dtype != np.int64 or key.min() < 0 or key.max() >= 2**32:
        raise ValueError("its random numbers are none")
    random = np.random.RandomState(0)
    random.set_state(("MT19937", key.astype(np.uint32), *others))
    return random


def _check_outputs(layout: Layout, d: dict[str, Any]) -> None:
    """Refuse outputs that are not those of the classes."""
    last, out = OUTPUTS[d["out_activation"]], layout.layers[-1]
    if not isinstance(out, Dense if last is None else last):  # type: ignore[arg-type]
        raise ValueError(f"its network ends with {out.name}, which is no {d['out_activation']!r}")
    if d["classes"] is not None:
        n = _n_classes(d["classes"])
        if layout.n_out != (1 if d["classes"]["kind"] == "binary" and n <= 2 else n):
            raise ValueError(f"its network has {layout.n_out} outputs for {n} classes")


def _check_scale(mean: np.ndarray | None, scale: np.ndarray | None, n_out: int) -> None:
    if (mean is None) != (scale is None):
        raise ValueError("its targets have a mean and no scale, or a scale and no mean")
    for name, values in (("mean", mean), ("scale", scale)):
        forms.maybe(forms.array("float64"))(values, f"the {name} of its targets")
    if mean is None or scale is None:
        return
    if len(mean) != len(scale) or not len(mean) or n_out % len(mean):
        raise ValueError("the scale of its targets is not that of its outputs")


def _sequence(*parts: np.ndarray) -> np.ndarray:
    """The first of some parts that hold, together, each row once."""
    n = sum(part.size for part in parts)
    seen = np.zeros(n, bool)
    for part in parts:
        if part.dtype == np.int64 and part.ndim == 1 and are_below(part, n):
            seen[part] = True
    if not seen.all():
        raise ValueError("a sequence of its rows does not hold each once")
    return parts[0]
