"""Reading a model back from its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.engine.buffers import reported
from fastnn.engine.layout import Layout
from fastnn.files import texts
from fastnn.files.persistence import ModelFileError, unpack
from fastnn.files.specs import from_spec, metric_from, own_names
from fastnn.history import History
from fastnn.inputs.paths import as_path
from fastnn.kernels.codes import STANDARDIZE
from fastnn.model.description import DESCRIPTION
from fastnn.model.saving import PARTIAL, SLOTS
from fastnn.model.sequential import Sequential
from fastnn.training import building, door
from fastnn.training.batches import batch_bounds
from fastnn.training.curvature import Curvature
from fastnn.training.network import Network, Partial, Setup

Arrays = dict[str, np.ndarray]


def load(path: str | Path, own: dict[str, Callable] | None = None) -> Sequential:
    """Read a model that `Sequential.save` has written; see `fastnn.load`."""
    return read_model(path, *unpack(as_path(path)), own)


def read_model(
    path: str | Path, tensors: Arrays, description: dict[str, Any],
    own: dict[str, Callable] | None,
) -> Sequential:  # fmt: skip
    """The model that a file holds, of which this is what it holds."""
    if own is not None and not isinstance(own, Mapping):
        raise TypeError(f"own is {own!r:.60}; expected a dictionary of functions by their names")
    own = dict(own or {})
    for name, function in own.items():
        if not callable(function):
            raise TypeError(f'own["{name}"] is {function!r:.60}; expected a function')
    try:
        DESCRIPTION(description, "its description")
    except ValueError as error:
        raise _no_model(path, error) from None
    missing = sorted(set(own_names(description)) - set(own))
    if missing:
        names = ", ".join(f'"{name}": {name}' if name.isidentifier() else repr(name)
                          for name in missing)  # fmt: skip
        raise ValueError(
            f"{path} was saved with functions of your own, which no file can hold; hand them over: "
            f"fastnn.load(path, own={{{names}}})"
        )
    try:
        return Checked(tensors, description, own).built()
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise _no_model(path, error) from error


def _no_model(path: str | Path, error: Exception) -> ModelFileError:
    reason = f"it lacks {error}" if isinstance(error, KeyError) else error
    return ModelFileError(f"{path} holds no model that can be built: {reason}")


def from_portrait(tensors: Arrays, description: dict[str, Any]) -> Checked:
    """The model that `portrait` described, without functions of the user's own, to be built.

    Raises
    ------
    ValueError, KeyError, TypeError
        For a description that is none, or does not fit the arrays.
    """
    DESCRIPTION(description, "the description of a network")
    return Checked(tensors, description, {})


class Checked:
    """What a file tells of a model, when all of it is checked; `built` takes memory for it.

    So a file of several networks is refused before the first of them is built.
    """

    def __init__(
        self, tensors: Arrays, description: dict[str, Any], own: dict[str, Callable]
    ) -> None:
        layers = [from_spec(spec, own) for spec in description["layers"]]
        self._model = model = Sequential(
            layers, seed=description["seed"], dtype=description["dtype"]
        )
        model._init_rng.bit_generator.state = description["init"]
        model._shuffle_rng.bit_generator.state = description["shuffle"]
        split = description["split"]
        model._split_seed = np.random.SeedSequence(split["entropy"], spawn_key=split["spawn_key"])
        model._dropout_seed = description["dropout_seed"]
        if description["setup"] is not None:
            model._setup = _setup(model, description["setup"], own)
        left = dict(tensors)
        self._columns, self._epochs = _history(left, description["columns"])
        self._layout: Layout | None = None
        if description.get("network") is not None:
            self._layout, self._network = _network(model, left, description["network"])
        if left:
            raise ValueError(f"it has the array {next(iter(left))!r:.60}, which is unknown here")

    @property
    def layout(self) -> Layout:
        """That of its network."""
        if self._layout is None:
            raise ValueError("it has no network")
        return self._layout

    @property
    def dtype(self) -> np.dtype:
        """The type of its numbers."""
        return self._model.dtype

    def built(self) -> Sequential:
        """The model."""
        columns = {name: column.tolist() for name, column in self._columns.items()}
        self._model.history = History(columns, self._epochs.tolist())
        if self._layout is not None:
            self._model._network = self._network()
        return self._model


def _setup(model: Sequential, spec: dict[str, Any], own: dict[str, Callable]) -> Setup:
    weighted = spec.get("weighted", [])
    metrics = [(name, metric_from(metric, own)) for name, metric in spec["metrics"]]
    return door.as_setup(
        model.layers, from_spec(spec["optimizer"], own), from_spec(spec["loss"], own),
        [pair for pair in metrics if pair[0] not in weighted],
        [pair for pair in metrics if pair[0] in weighted],
        spec["clip_norm"] or None, spec["clip_value"] or None,
    )  # fmt: skip


def _history(left: Arrays, names: list[str]) -> tuple[Arrays, np.ndarray]:
    """The columns of the history, and its epochs, taken out of the arrays that are left."""
    if len(set(names)) < len(names):
        raise ValueError("two columns of its history have one name")
    epochs = left.pop("history.epoch")
    columns = {name: left.pop(f"history.{k}") for k, name in enumerate(names)}
    _check_form("history.epoch", epochs, (epochs.size,), np.int64)
    for name, column in columns.items():
        _check_form(f"the history's column {name!r:.60}", column, epochs.shape, np.float64)
    return columns, epochs


def _check_form(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: Any) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name} is {array.dtype} of shape {array.shape}, and should be {np.dtype(dtype)} of "
            f"shape {shape}"
        )


def _network(
    model: Sequential, left: Arrays, spec: dict[str, Any]
) -> tuple[Layout, Callable[[], Network]]:
    """The layout of the network, and what builds it: its arrays are all there, and fit."""
    layout = Layout(model.layers, spec["n_features"])
    if model._setup is not None:
        model._setup.form(layout, model.dtype)
    if spec["frozen"] > len(layout.layers):
        raise ValueError(f"frozen is {spec['frozen']}, and there are {len(layout.layers)} layers")
    _complete_standardize(left, layout, untrained=spec["step"] == spec["epoch"] == 0)
    arrays = list(_placed(left, layout, model.dtype))
    names = spec.get("feature_names")
    if names is not None and texts.count(names) != layout.n_in:
        raise ValueError(f"it names {texts.count(names)} features, and has {layout.n_in}")
    known = _curvature(left, layout) if "curvature.steps" in left else None
    part = None if spec["partial"] is None else _partial(left, spec["partial"], layout, model.dtype)

    def built() -> Network:
        network = Network(layout, model.dtype, model._shuffle_rng, model._dropout_seed)
        for offset, array in arrays:
            network.state.values[offset : offset + array.size] = array.ravel()
        for name in ("step", "epoch", "frozen", "learning_rate_factor"):
            setattr(network, name, spec[name])
        network.schedule_start = spec.get("schedule_start", 0)
        if names is not None:
            network.feature_names = tuple(texts.to_list(names))
        network.partial, network.curvature = None if part is None else part(), known
        return network

    return layout, built


def _complete_standardize(left: Arrays, layout: Layout, untrained: bool) -> None:
    """Files of an earlier version keep two rows of Standardize, and 0 and 1 before it is fitted."""
    found = left.get("0.running")
    if found is None or layout.layers[0].kind != STANDARDIZE or found.shape != (2, layout.n_in):
        return
    mean, deviation = found
    if untrained and not mean.any() and (deviation == 1).all():
        deviation = np.zeros_like(deviation)
    left["0.running"] = np.stack([mean, deviation, np.zeros_like(mean)])


def _curvature(left: Arrays, layout: Layout) -> Curvature:
    """What L-BFGS has found; whether it still holds, the gradient will say."""
    steps, changes, gradient = (left.pop(f"curvature.{name}") for name in Curvature._fields)
    n, k = layout.n_parameters, len(steps) if steps.ndim else 0
    for name, array, shape in (
        ("steps", steps, (k, n)), ("changes", changes, (k, n)), ("gradient", gradient, (n,)),
    ):  # fmt: skip
        _check_form(f"curvature.{name}", array, shape, np.float64)
        if not np.isfinite(array).all():
            raise ValueError(f"curvature.{name} holds a number that is not finite")
    with np.errstate(all="ignore"):
        positive = (steps * changes).sum(axis=1) > 0
    if not positive.all():
        raise ValueError("its curvature is not positive")
    return Curvature(steps, changes, gradient)


def _placed(left: Arrays, layout: Layout, dtype: np.dtype) -> Iterator[tuple[int, np.ndarray]]:
    """The arrays of the state, and where each of them begins there."""
    for tensor in (*layout.parameters, *layout.running):
        name = f"{tensor.layer}.{tensor.name}"
        places = {name: tensor.offset}
        if tensor in layout.parameters:
            found = {f"{name}.{slot}": k for k, slot in enumerate(SLOTS, start=1)}
            places |= {each: tensor.offset + k * layout.n_parameters
                       for each, k in found.items() if each in left}  # fmt: skip
        for each, offset in places.items():
            array = left.pop(each)
            _check_form(each, array, tensor.shape, dtype)
            # Slots of the optimizer may be infinite.
            if np.isnan(array).any() or (each == name and np.isinf(array).any()):
                raise ValueError(f"{each} holds a number that is not finite")
            if tensor in layout.running:
                _check_running(array, tensor.layer, layout)
            yield offset, array


def _check_running(array: np.ndarray, layer: int, layout: Layout) -> None:
    """Refuse running statistics (3, n) of which a model would report what is none."""
    if (array[1] < 0).any():
        raise ValueError(f"{layer}.running holds a variance or a deviation below 0")
    for name in layout.array_names():
        of, part = name.split(".")
        if int(of) == layer and layout.tensor(layer, part) is None:
            building.check_numbers(reported(array, part), name)


def _partial(
    left: Arrays, spec: list[Any], layout: Layout, dtype: np.dtype
) -> Callable[[], Partial]:
    """What makes the epoch that was begun, each array of the form that the loop writes to."""
    batch_size, shuffle, done = spec
    order, losses, norms = (left.pop(f"partial.{name}") for name in PARTIAL)
    kept = left.pop("partial.outputs", None)
    _check_form("partial.order", order, (order.size,), np.int64)
    bounds = batch_bounds(len(order), batch_size)
    n, taken = len(bounds) - 1, 0
    if done > n:
        raise ValueError(f"{done} steps of its epoch are done, and it has {n}")
    _check_form("partial.losses", losses, (done,), np.float64)
    _check_form("partial.norms", norms, (1,), np.float64)
    if kept is not None:
        taken = int(bounds[done])
        _check_form("partial.outputs", kept, (taken, layout.n_out), dtype)

    def made() -> Partial:
        all_losses, outputs = np.zeros(n), None
        all_losses[:done] = losses
        if kept is not None:
            outputs = np.zeros((len(order), layout.n_out), dtype)
            outputs[:taken] = kept
        # Of the file's bytes nothing stays: they are read-only.
        return Partial(order.copy(), batch_size, shuffle, all_losses, norms.copy(), outputs, done,
                       0)  # fmt: skip

    return made
