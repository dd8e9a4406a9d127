"""Calls with arguments that a function does not take are answered in a sentence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, TypeVar

from fastnn.inputs.foreign import OF_PARTS
from fastnn.inputs.names import suggestion

Target = TypeVar("Target")
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def explained(target: Target) -> Target:
    """A function that answers wrong calls in a sentence; of a class, its public methods do.

    Parameters
    ----------
    target : function or class
        A class is changed in place: what it inherits is left as it is.

    Examples
    --------
    >>> @explained
    ... def area(width, height=1.0): ...
    >>> area(widht=2)
    Traceback (most recent call last):
    TypeError: area takes no "widht"; did you mean "width"? It takes width, height
    """
    if not isinstance(target, type):
        return _explained(target, target.__name__)  # type: ignore[attr-defined]
    explained_parts([target])
    for name, member in list(vars(target).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, staticmethod | classmethod):
            setattr(target, name, type(member)(_explained(member.__func__, name)))
        elif isinstance(member, FunctionType):
            setattr(target, name, _explained(member, name))
    return target


def explained_parts(classes: Iterable[type]) -> None:
    """Classes that answer in a sentence where they are called with wrong arguments."""
    for part in classes:
        if "__init__" in vars(part):
            wrapped = _explained(vars(part)["__init__"], part.__name__)
            setattr(part, "__init__", wrapped)  # noqa: B010


def _explained(function: Any, label: str) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # Where there is no further frame, the function itself was never entered.
            entered = error.__traceback__ is None or error.__traceback__.tb_next is not None
            text = "" if entered else wrong_call(function, label, args, kwargs)
            if not text:
                raise
        raise TypeError(text)

    return call


def wrong_call(function: Callable, label: str, args: tuple, kwargs: Mapping[str, Any]) -> str:
    """What is wrong with a call; empty where nothing is."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters, args = parameters[1:], args[1:]
    names = [p.name for p in parameters if p.kind in NAMED]
    takes = f"it takes {', '.join(names)}" if names else "it takes no arguments"
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in kwargs:
            if name not in names:
                return f'{label} takes no "{name}"; {_hint(name, names, takes)}'
    about = f"; {OF_PARTS[label]}" if label in OF_PARTS else ""
    places = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) > len(places) and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        if not names:
            return f"{label} takes no arguments, but got {args[0]!r:.60}{about}"
        plural = "s" * (len(places) != 1)
        most = f"at most {len(places)} argument{plural}" if places else "no arguments"
        return (
            f"{label} takes {most} without their names, but got {len(args)}, the last "
            f"{args[-1]!r:.60}; {takes}"
        )
    for name in places[: len(args)]:
        if name in kwargs:
            return f'{label} got "{name}" twice, by its place and by its name; {takes}'
    given = {*places[: len(args)], *kwargs}
    needed = [p.name for p in parameters if p.kind in NAMED and p.default is p.empty]
    missing = [name for name in needed if name not in given]
    return f"{label} needs {' and '.join(missing)}; {takes}{about}" if missing else ""


def _hint(name: str, names: list[str], takes: str) -> str:
    found = suggestion("argument", name, names)
    return f"{found}{takes[0].upper()}{takes[1:]}" if found else takes
