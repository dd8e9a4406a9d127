"""Subjects: what is tuned, a function that builds models or an estimator."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn import metrics
from fastnn.engine.layout import Layout
from fastnn.files.persistence import pack, unpack_bytes
from fastnn.inputs.names import unknown
from fastnn.model.loading import read_model
from fastnn.model.saving import own_functions, portrait
from fastnn.model.sequential import Sequential
from fastnn.training.building import as_seeds
from fastnn.tune.splits import Data
from fastnn.tune.templates import Template
from fastnn.tune.trial import Curves

OF_FIT = ("batch_size", "epochs", "shuffle")
"""Parameters that go to `fit`."""
STEP_SECONDS, FLOP_SECONDS = 1e-5, 1e-10
"""A rough guess of what training takes: good enough to begin with the longest."""


class NetworkMember:
    """A network under training, which can be paused and continued."""

    def __init__(self, model: Sequential, fit: dict[str, Any]) -> None:
        self.model = model
        self.epochs = int(fit.pop("epochs", 1))
        self.fit = fit
        self.finished = False

    def advance(self, data: Data, fold: int, target: int, watch: Any) -> None:
        """Train until `target` epochs are made in all, or `watch` says stop."""
        fit = {**self.fit, **data.fit}
        if data.held_out[fold] is not None:
            fit["validation_split"] = data.split(fold)
        callbacks = [*fit.pop("callbacks", ()), watch]
        if target > self.trained:
            left = target - self.trained
            self.model.fit(data.X, data.y, left, callbacks=callbacks, verbose=0, **fit)
            data.name_features(self.model)

    @property
    def trained(self) -> int:
        """Epochs made."""
        return len(self.model.history)

    @property
    def curves(self) -> Curves:
        """The columns of its history."""
        return {name: list(column) for name, column in self.model.history.history.items()}

    def to_bytes(self) -> bytes | None:
        """Whether it has finished, and its model's file; None where it may as well start anew."""
        if not self.trained or type(self.model) is not Sequential:
            return None
        try:
            return bytes([self.finished]) + pack(*portrait(self.model))
        except (TypeError, ValueError):  # of parts that no file can hold
            return None

    def cost(self, data: Data) -> float:
        """About how many seconds its training takes."""
        layout = Layout(self.model.layers, int(np.shape(data.X)[1]))
        batch = self.fit.get("batch_size", 32)
        batch = min(data.n_rows, batch if isinstance(batch, int) else 64)
        steps = self.epochs * data.n_rows / batch
        return steps * (STEP_SECONDS + FLOP_SECONDS * batch * layout.flops_per_row)


