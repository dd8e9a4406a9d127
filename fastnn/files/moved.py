"""Old names of modules, so that pickles of earlier versions load: a pickle names its classes."""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
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


class _Moved(MetaPathFinder, Loader):
    """Finds a module of today under its old name."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        package, _, old = name.partition(".")
        return ModuleSpec(name, self) if package == "fastnn" and old in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = import_module("fastnn." + MOVED[name.removeprefix("fastnn.")])


def find_by_old_names() -> None:
    """Let old names be imported from now on."""
    sys.meta_path.append(_Moved())
