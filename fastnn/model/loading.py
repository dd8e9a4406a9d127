"""Reading a model back from its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.engine.layout import Layout
from fastnn.files.persistence import ModelFileError, unpack
from fastnn.files.specs import from_spec, metric_from, own_names
from fastnn.history import History
from fastnn.inputs.settings import Range, as_limit, check_count
from fastnn.losses import Loss
from fastnn.model.saving import PARTIAL, SLOTS
from fastnn.model.sequential import Sequential
from fastnn.optimizers import Optimizer
from fastnn.training.batches import batch_bounds
from fastnn.training.network import Network, Partial, Setup


def load(path: str | Path, own: dict[str, Callable] | None = None) -> Sequential:
    """Read a model that `Sequential.save` has written; it trains on as if it had not stopped.

    Nothing in the file is run: it holds numbers, and names of fastnn's own parts.

    Parameters
    ----------
    path : path
    own : dict, optional
        The user's own functions that the model was made of (activations and their derivatives,
        losses, metrics, schedules), by their names.

    Returns
    -------
    model : Sequential

    Raises
    ------
    ModelFileError
        For a file that is damaged, foreign, or of a later version.
    FileNotFoundError
    ValueError
        Where own functions are missing; it names them.

    Examples
    --------
    >>> import tempfile
    >>> import fastnn
    >>> from fastnn import Dense, Sequential
    >>> model = Sequential([Dense(1)], seed=0).build(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/model.safetensors")
    ...     twin = fastnn.load(folder + "/model.safetensors")
    >>> twin.predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])
    array([[ True]])
    """
    tensors, description = unpack(Path(path))
    own = dict(own or {})
    for name, function in own.items():
        if not callable(function):
            raise TypeError(f'own["{name}"] is {function!r:.60}; expected a function')
    missing = sorted(set(own_names(description)) - set(own))
    if missing:
        names = ", ".join(f'"{name}": {name}' if name.isidentifier() else repr(name)
                          for name in missing)  # fmt: skip
        raise ValueError(
            f"{path} was saved with functions of your own, which no file can hold; hand them over: "
            f"fastnn.load(path, own={{{names}}})"
        )
    try:
        return _model(tensors, description, own)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"{path} holds no model that can be built: {error}") from error


def _setup_from(spec: dict[str, Any], own: dict[str, Callable]) -> Setup:
    metrics = {name: metric_from(metric, own) for name, metric in spec["metrics"]}
    optimizer, loss = from_spec(spec["optimizer"], own), from_spec(spec["loss"], own)
    if not isinstance(optimizer, Optimizer) or not isinstance(loss, Loss):
        raise ValueError("its optimizer or its loss is none")
    norm, value = (as_limit(spec[name] or None, name) for name in ("clip_norm", "clip_value"))
    return Setup(optimizer, loss, metrics, norm, value)


def _model(
    tensors: dict[str, np.ndarray], description: dict[str, Any], own: dict[str, Callable]
) -> Sequential:
    layers = [from_spec(spec, own) for spec in description["layers"]]
    model = Sequential(layers, seed=description["seed"], dtype=description["dtype"])
    _set_generator(model._init_rng, description["init"])
    _set_generator(model._shuffle_rng, description["shuffle"])
    split = description["split"]
    model._split_seed = np.random.SeedSequence(split["entropy"], spawn_key=split["spawn_key"])
    model._dropout_seed = int(description["dropout_seed"])
    if description["setup"] is not None:
        model._setup = _setup_from(description["setup"], own)
    columns = {
        name: tensors[f"history.{k}"].tolist() for k, name in enumerate(description["columns"])
    }
    model.history = History(columns, tensors["history.epoch"].tolist())
    if any(len(column) != len(model.history) for column in columns.values()):
        raise ValueError("the columns of its history are of different lengths")
    if "network" in description:
        model._network = _network(model, tensors, description["network"])
    return model


def _network(model: Sequential, tensors: dict[str, np.ndarray], spec: dict[str, Any]) -> Network:
    layout = Layout(model.layers, spec["n_features"])
    for tensor in (*layout.parameters, *layout.running):
        array = tensors[f"{tensor.layer}.{tensor.name}"]
        if array.shape != tensor.shape or array.dtype != model.dtype:
            raise ValueError(
                f"{tensor.layer}.{tensor.name} is {array.dtype} of shape {array.shape}, and should "
                f"be {model.dtype} of shape {tensor.shape}"
            )
    network = Network(layout, model.dtype, model._shuffle_rng, model._dropout_seed)
    state = network.state
    for tensor in (*layout.parameters, *layout.running):
        name = f"{tensor.layer}.{tensor.name}"
        state.view(tensor)[:] = tensors[name]
        for k, slot in enumerate(SLOTS, start=1):
            if f"{name}.{slot}" in tensors:
                values = tensors[f"{name}.{slot}"].reshape(tensor.size)
                state.values[k * layout.n_parameters :][tensor.slice] = values
    network.step, network.epoch, network.frozen = (
        check_count(spec[name], name, 0) for name in ("step", "epoch", "frozen")
    )
    network.schedule_start = check_count(spec.get("schedule_start", 0), "schedule_start", 0)
    network.learning_rate_factor = spec["learning_rate_factor"]
    if not Range(0).holds(network.learning_rate_factor):
        raise ValueError(f"learning_rate_factor is {network.learning_rate_factor}")
    if spec["partial"] is not None:
        network.partial = _partial_from(tensors, spec["partial"], network)
    return network


def _partial_from(tensors: dict[str, np.ndarray], spec: list[Any], network: Network) -> Partial:
    """The epoch that was begun, each array of the form that the compiled loop writes to."""
    batch_size, shuffle, done = spec
    order, losses, norms = (tensors[f"partial.{name}"] for name in PARTIAL)
    bounds = batch_bounds(len(order), check_count(batch_size, "batch_size"))
    n, n_out = len(bounds) - 1, network.layout.n_out
    kept = tensors.get("partial.outputs")
    forms = {
        "order": (order, order.shape, np.int64), "losses": (losses, (done,), np.float64),
        "norms": (norms, (1,), np.float64),
        "outputs": (kept, (bounds[done], n_out) if 0 <= done <= n else None, network.dtype),
    }  # fmt: skip
    for name, (array, shape, dtype) in forms.items():
        if array is not None and (array.shape != shape or array.dtype != dtype):
            raise ValueError(f"partial.{name} is {array.dtype} of shape {array.shape}")
    all_losses, outputs = np.zeros(n), None
    all_losses[:done] = losses
    if kept is not None:
        outputs = np.zeros((len(order), n_out), network.dtype)
        outputs[: len(kept)] = kept
    changes = network.state.changes
    return Partial(order, batch_size, bool(shuffle), all_losses, norms, outputs, done, changes)


def _set_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    rng.bit_generator.state = state
