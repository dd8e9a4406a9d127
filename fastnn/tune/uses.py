"""How a function uses the names that it sees, by its text."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Uses:
    """Of a function whose text is not known, the defaults.

    Attributes
    ----------
    written : set of str
        Variables outside that it only writes to: such as a counter, or a list to which it appends.
    attributes : set of str or None
        What it names of its first argument, `self`; None where that goes elsewhere as a whole.
    written_to_self, written_elsewhere : set of str
        Attributes that it sets, of its first argument and of anything else.
    plain_defaults : bool
        Whether its text tells the values of its defaults.
    """

    written: set[str] = field(default_factory=set)
    attributes: set[str] | None = None
    written_to_self: set[str] = field(default_factory=set)
    written_elsewhere: set[str] = field(default_factory=set)
    plain_defaults: bool = False


def uses_of(function: FunctionType) -> Uses:
    """How a function uses what it sees.

    Examples
    --------
    >>> uses_of(FunctionType(compile("0", "", "eval"), {})).attributes is None
    True
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.__code__)))
    except (OSError, SyntaxError, TypeError):
        return Uses()
    found = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    if not found or sum(isinstance(node, ast.Lambda) for node in found[:2]) > 1:
        # Which of two on one line it is cannot be told.
        return Uses()
    return _uses(found[0])


def code_text(function: FunctionType) -> str:
    """A function's own text, without its decorators' work."""
    try:
        text = inspect.getsource(function.__code__)
    except (OSError, TypeError):
        return compiled_text(function.__code__)
    return text + one_of_many(function)


def one_of_many(function: FunctionType) -> str:
    """Which it is of several lambdas in one text; nothing for any other function."""
    try:
        many = inspect.getsource(function.__code__).count("lambda") > 1
    except (OSError, TypeError):
        return ""
    return compiled_text(function.__code__) if many and function.__name__ == "<lambda>" else ""


def compiled_text(code: CodeType) -> str:
    """The instructions of a function that has no text."""
    constants = [_constant(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _constant(value: Any) -> str:
    if isinstance(value, frozenset):
        # Its order differs from process to process.
        return repr(sorted(map(repr, value)))
    return compiled_text(value) if isinstance(value, CodeType) else repr(value)


def _uses(node: ast.AST) -> Uses:
    given = node.args  # type: ignore[attr-defined]
    arguments = [*given.posonlyargs, *given.args]
    me = arguments[0].arg if arguments else ""
    parents = {child: parent for parent in ast.walk(node) for child in ast.iter_child_nodes(parent)}
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    declared = {
        name for n in ast.walk(node) if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names
    }
    stored = {n.id for n in names if not isinstance(n.ctx, ast.Load)}
    read = {n.id for n in names if isinstance(n.ctx, ast.Load) and not _is_thrown_away(n, parents)}
    loads = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    mine = [parents[n] for n in names if n.id == me]
    whole = any(not isinstance(parent, ast.Attribute) for parent in mine)
    above = {
        n.attr for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Call)
        and getattr(n.value.func, "id", None) == "super"
    }  # fmt: skip
    set_ = [
        n for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)
    ]  # fmt: skip
    own = {id(parent) for parent in mine}
    return Uses(
        (declared & stored) | (loads - read),
        None if whole else above | {p.attr for p in mine if isinstance(p, ast.Attribute)},
        {n.attr for n in set_ if id(n) in own},
        {n.attr for n in set_ if id(n) not in own},
        all(_is_plain(d) for d in (*given.defaults, *given.kw_defaults) if d is not None),
    )


def _is_thrown_away(name: ast.Name, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether it is written to: a method called without use of what it returns, an entry set."""
    up = list(_ancestors(name, parents))[:3]
    if isinstance(up[0], ast.Subscript | ast.Attribute) and not isinstance(up[0].ctx, ast.Load):
        return isinstance(up[0], ast.Attribute) or up[0].value is name
    return (
        len(up) == 3
        and isinstance(up[0], ast.Attribute)
        and isinstance(up[1], ast.Call)
        and up[1].func is up[0]
        and isinstance(up[2], ast.Expr)
    )


def _ancestors(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while node in parents:
        node = parents[node]
        yield node


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_plain(node.operand)
    if isinstance(node, ast.Tuple):
        return all(map(_is_plain, node.elts))
    return isinstance(node, ast.Constant)
