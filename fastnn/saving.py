"""Floor 3. Saving: a model to a file, and back to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.data import check_count
from fastnn.door import as_limit
from fastnn.history import History
from fastnn.initializers import Array
from fastnn.layers import Layer
from fastnn.layout import Layout
from fastnn.losses import Loss
from fastnn.model import Sequential
from fastnn.network import Network, Partial, Setup
from fastnn.optimizers import Optimizer
from fastnn.persistence import ModelFileError, pack, unpack, write_whole
from fastnn.settings import Range
from fastnn.specs import CLASSES, from_spec, metric_from, metric_spec, own_names, to_spec
from fastnn.training import batch_bounds
from fastnn.version import __version__

SLOTS = "slot_1", "slot_2"
PARTIAL = "order", "losses", "norms"


def save(model: Sequential, path: str | Path) -> None:
    """Write a model to a file; see `Sequential.save`."""
    tensors, description = portrait(model)
    write_whole(Path(path), pack(tensors, description))


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


def portrait(model: Sequential) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All that a model is: arrays by name, and the rest as plain data."""
    own: dict[str, Callable] = {}
    network, setup = model._network, model._setup
    kept = model.layers if network is None else map(_drawn, model.layers)
    layers = [to_spec(layer, own) for layer in kept]
    description: dict[str, Any] = {
        "fastnn": __version__,
        "layers": layers,
        "dtype": model.dtype.name,
        "seed": None if model.seed is None else int(model.seed),
        "init": _generator(model._init_rng),
        "shuffle": _generator(model._shuffle_rng),
        "split": _seed_sequence(model._split_seed),
        "dropout_seed": model._dropout_seed,
        "setup": None if setup is None else _setup_spec(setup, own),
        "columns": list(model.history.history),
    }
    tensors = {"history.epoch": np.array(model.history.epoch, np.int64)}
    for k, column in enumerate(model.history.history.values()):
        tensors[f"history.{k}"] = np.array(column, np.float64)
    if network is not None:
        description["network"] = _network_spec(network)
        tensors |= _network_arrays(network)
    return tensors, description


def _drawn(layer: Layer) -> Layer:
    """A layer whose weights are drawn: it needs no more functions and arrays to draw them."""
    init = getattr(layer, "init", None)
    plain = init is None or isinstance(init, str) or type(init) in CLASSES.values()
    if plain and not isinstance(init, Array):
        return layer
    return replace(layer, init=None)  # type: ignore[type-var]


def _setup_spec(setup: Setup, own: dict[str, Callable]) -> dict[str, Any]:
    metrics = [[name, metric_spec(name, metric, own)] for name, metric in setup.metrics.items()]
    return {
        "optimizer": to_spec(setup.optimizer, own),
        "loss": to_spec(setup.loss, own),
        "metrics": metrics,
        "clip_norm": setup.clip_norm,
        "clip_value": setup.clip_value,
    }


def _setup_from(spec: dict[str, Any], own: dict[str, Callable]) -> Setup:
    metrics = {name: metric_from(metric, own) for name, metric in spec["metrics"]}
    optimizer, loss = from_spec(spec["optimizer"], own), from_spec(spec["loss"], own)
    if not isinstance(optimizer, Optimizer) or not isinstance(loss, Loss):
        raise ValueError("its optimizer or its loss is none")
    limits = [as_limit(spec[name] or None, name) for name in ("clip_norm", "clip_value")]
    return Setup(optimizer, loss, metrics, *limits)


def _network_spec(network: Network) -> dict[str, Any]:
    part = _partial(network)
    return {
        "n_features": network.layout.n_in,
        "step": network.step,
        "epoch": network.epoch,
        "frozen": network.frozen,
        "learning_rate_factor": network.learning_rate_factor,
        "partial": part and [part.batch_size, part.shuffle, part.done],
    }


def _network_arrays(network: Network) -> dict[str, np.ndarray]:
    state, layout = network.state, network.layout
    found = {}
    for tensor in layout.parameters:
        name = f"{tensor.layer}.{tensor.name}"
        found[name] = state.view(tensor)
        for k, slot in enumerate(SLOTS, start=1):
            values = state.values[k * layout.n_parameters :][tensor.slice]
            # By bits: -0.0 is not 0.0.
            if values.view(np.uint8).any():
                found[f"{name}.{slot}"] = values.reshape(tensor.shape)
    for tensor in layout.running:
        found[f"{tensor.layer}.{tensor.name}"] = state.view(tensor)
    return found | (_partial_arrays(part) if (part := _partial(network)) else {})


def _partial(network: Network) -> Partial | None:
    """The epoch that was begun, if another fit could go on with it."""
    part = network.partial
    return part if part is not None and part.changes == network.state.changes else None


def _partial_arrays(part: Partial) -> dict[str, np.ndarray]:
    """Of losses and outputs what is there: the rest is memory that nobody has written to."""
    found = {"order": part.order, "losses": part.losses[: part.done], "norms": part.norms}
    if part.outputs is not None:
        rows = batch_bounds(len(part.order), part.batch_size)[part.done]
        found["outputs"] = part.outputs[:rows]
    return {f"partial.{name}": array for name, array in found.items()}


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
    network.learning_rate_factor = spec["learning_rate_factor"]
    if not Range(0).holds(network.learning_rate_factor):
        raise ValueError(f"learning_rate_factor is {network.learning_rate_factor}")
    if spec["partial"] is not None:
        network.partial = _partial_from(tensors, spec["partial"], network)
    return network


def _generator(rng: np.random.Generator) -> dict[str, Any]:
    return dict(rng.bit_generator.state)


def _set_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    rng.bit_generator.state = state


def _seed_sequence(seed: np.random.SeedSequence) -> dict[str, Any]:
    entropy: Any = seed.entropy
    return {"entropy": entropy if entropy is None else int(entropy),
            "spawn_key": [int(k) for k in seed.spawn_key]}  # fmt: skip
