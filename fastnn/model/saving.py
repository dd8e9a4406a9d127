"""Saving: a model to a file, and back to the bit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.files import texts
from fastnn.files.persistence import pack
from fastnn.files.specs import CLASSES, metric_spec, to_spec
from fastnn.files.version import __version__
from fastnn.files.whole import write_whole
from fastnn.initializers import Array
from fastnn.inputs.paths import as_path
from fastnn.layers import Layer
from fastnn.model.weights import Weights
from fastnn.training.batches import batch_bounds
from fastnn.training.network import Network, Partial, Setup

SLOTS = "slot_1", "slot_2"
PARTIAL = "order", "losses", "norms"


def save(model: Weights, path: str | Path) -> None:
    """Write a model to a file; see `Sequential.save`."""
    with nullcontext() if model._network is None else model._network.lock:
        blob = pack(*portrait(model))
    write_whole(as_path(path), blob)


def own_functions(model: Weights) -> dict[str, Callable]:
    """A model's own functions by the names that its file has for them once it is built."""
    own: dict[str, Callable] = {}
    for layer in map(_drawn, model.layers):
        to_spec(layer, own)
    if model._setup is not None:
        _setup_spec(model._setup, own)
    return own


def portrait(model: Weights) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All that a model is: arrays by name, and the rest as plain data and arrays."""
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
        "weighted": sorted(setup.weighted),
        "clip_norm": setup.clip_norm,
        "clip_value": setup.clip_value,
    }


def _network_spec(network: Network) -> dict[str, Any]:
    part = _partial(network)
    return {
        "n_features": network.layout.n_in,
        "feature_names": network.feature_names and texts.to_array(network.feature_names),
        "step": network.step,
        "schedule_start": network.schedule_start,
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
    if network.curvature is not None:
        found |= {f"curvature.{k}": v for k, v in network.curvature._asdict().items()}
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


def _generator(rng: np.random.Generator) -> dict[str, Any]:
    return dict(rng.bit_generator.state)


def _seed_sequence(seed: np.random.SeedSequence) -> dict[str, Any]:
    entropy: Any = seed.entropy
    return {"entropy": entropy if entropy is None else int(entropy),
            "spawn_key": [int(k) for k in seed.spawn_key]}  # fmt: skip