class Builder:
    """Networks from a function of the parameters."""

    continues = True

    def __init__(self, build: Callable[..., Any], fit: dict[str, Any]) -> None:
        self.build, self.fit = build, fit
        arguments = inspect.signature(build).parameters.values()
        self.takes_any = any(a.kind is a.VAR_KEYWORD for a in arguments)
        named = [a for a in arguments if a.kind in (a.POSITIONAL_OR_KEYWORD, a.KEYWORD_ONLY)]
        self.takes = {a.name for a in named}
        self.needs = {a.name for a in named if a.default is a.empty}

    def check(self, names: list[str]) -> None:
        """Refuse parameters that nobody takes, and a space that lacks one."""
        for name in names:
            if name not in self.takes and name not in OF_FIT and not self.takes_any:
                known = [*sorted(self.takes), *OF_FIT]
                raise ValueError(
                    f"{unknown('parameter', name, known)}; the space's parameters are arguments "
                    f"of {_name(self.build)} or of fit"
                )
        missing = self.needs - set(names) - {"seed"} - set(self.fit)
        if missing:
            raise ValueError(
                f"{_name(self.build)} needs {', '.join(sorted(missing))}, which the space lacks; "
                "add a scale or a constant for it, or give the argument a default"
            )

    def member(self, params: Mapping[str, Any], seed: int) -> NetworkMember:
        """The untrained network of some parameters."""
        fit = copy.deepcopy({k: v for k, v in self.fit.items() if k == "callbacks"})
        fit = {**self.fit, **fit, **{k: v for k, v in params.items() if k in OF_FIT}}
        given = {**{k: v for k, v in self.fit.items() if k in self.takes}, **params, "seed": seed}
        given = {
            k: v
            for k, v in given.items()
            if k in self.takes or (self.takes_any and k not in (*OF_FIT, "seed"))
        }
        model = self.build(**given)
        if isinstance(model, tuple) and len(model) == 2 and isinstance(model[1], Mapping):
            model, further = model
            if "epochs" in further:
                raise ValueError("epochs belongs into the space or the search, not to the builder")
            fit |= further
        if not isinstance(model, Sequential) or model._setup is None:
            raise TypeError(
                f"{_name(self.build)} returned {model!r:.60}; expected a compiled Sequential, or "
                "one with a dictionary of arguments of fit"
            )
        if hasattr(model, "_member"):
            raise ValueError(
                f"{_name(self.build)} returned one model twice; it must make a new one in each call"
            )
        model._member = True  # type: ignore[attr-defined]
        return NetworkMember(seeded(model, seed), fit)

    def revived(self, params: Mapping[str, Any], seed: int, state: bytes) -> NetworkMember:
        """The member that `NetworkMember.to_bytes` has described."""
        member = self.member(params, seed)
        own = own_functions(member.model)
        name = "the state of a paused trial"
        member.model = read_model(name, *unpack_bytes(state[1:]), own)
        member.finished = bool(state[0])
        return member

    def monitor(self, monitor: Any, mode: str, first: NetworkMember | None) -> tuple[str, float]:
        """The column to go by, and 1 where less is better, -1 where more is."""
        column = "val_loss" if monitor is None else monitor
        if not isinstance(column, str):
            raise TypeError(f'monitor is {monitor!r:.60}; expected a column, such as "val_loss"')
        if first is not None and first.model._setup is not None:
            known = ["loss", *first.model._setup.metrics]
            known += [f"val_{name}" for name in known]
            if column not in known:
                raise unknown("monitor", column, known)
        return column, sign_of(column, mode)


def seeded(model: Sequential, seed: int) -> Sequential:
    """The model, with the seed where it was given none."""
    if model.seed is None and model._network is None:
        model.seed = seed
        init, shuffle, dropout, model._split_seed = as_seeds(seed, 4)
        model._init_rng = np.random.default_rng(init)
        model._shuffle_rng = np.random.default_rng(shuffle)
        model._dropout_seed = int(dropout.generate_state(1, np.uint64)[0] >> 1)
    return model


def sign_of(column: Any, mode: str) -> float:
    """1 where less is better, -1 where more is."""
    if not isinstance(mode, str):
        raise TypeError(f'mode is {mode!r}; expected "auto", "min" or "max"')
    found = metrics.direction(column) if mode == "auto" else mode
    if found not in ("min", "max"):
        what = f'whether "{column}" is to fall or to rise is unknown'
        raise ValueError(f'{what if mode == "auto" else f"mode is {mode!r}"}; pass "min" or "max"')
    return 1.0 if found == "min" else -1.0


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def make_subject(given: Any, fit: dict[str, Any]) -> Any:
    """A Builder for a function, a Template for an estimator."""
    if hasattr(given, "get_params") and hasattr(given, "fit") and not isinstance(given, type):
        return Template(given, fit)
    if isinstance(given, Sequential):
        raise TypeError(
            "got a model; expected a function of the parameters that builds and compiles one, or "
            "an estimator"
        )
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            f"got {given!r:.60} to tune; expected a function of the parameters that returns a "
            "compiled Sequential, or an estimator with get_params, set_params and fit"
        )
    return Builder(given, fit)
