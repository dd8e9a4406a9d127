"""What a function can see beside its own text: closure, globals, defaults and `self`."""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from fastnn.model.sequential import Sequential
from fastnn.tune.uses import Uses, code_text, one_of_many, uses_of

PLAIN = (int, float, complex, str, bytes, range, slice, type(None), type(...))


class View:
    """Texts of what can be seen from a function or a value.

    Attributes
    ----------
    lines : list of str
        What a name alone does not tell: settings, and the text of each function and class that is
        the user's own, once. Functions and classes of libraries are what their names say.

    Parameters
    ----------
    describe : callable
        Gives the text of an object of a library.
    """

    def __init__(self, describe: Callable[[Any], str]) -> None:
        self.lines: list[str] = []
        self.describe = describe
        self._numbers: dict[int, int] = {}
        self._path: list[int] = []
        # What has a number must not be replaced by something else at its address.
        self._alive: list[Any] = []

    def look(self, build: Any) -> None:
        """Note what a function, a method or an object that is called sees."""
        if isinstance(build, partial):
            self.text((build.args, build.keywords))
            self.look(build.func)
        elif isinstance(build, MethodType):
            self._of_self(build.__self__, build.__func__)
        elif not isinstance(build, FunctionType) and _is_own(type(build)):
            self._of_self(build, type(build).__call__)
        elif isinstance(build, FunctionType) and not hasattr(build, "__wrapped__"):
            self.lines += filter(None, [one_of_many(build)])
            self._of_function(build, uses_of(build))
        else:
            self.lines.append(self.text(build, True))

    def text(self, value: Any, private: bool = False) -> str:
        """The text of a value; what it needs is noted.

        Parameters
        ----------
        private : bool
            Whether attributes that begin with an underscore count too.
        """
        if type(value) in PLAIN or isinstance(value, bool):
            return repr(value)
        if id(value) in self._path:
            return "..."
        self._path.append(id(value))
        try:
            return self._text(value, private)
        finally:
            self._path.pop()

    def _text(self, value: Any, private: bool) -> str:
        name = type(value).__qualname__
        if isinstance(value, np.generic):
            return repr(value.item())
        if isinstance(value, Enum):
            return f"{name}.{value.name}: {self.text(value.value)}"
        if isinstance(value, dict):
            items = [f"{self.text(k)}: {self.text(v, private)}" for k, v in value.items()]
            return f"{name}({', '.join(items)})"
        if isinstance(value, list | tuple | set | frozenset):
            texts = [self.text(v, private) for v in value]
            # The order of a set of texts differs from process to process.
            ordered = texts if isinstance(value, list | tuple) else sorted(texts)
            return f"{name}({', '.join(ordered)})"
        if isinstance(value, partial):
            return f"partial{self.text((value.func, value.args, value.keywords), private)}"
        if isinstance(value, ModuleType):
            return value.__name__
        if isinstance(value, MethodType) and _is_own(value.__func__):
            return self._number(value.__func__, lambda: self.look(value))
        function = _behind(value)
        if isinstance(function, FunctionType | type):
            if not _is_own(function):
                return f"{function.__module__.partition('.')[0]}.{function.__qualname__}"
            note = self._class if isinstance(function, type) else self._function
            return self._number(function, note, function)
        return self._of_instance(value, private)

    def _of_instance(self, value: Any, private: bool) -> str:
        if isinstance(value, Sequential):
            weights = value.get_weights() if value._network is not None else []
            return f"{self.text(value.layers)} {[self.describe(w) for w in weights]}"
        if hasattr(value, "__array__"):
            return f"{list(getattr(value, 'columns', ()))} {self.describe(np.asarray(value))}"
        if _is_own(type(value)):
            state = {k: v for k, v in _state(value).items() if private or not k.startswith("_")}
            return f"{self.text(type(value))}{self.text(state, private)}"
        if hasattr(value, "get_params"):
            parts = value.get_params(deep=False)
        elif is_dataclass(value):
            parts = {f.name: getattr(value, f.name) for f in fields(value)}
        else:
            return self.describe(value)
        return f"{type(value).__qualname__}{self.text(parts, private)}"

    def _number(self, value: Any, note: Callable[..., None], *arguments: Any) -> str:
        """What stands for a function or a class; its text is noted at the first time."""
        known = id(value) in self._numbers
        number = self._numbers.setdefault(id(value), len(self._numbers))
        if not known:
            self._alive.append(value)
            self.lines.append(f"#{number}:")
            note(*arguments)
        return f"#{number}"

    def _function(self, function: FunctionType) -> None:
        self.lines.append(code_text(function))
        self._of_function(function, uses_of(function))

    def _class(self, kind: type) -> None:
        self.lines.append(f"class {kind.__qualname__}{self.text(kind.__bases__)}")
        members = list(_members(kind))
        functions = [f for _, found in members for f in _functions(found)]
        written = {name for f in functions for name in uses_of(f).written_elsewhere}
        for name, member in members:
            found = list(_functions(member))
            for function in found:
                self._function(function)
            if not found and name not in written:
                self.lines.append(f"{name} = {self.text(member, True)}")

    def _of_function(self, function: FunctionType, uses: Uses, without: str = "") -> None:
        """Closure, globals and defaults."""
        code = function.__code__
        seen = {}
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                seen[name] = cell.cell_contents
            except ValueError:
                continue
        names, attributes = _names(code)
        further = function.__globals__
        seen |= {name: further[name] for name in sorted(names) if name in further}
        for name, value in seen.items():
            if name in uses.written or name == without:
                continue
            if isinstance(value, ModuleType):
                inside = sorted(attributes & vars(value).keys()) if _is_own(value) else ()
                self._note({f"{name}.{inner}": getattr(value, inner) for inner in inside})
            else:
                self._note({name: value})
        if not uses.plain_defaults:
            self._note({"defaults": (function.__defaults__, function.__kwdefaults__)})

    def _note(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            told = getattr(value, "__name__", None) == name.rpartition(".")[2]
            if not (told and callable(value)) or _is_own(_behind(value)):
                self.lines.append(f"{name} = {self.text(value, True)}")

    def _of_self(self, me: Any, function: Any) -> None:
        """What a method sees: what it names of `self`, and what the methods see that it calls."""
        state = {} if isinstance(me, type) else _state(me)
        todo, methods, values = [function], [], {}  # type: tuple[list, list, dict]
        names: set[str] = set()
        everything = False
        while todo:
            method = todo.pop()
            methods.append(method)
            uses = uses_of(method)
            everything |= uses.attributes is None
            for name in sorted((uses.attributes or set()) - names):
                names.add(name)
                for kind in (me if isinstance(me, type) else type(me)).__mro__:
                    member = vars(kind).get(name) if _is_own(kind) else None
                    found = [f for f in _functions(member) if f not in methods and f not in todo]
                    todo += found
                    if isinstance(member, cached_property):
                        state.pop(name, None)
                    elif member is not None and not list(_functions(member)):
                        values.setdefault(name, member)
        for method in methods:
            if method is not function:
                self.lines.append(code_text(method))
            self._of_function(method, uses_of(method), without="__class__")
        written = {name for method in methods for name in uses_of(method).written_to_self}
        written |= {name for method in methods for name in uses_of(method).written_elsewhere}
        if everything:
            self.text(type(me))
        chosen = state if everything else {k: v for k, v in state.items() if k in names}
        for name, value in sorted({**values, **chosen}.items()):
            if name not in written:
                self.lines.append(f"self.{name} = {self.text(value, True)}")


def _is_own(value: Any) -> bool:
    """Whether it is the user's: of no library and not of Python's own."""
    is_module = isinstance(value, ModuleType)
    name = value.__name__ if is_module else getattr(value, "__module__", None)
    if not isinstance(name, str) or name == "builtins":
        # Python's own functions are of another type; this one's text was executed by itself.
        return isinstance(value, FunctionType)
    root = name.partition(".")[0]
    if root == "fastnn" or (root in sys.stdlib_module_names and root != "__main__"):
        return False
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file


def _behind(value: Any) -> Any:
    """The function that was compiled or wrapped; anything else as it is."""
    for name in ("py_func", "__wrapped__"):
        function = getattr(value, name, None)
        if isinstance(function, FunctionType) and not isinstance(value, FunctionType):
            return function
    return value


def _names(code: CodeType) -> tuple[set[str], set[str]]:
    """The names of globals, and those of attributes, that a function reads."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    found = {i.argval for i in dis.get_instructions(code) if i.opname in loads}
    attributes = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            more, further = _names(inner)
            found |= more
            attributes |= further
    return found, attributes


def _functions(member: Any) -> Iterator[FunctionType]:
    """The functions behind a member of a class."""
    found = [getattr(member, name, None) for name in ("__func__", "fget", "func", "py_func")]
    for function in (member, *found):
        if isinstance(function, FunctionType):
            yield function


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """What the user has written into a class."""
    for name, member in vars(kind).items():
        dunder = name.startswith("__") and name.endswith("__")
        if name != "_abc_impl" and (not dunder or list(_functions(member))):
            yield name, member


def _state(value: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots too."""
    try:
        state = object.__getstate__(value)  # type: ignore[attr-defined]
    except TypeError:
        state = getattr(value, "__dict__", None)
    found = state if isinstance(state, tuple) else (state,)
    return {k: v for part in found if part for k, v in part.items()}
