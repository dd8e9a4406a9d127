"""Old names of modules, so that pickles of earlier versions load: a pickle names its classes."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MOVED = {
    "buffers": "engine.buffers",
    "layout": "engine.layout",
    "lr_find": "training.lr_find",
    "network": "training.network",
    "persistence": "files.persistence",
    "weights": "model.weights",
}


class _Moved:
    """Finds a module of today under its old name.

    `importlib.abc` has classes for this; to import them takes half as long as all of `fastnn`.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        itself: Any = self
        return ModuleSpec(name, itself) if package == "fastnn" and old in MOVED else None

    def create_module(self, spec: ModuleSpec) -> None:
        """As other modules are made."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = import_module("fastnn." + MOVED[name.removeprefix("fastnn.")])


def find_by_old_names() -> None:
    """Let old names be imported from now on."""
    sys.meta_path.append(_Moved())
